#include "cli/bench_split.h"

#include "cli/shipped_text.h"
#include "cli/text_table.h"
#include "core/error.h"
#include "data/split_rules.h"
#include "data/tokenizer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>

namespace aunet {
namespace {

namespace po = boost::program_options;

const std::vector<std::string> kRuleSets = {
    "word1=1@1", "word1=1@1,word2=2@1", "pretok=1@1", "punct=1@1", "space", "every=4", "chars=4", "script=2"};

/// At most `most` bytes, each document after a begin mark. A file that is no JSONL is one document.
std::vector<int32_t> read_ids(const std::string& path, size_t most) {
  const Corpus corpus = read_text(path);
  const auto bytes = make_byte_tokenizer();
  std::vector<int32_t> ids;
  for (int64_t d = 0; d < corpus.n_documents() && most > 0; ++d) {
    const std::string_view text = corpus.text(d).substr(0, most);
    ids.push_back(kBeginId);
    bytes->encode(text, ids);
    most -= text.size();
  }
  return ids;
}

struct Timing {
  std::string rules, mode;
  std::vector<double> mb_per_s;  // ascending
  double median() const { return mb_per_s[mb_per_s.size() / 2]; }
};

Timing time_rules(const std::string& text, SplitMode mode, const std::vector<int32_t>& ids, int64_t repeats) {
  const Splitter splitter(parse_split(text, "--strategy"), mode);
  Timing timing{text, to_string(mode), {}};
  std::vector<int32_t> levels(ids.size());
  const auto n_bytes =
      static_cast<double>(std::count_if(ids.begin(), ids.end(), [](int32_t id) { return id < 256; }));
  for (int64_t i = 0; i <= repeats; ++i) {  // the first fills the tables and is not counted
    const auto start = std::chrono::steady_clock::now();
    splitter.levels(ids.data(), static_cast<int64_t>(ids.size()), levels.data());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (i > 0) timing.mb_per_s.push_back(n_bytes / 1e6 / seconds.count());
  }
  std::sort(timing.mb_per_s.begin(), timing.mb_per_s.end());
  return timing;
}

void print_timings(const std::vector<Timing>& timings, bool as_json) {
  if (as_json) {
    auto out = nlohmann::json::array();
    for (const Timing& t : timings)
      out.push_back({{"rules", t.rules},
                     {"mode", t.mode},
                     {"mb_per_s", {t.mb_per_s.front(), t.median(), t.mb_per_s.back()}}});
    fmt::print("{}\n", out.dump());
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"rules", "mode", "MB/s", "min", "max"}};
  for (const Timing& t : timings)
    rows.push_back({t.rules, t.mode, fmt::format("{:.1f}", t.median()),
                    fmt::format("{:.1f}", t.mb_per_s.front()), fmt::format("{:.1f}", t.mb_per_s.back())});
  fmt::print("{}", text_table(rows, "llrrr"));
}

}  // namespace

int cmd_bench_split(const Args& args) {
  std::vector<std::string> strategies;
  std::string mode, file;
  int64_t repeats = 0, megabytes = 0;
  bool as_json = false;
  po::options_description described("options");
  described.add_options()("strategy", po::value(&strategies),
                          "rules to time, as for aunet split; may be repeated")(
      "mode", po::value(&mode)->default_value("both"), "causal, official or both")(
      "file", po::value(&file), "text, or JSONL (also .zst); default: the fiction that ships with the tree")(
      "megabytes", po::value(&megabytes)->default_value(4), "of the text, at most")(
      "repeats", po::value(&repeats)->default_value(5), "timed runs, after one that is not")(
      "json", po::bool_switch(&as_json), "an array of {rules, mode, mb_per_s: [min, median, max]}");
  po::variables_map values;
  if (!parse_command_line(args,
                          "aunet bench split [--strategy RULES]... [--mode MODE] [--file F] [--json]\n\n"
                          "Megabytes of text a second on one core, from ids to levels.",
                          "aunet bench split --strategy word1=1@1,word2=2@1 --mode causal", described, {},
                          values))
    return static_cast<int>(ExitCode::Done);
  if (mode != "both" && mode != "causal" && mode != "official")
    throw ConfigError(fmt::format("--mode: expected causal, official or both, got '{}'", mode));
  if (repeats < 1 || megabytes < 1) throw ConfigError("--repeats, --megabytes: expected a number from 1 on");
  if (strategies.empty()) strategies = kRuleSets;
  const auto ids =
      read_ids(file.empty() ? shipped_text("--file") : file, static_cast<size_t>(megabytes) * 1'000'000);
  std::vector<Timing> timings;
  for (const std::string& text : strategies) {
    if (mode != "official") timings.push_back(time_rules(text, SplitMode::Causal, ids, repeats));
    if (mode != "causal") timings.push_back(time_rules(text, SplitMode::Official, ids, repeats));
  }
  print_timings(timings, as_json);
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
