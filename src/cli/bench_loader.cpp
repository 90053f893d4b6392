#include "cli/bench_loader.h"

#include "cli/named_tokenizer.h"
#include "cli/shipped_text.h"
#include "cli/text_table.h"
#include "core/error.h"
#include "data/loader.h"
#include "data/prepare.h"
#include "data/read_corpus.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <unistd.h>

#include <filesystem>
#include <optional>

namespace aunet {
namespace {

namespace po = boost::program_options;
using Clock = std::chrono::steady_clock;

/// A folder that is gone at the end, whatever happens.
struct Scratch {
  std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("aunet-bench-{}", ::getpid())).string();
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Settings {
  std::string data;
  RunConfig run;
  int64_t workers = 1, repeats = 5;
  std::vector<SplitRule> rules;
  SplitMode mode = SplitMode::Causal;
  std::optional<Bpe> bpe;
};

struct Timing {
  std::string source;
  double read_seconds = 0;         // from files to documents in memory; of a prepared corpus: to open it
  std::vector<double> mb_per_s{};  // batches alone, ascending
  double whole_mb_per_s = 0;       // one pass, the reading included
};

/// One pass over the corpus as a run of that length would read it.
double time_pass(const Corpus& corpus, const Settings& s, const Tokenizer& tokenizer) {
  const TrainingStream stream(corpus, s.run.data, 0);
  RunConfig run = s.run;
  run.horizon.windows = stream.windows_per_epoch(0);
  int64_t bytes = 0;
  const auto start = Clock::now();
  Loader loader(corpus, run, tokenizer, {.workers = s.workers});
  for (;;) {
    const StepBatches step = loader.next();
    if (step.micro.empty()) break;
    bytes += step.text_bytes;
  }
  return static_cast<double>(bytes) / 1e6 / since(start);
}

Timing time_source(const std::string& label, const std::string& path, const Settings& s,
                   const Tokenizer& tokenizer) {
  Timing timing{.source = label};
  const auto start = Clock::now();
  const Corpus corpus = read_texts({path});
  fingerprint(corpus);  // as a run does
  timing.read_seconds = since(start);
  for (int64_t i = 0; i < s.repeats; ++i) timing.mb_per_s.push_back(time_pass(corpus, s, tokenizer));
  std::sort(timing.mb_per_s.begin(), timing.mb_per_s.end());
  const double mb = static_cast<double>(corpus.n_bytes()) / 1e6;
  timing.whole_mb_per_s = mb / (timing.read_seconds + mb / timing.mb_per_s[timing.mb_per_s.size() / 2]);
  return timing;
}

void print_timings(const std::vector<Timing>& timings, bool as_json) {
  auto out = nlohmann::json::array();
  std::vector<std::vector<std::string>> rows = {
      {"source", "read (s)", "batches MB/s", "min", "max", "with reading MB/s"}};
  for (const Timing& t : timings) {
    const double median = t.mb_per_s[t.mb_per_s.size() / 2];
    out.push_back({{"source", t.source},
                   {"read_seconds", t.read_seconds},
                   {"mb_per_s", {t.mb_per_s.front(), median, t.mb_per_s.back()}},
                   {"with_reading_mb_per_s", t.whole_mb_per_s}});
    rows.push_back({t.source, fmt::format("{:.3f}", t.read_seconds), fmt::format("{:.1f}", median),
                    fmt::format("{:.1f}", t.mb_per_s.front()), fmt::format("{:.1f}", t.mb_per_s.back()),
                    fmt::format("{:.1f}", t.whole_mb_per_s)});
  }
  as_json ? fmt::print("{}\n", out.dump()) : fmt::print("{}", text_table(rows, "lrrrrr"));
}

}  // namespace

int cmd_bench_loader(const Args& args) {
  Settings s;
  std::string strategy, mode, tokenizer;
  int64_t batch_bytes = 0;
  bool as_json = false;
  po::options_description described("options");
  described.add_options()("data", po::value(&s.data),
                          "source; default: the fiction that ships with the tree")(
      "strategy", po::value(&strategy)->default_value("word1=1@1"), "split rules of an AU-Net")(
      "mode", po::value(&mode)->default_value("causal"), "causal or official")(
      "tokenizer", po::value(&tokenizer), "instead: a transformer's batches of ids, FILE or FILE@PATTERN")(
      "context", po::value(&s.run.data.context_bytes)->default_value(8192), "bytes of a window")(
      "batch-bytes", po::value(&batch_bytes)->default_value(65536), "of a step")(
      "workers", po::value(&s.workers)->default_value(1), "threads that build batches")(
      "repeats", po::value(&s.repeats)->default_value(5), "passes over the source")(
      "json", po::bool_switch(&as_json),
      "an array of {source, read_seconds, mb_per_s: [min, median, max], with_reading_mb_per_s}");
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet bench loader [--data SOURCE] [--strategy RULES | --tokenizer FILE] [--json]\n\n"
          "Megabytes of text a second in packed batches: from the source as it is, and prepared.",
          "aunet bench loader --strategy word1=1@1,word2=2@1 --workers 1", described, {}, values))
    return static_cast<int>(ExitCode::Done);
  if (s.repeats < 1 || s.workers < 1 || s.run.data.context_bytes < 16 || batch_bytes < 1)
    throw ConfigError(
        "--repeats, --workers, --context, --batch-bytes: expected a number from 1 on (context: 16)");
  s.run.horizon.batch_windows = std::max<int64_t>(1, batch_bytes / s.run.data.context_bytes);
  const std::string path = s.data.empty() ? shipped_text("--data") : s.data;
  const Scratch scratch;
  PrepareOptions preparation{.folder = scratch.path, .sources = {path}};
  const auto bytes = make_byte_tokenizer();
  if (tokenizer.empty()) {
    AunetConfig model;
    model.split = resolved_rules(strategy, "--strategy");
    model.split_mode = parse_mode(mode);
    model.dimensions.assign(model.split.size() + 1, 1);
    s.run.model = model;
    preparation.splits.push_back({model.split, model.split_mode});
  } else {
    s.bpe.emplace(load_named_tokenizer(tokenizer));
    s.run.model = TransformerConfig{};
    preparation.tokenizers.push_back({&*s.bpe, s.bpe->fingerprint(), tokenizer});
  }
  const Tokenizer& units = s.bpe ? static_cast<const Tokenizer&>(*s.bpe) : *bytes;
  std::vector<Timing> timings{time_source("raw", path, s, units)};
  prepare(preparation, [](const std::string&, int64_t, int64_t) {});
  timings.push_back(time_source("prepared", preparation.folder, s, units));
  print_timings(timings, as_json);
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
