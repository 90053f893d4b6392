#include "cli/bench_bpe.h"

#include "baselines/bpe.h"
#include "cli/shipped_text.h"
#include "cli/text_table.h"
#include "core/error.h"
#include "data/utf8.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace aunet {
namespace {

namespace po = boost::program_options;

constexpr int64_t kVocab = 4096;  // of the tokenizer that is trained when none is given

struct Options {
  std::string tokenizer, pattern, file;
  int64_t train = 0, repeats = 0, megabytes = 0;
  int threads = 1;
  bool as_json = false;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Documents of at most `most` bytes in all, the last one cut between two characters.
std::vector<std::string_view> some_of(const Corpus& corpus, size_t most) {
  std::vector<std::string_view> texts;
  for (int64_t d = 0; d < corpus.n_documents() && most > 0; ++d) {
    const std::string_view text = corpus.text(d);
    texts.push_back(text.substr(0, static_cast<size_t>(utf8_cut(text, 0, static_cast<int64_t>(most)))));
    most -= std::min(most, text.size());
  }
  return texts;
}

struct Encoding {
  std::vector<double> mb_per_s;  // ascending
  double bytes = 0, tokens = 0;
  double pieces_per_s = 0;  // at the median
  double median() const { return mb_per_s[mb_per_s.size() / 2]; }
};

double count_pieces_of(const std::vector<std::string_view>& texts, const Bpe& bpe) {
  double n_pieces = 0;
  for (const std::string_view text : texts) {
    if (find_invalid_utf8(text) == std::string_view::npos)
      bpe.pretokenizer().for_each_piece(text, [&](std::string_view) { ++n_pieces; });
  }
  return n_pieces;
}

Encoding time_encoding(const Bpe& bpe, const std::vector<std::string_view>& texts, int64_t repeats) {
  Encoding timing;
  for (const auto text : texts) timing.bytes += static_cast<double>(text.size());
  std::vector<int32_t> ids;
  for (int64_t i = 0; i <= repeats; ++i) {  // the first fills the cache of pieces and is not counted
    const auto start = std::chrono::steady_clock::now();
    timing.tokens = 0;
    for (const auto text : texts) {
      ids.clear();
      bpe.encode(text, ids);
      timing.tokens += static_cast<double>(ids.size());
    }
    if (i > 0) timing.mb_per_s.push_back(timing.bytes / 1e6 / seconds_since(start));
  }
  std::sort(timing.mb_per_s.begin(), timing.mb_per_s.end());
  timing.pieces_per_s = count_pieces_of(texts, bpe) / (timing.bytes / 1e6 / timing.median());
  return timing;
}

int64_t peak_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;  // Linux counts in KiB
}

void check(const Options& options) {
  if (options.repeats < 1 || options.megabytes < 1 || options.threads < 1)
    throw ConfigError("--repeats, --megabytes, --threads: expected a number from 1 on");
}

void print(const Bpe& bpe, const Encoding& encoding, const std::optional<double>& training_seconds,
           const Options& options) {
  if (options.as_json) {
    nlohmann::json out = {
        {"tokens", bpe.begin_id()},
        {"pattern", bpe.pattern_name()},
        {"bytes", encoding.bytes},
        {"mb_per_s", {encoding.mb_per_s.front(), encoding.median(), encoding.mb_per_s.back()}},
        {"pieces_per_s", encoding.pieces_per_s},
        {"bytes_per_token", encoding.bytes / encoding.tokens},
        {"peak_bytes", peak_bytes()}};
    if (training_seconds)
      out["training"] = {
          {"vocab", options.train}, {"seconds", *training_seconds}, {"threads", options.threads}};
    fmt::print("{}\n", out.dump());
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"tokens", "pattern", "MB/s", "min", "max", "pieces/s", "bytes/token"},
      {fmt::format("{}", bpe.begin_id()), bpe.pattern_name(), fmt::format("{:.1f}", encoding.median()),
       fmt::format("{:.1f}", encoding.mb_per_s.front()), fmt::format("{:.1f}", encoding.mb_per_s.back()),
       fmt::format("{:.3g}", encoding.pieces_per_s),
       fmt::format("{:.3f}", encoding.bytes / encoding.tokens)}};
  fmt::print("{}", text_table(rows, "rlrrrrr"));
  if (training_seconds)
    fmt::print("trained {} tokens on all of the text in {:.2f} s with {} threads\n", options.train,
               *training_seconds, options.threads);
}

}  // namespace

int cmd_bench_bpe(const Args& args) {
  Options options;
  po::options_description described("options");
  described.add_options()("tokenizer", po::value(&options.tokenizer),
                          "rank file or tokenizer.json; default: the one that --train makes")(
      "pattern", po::value(&options.pattern), "pre-tokenizer, as for aunet bpe")(
      "train", po::value(&options.train),
      "also time the training of so many tokens on all of the text; default without --tokenizer: 4096")(
      "threads", po::value(&options.threads)->default_value(1), "of the training; encoding has one")(
      "file", po::value(&options.file),
      "text, or JSONL (also .zst); default: the fiction that ships with the tree")(
      "megabytes", po::value(&options.megabytes)->default_value(4), "of the text to encode, at most")(
      "repeats", po::value(&options.repeats)->default_value(5), "timed runs, after one that is not")(
      "json", po::bool_switch(&options.as_json),
      "{tokens, pattern, bytes, mb_per_s: [min, median, max], pieces_per_s, bytes_per_token, peak_bytes, "
      "training: {vocab, seconds, threads}}");
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet bench bpe [--tokenizer F] [--pattern P] [--train VOCAB] [--file F] [--json]\n\n"
          "Megabytes of text a second on one core, from bytes to ids, document by document.",
          "aunet bench bpe --tokenizer gpt2.tiktoken --pattern gpt2 --json", described, {}, values))
    return static_cast<int>(ExitCode::Done);
  check(options);
  if (options.tokenizer.empty() && options.train == 0) options.train = kVocab;
  const Corpus corpus = read_text(options.file.empty() ? shipped_text("--file") : options.file);
  std::optional<Bpe> bpe;
  std::optional<double> training_seconds;
  if (options.train != 0) {
    std::vector<std::string_view> all;
    for (int64_t d = 0; d < corpus.n_documents(); ++d) all.push_back(corpus.text(d));
    const auto start = std::chrono::steady_clock::now();
    bpe.emplace(Bpe::train(all, options.train, options.pattern.empty() ? "gpt2" : options.pattern,
                           {.threads = options.threads}));
    training_seconds = seconds_since(start);
  }
  if (!options.tokenizer.empty()) bpe.emplace(Bpe::load(options.tokenizer, options.pattern));
  const auto texts = some_of(corpus, static_cast<size_t>(options.megabytes) * 1'000'000);
  print(*bpe, time_encoding(*bpe, texts, options.repeats), training_seconds, options);
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
