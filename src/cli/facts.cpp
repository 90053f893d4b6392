#include "cli/facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <system_error>
#include <thread>

#include "baselines/bpe.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/run_dir.h"
#include "data/read_corpus.h"
#include "data/leak.h"
#include "data/profile.h"
#include "data/tokenizer.h"

namespace aunet {

namespace {

/// A tokenizer and the file that it is in.
struct NamedBpe {
  Bpe bpe;
  std::string path;
};

struct Measured {
  DataFacts facts;
  int64_t n_windows = 0;
};

/// What distinguishes two profiles of the same corpus: sizes do not.
std::string profile_key(const ModelConfig& model, const std::string& tokenizer, uint64_t seed) {
  if (const auto* aunet = std::get_if<AunetConfig>(&model)) {
    return fmt::format("aunet {} {} {} {}", to_string(aunet->split), to_string(aunet->split_mode),
                       fmt::join(aunet->max_seqlens, ","), seed);
  }
  return fmt::format("{} {} {}", kind_of(model), tokenizer, seed);
}

/// A family's base model has no sizes yet; row counts need only the number of stages.
ModelConfig with_stages(ModelConfig model) {
  if (auto* aunet = std::get_if<AunetConfig>(&model); aunet && aunet->dimensions.empty()) {
    aunet->dimensions.assign(aunet->split.size() + 1, 1);
  }
  return model;
}

}  // namespace

struct FactsCache::Impl {
  SweepData data;
  std::string runs_root;
  std::optional<Corpus> corpus;
  std::string train_fingerprint, heldout_fingerprint;
  std::unique_ptr<Tokenizer> bytes = make_byte_tokenizer();
  std::vector<std::string> eval_fingerprints;
  std::map<std::string, NamedBpe> tokenizers;  // by request
  std::map<std::string, Measured> measured;
  std::set<std::string> leak_told;  // models whose user rules have had their line

  const Corpus& train() {
    if (!corpus) {
      corpus = read_train_sources(data.data);
      train_fingerprint = fingerprint(*corpus, data.data.train);
      if (!data.data.heldout.empty()) {
        const Corpus heldout = read_texts(data.data.heldout, data.data.invalid);
        check_disjoint(*corpus, heldout, data.data, data.data.heldout, "data.heldout");
        heldout_fingerprint = fingerprint(heldout);
      }
      for (const EvalConfig& eval : data.evals) {
        if (eval.paths.empty()) {
          eval_fingerprints.push_back(heldout_fingerprint);
          continue;
        }
        const Corpus text = read_texts(eval.paths, data.data.invalid);
        check_disjoint(*corpus, text, data.data, eval.paths, fmt::format("eval '{}'", eval.name));
        eval_fingerprints.push_back(fingerprint(text));
      }
    }
    return *corpus;
  }

  /// The tokenizer that a family asks for, trained or read once.
  const NamedBpe& bpe(const TokenizerConfig& wanted) {
    const std::string request =
        fmt::format("{}|{}|{}|{}", wanted.train, wanted.vocab, wanted.path, wanted.pattern);
    const auto found = tokenizers.find(request);
    if (found != tokenizers.end()) return found->second;
    return tokenizers
        .emplace(request, NamedBpe{wanted.train ? trained(wanted) : Bpe::load(wanted.path, wanted.pattern),
                                   wanted.train ? cache_path(wanted) : wanted.path})
        .first->second;
  }

  std::string cache_path(const TokenizerConfig& wanted) {
    train();
    const std::string id = hash_hex(fmt::format("{}|{}|{}", train_fingerprint, wanted.vocab, wanted.pattern));
    return RunsRoot{runs_root}.cache() + "/tokenizers/" + id + ".tiktoken";
  }

  Bpe trained(const TokenizerConfig& wanted) {
    const std::string path = cache_path(wanted);
    if (exists(path)) {
      // In use from now on: `aunet gc` goes by the time, until the sweep's lock or the run's copy speaks for
      // it.
      std::error_code ignored;
      std::filesystem::last_write_time(path, std::filesystem::file_time_type::clock::now(), ignored);
      return Bpe::load(path, wanted.pattern);
    }
    log_info(fmt::format("training a BPE tokenizer of {} ids on {} documents", wanted.vocab,
                         train().n_documents()));
    std::vector<std::string_view> texts;
    for (int64_t i = 0; i < train().n_documents(); ++i) texts.push_back(train().text(i));
    const int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 4u));
    Bpe tokenizer = Bpe::train(texts, wanted.vocab, wanted.pattern, {.threads = threads});
    make_directories(RunsRoot{runs_root}.cache() + "/tokenizers");
    tokenizer.save(path);
    return tokenizer;
  }

  const DataFacts& facts(const FamilySpec& family, uint64_t seed, int64_t n_windows) {
    const auto* transformer = std::get_if<TransformerConfig>(&family.base);
    const NamedBpe* tokenizer =
        transformer && transformer->tokenizer.kind == "bpe" ? &bpe(transformer->tokenizer) : nullptr;
    Measured& entry = measured[profile_key(family.base, tokenizer ? tokenizer->bpe.fingerprint() : "", seed)];
    if (entry.n_windows < n_windows) measure(with_stages(family.base), tokenizer, seed, n_windows, entry);
    return entry.facts;
  }

  void measure(const ModelConfig& model, const NamedBpe* tokenizer, uint64_t seed, int64_t n_windows,
               Measured& entry) {
    if (leak_told.insert(profile_key(model, "", 0)).second) warn_of_leak(model, train());
    const Tokenizer& units = tokenizer ? static_cast<const Tokenizer&>(tokenizer->bpe) : *bytes;
    DataProfile p = profile(train(), data.data, model, units, seed, n_windows);
    DataFacts& facts = entry.facts;
    facts.n_stages = p.n_stages;
    facts.rows = std::move(p.rows);
    facts.text_bytes = std::move(p.text_bytes);
    facts.window_source = std::move(p.source);
    facts.source_bytes = std::move(p.source_bytes);
    facts.bytes_per_token = p.bytes_per_token;
    facts.epoch_bytes = p.epoch_bytes;
    facts.train_fingerprint = train_fingerprint;
    facts.heldout_fingerprint = heldout_fingerprint;
    facts.eval_fingerprints = eval_fingerprints;
    if (tokenizer) {
      facts.tokenizer_fingerprint = tokenizer->bpe.fingerprint();
      facts.tokenizer_path = tokenizer->path;
      facts.vocab = tokenizer->bpe.vocab_size() - 2;
    }
    auto stream = std::make_shared<TrainingStream>(train(), data.data, seed);
    auto builder = std::make_shared<SequenceBuilder>(model, units);
    facts.cut_rows = [this, stream, builder](int64_t window, int64_t max_text_bytes) {
      return builder->rows(builder->training(*corpus, stream->window(window), max_text_bytes));
    };
    entry.n_windows = n_windows;
  }
};

FactsCache::FactsCache(const SweepData& data, std::string runs_root) : impl_(std::make_shared<Impl>()) {
  impl_->data = data;
  impl_->runs_root = std::move(runs_root);
}
FactsCache::~FactsCache() = default;

FactsProvider FactsCache::provider() {
  return [impl = impl_](const FamilySpec& family, uint64_t seed, int64_t n_windows) -> const DataFacts& {
    return impl->facts(family, seed, n_windows);
  };
}

}  // namespace aunet
