#include "cli/split.h"

#include "cli/id_lines.h"
#include "core/error.h"
#include "data/leak.h"
#include "data/split_rules.h"
#include "data/utf8.h"

#include <fmt/format.h>

#include <cstdio>

namespace aunet {
namespace {

namespace po = boost::program_options;

std::vector<int32_t> to_ids(const std::string& text) {
  std::vector<int32_t> ids;
  ids.reserve(text.size());
  for (const char c : text) ids.push_back(static_cast<uint8_t>(c));
  return ids;
}

/// The text with as many '|' before a character as the level of its boundary (which is on its last byte).
void print_marked(const std::string& text, const std::vector<int32_t>& levels) {
  std::string out;
  size_t begin = 0;  // of the character
  for (size_t i = 0; i < text.size(); ++i) {
    const bool ends = i + 1 == text.size() || !is_continuation(static_cast<uint8_t>(text[i + 1]));
    if (levels[i] > 0) out.append(static_cast<size_t>(levels[i]), '|');
    if (!ends && levels[i] == 0) continue;
    out += text.substr(begin, i + 1 - begin);
    begin = i + 1;
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
}

void print_report(const std::vector<SplitRule>& rules, SplitMode mode,
                  const std::vector<std::vector<int32_t>>& texts) {
  const Splitter splitter(rules, mode);
  std::vector<int64_t> rows(rules.size() + 1, 0);  // positions that each stage keeps
  for (const auto& ids : texts) {
    for (const int32_t level : splitter.levels(ids)) {
      for (int32_t k = 0; k <= level; ++k) ++rows[k];
    }
  }
  fmt::print("{} in {} mode, {} positions\n\n", to_string(rules),
             mode == SplitMode::Official ? "official" : "causal", rows[0]);
  fmt::print("stage  {:>12}  bytes per position\n", "positions");
  for (size_t k = 0; k < rows.size(); ++k) {
    fmt::print("{:5}  {:12}  {:.3f}\n", k + 1, rows[k],
               static_cast<double>(rows[0]) / static_cast<double>(std::max<int64_t>(rows[k], 1)));
  }
  const LeakReport leak = measure_leak(rules, texts);
  fmt::print(
      "\nofficial mode: {} of {} levels ({:.4f} %) depend on later bytes, {} of {} boundaries ({:.3f} %)\n"
      "measured on {} of {} pieces of {} positions, each level against the one that the piece up to it "
      "gives\n",
      leak.changed, leak.positions, 100 * leak.rate(), leak.changed_boundaries, leak.boundaries,
      100 * leak.boundary_rate(), leak.pieces_measured, leak.pieces, kLeakPiece);
}

}  // namespace

int cmd_split(const Args& args) {
  std::string strategy, mode_name;
  bool ids = false, report = false;
  po::options_description described("options");
  described.add_options()("strategy", po::value(&strategy)->required(),
                          "rules in order of depth, NAME=G@M,...: word* (G words), pretok*, punct*")(
      "mode", po::value(&mode_name)->default_value("causal"),
      "official: the published regexes; causal: never looks ahead")(
      "ids", po::bool_switch(&ids),
      "JSON arrays of ids in (0-255 bytes, 256 begin, 257 end), JSON arrays of levels out")(
      "report", po::bool_switch(&report),
      "positions per stage, and how often the official levels look ahead");
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet split --strategy RULES [--mode official|causal] [--ids] [--report] < TEXT\n\n"
          "Prints the text with '|' before each unit, as many as its level.",
          "echo 'It was a bright day.' | aunet split --strategy word1=1@1,word2=2@1", described, {},
          values)) {
    return 0;
  }
  if (mode_name != "official" && mode_name != "causal") {
    throw ConfigError(fmt::format("--mode: expected official or causal, got '{}'", mode_name));
  }
  const auto mode = mode_name == "official" ? SplitMode::Official : SplitMode::Causal;
  const auto rules = parse_split(strategy, "--strategy");
  const Splitter splitter(rules, mode);
  std::vector<std::vector<int32_t>> texts;
  if (ids) {
    for_each_stdin_line([&](const std::string& line, const std::string& where) {
      auto parsed = parse_ids(line, kEndId, where);
      if (report) {
        texts.push_back(std::move(parsed));
      } else {
        print_ids(splitter.levels(parsed));
      }
    });
  } else {
    const auto text = read_stdin();
    texts.push_back(to_ids(text));
    if (!report) print_marked(text, splitter.levels(texts[0]));
  }
  if (report) print_report(rules, mode, texts);
  return 0;
}

}  // namespace aunet
