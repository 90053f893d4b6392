#include "cli/split.h"

#include "cli/id_lines.h"
#include "cli/split_report.h"
#include "cli/train_entropy.h"
#include "config/user_rules.h"
#include "core/error.h"
#include "core/text.h"
#include "data/split_rules.h"
#include "data/tokenizer.h"
#include "data/utf8.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>

namespace aunet {
namespace {

namespace po = boost::program_options;

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

po::options_description options() {
  po::options_description o("options");
  o.add_options()(
      "strategy", po::value<std::string>(),
      "rules in order of depth, NAME=VALUE,...: word*, pretok*, punct* (G@M), space, every, chars, "
      "script (N), bpe, entropy, file (a path; sweeps/README.md)")(
      "rules", po::value<std::string>(),
      "TOML file of [split.NAME] start = REGEX, end = REGEX: NAME is a rule of its own")(
      "mode", po::value<std::string>()->default_value("causal"),
      "official: the published regexes; causal: never looks ahead")(
      "ids", po::bool_switch(),
      "JSON arrays of ids in (0-255 bytes, 256 begin, 257 end), JSON arrays of levels out")(
      "report", po::bool_switch(),
      "units by stage and script, how often the official levels look ahead, what caps cut")(
      "json", po::bool_switch(), "the report as one JSON object")(
      "caps", po::value<std::string>(),
      "report: rows per stage of a padded model, e.g. 8192,1664; default: the official 8192,3200 and "
      "8192,1600,928")("window", po::value<int64_t>()->default_value(8192),
                       "report: positions of a window that the caps are for")(
      "train-entropy", po::value<std::string>(),
      "instead: train the model of the rule entropy on stdin, write it here")(
      "order", po::value<int>()->default_value(5), "train-entropy: bytes of an n-gram, 1 to 8");
  return o;
}

SplitReportOptions report_options(const po::variables_map& values) {
  SplitReportOptions options{.window = values["window"].as<int64_t>(), .json = values["json"].as<bool>()};
  if (options.window < 2)
    throw ConfigError(fmt::format("--window: expected 2 positions or more, got {}", options.window));
  if (values.count("caps") == 0) return options;
  for (const std::string& part : split_on(values["caps"].as<std::string>(), ',')) {
    int64_t cap = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), cap);
    if (error != std::errc() || end != part.data() + part.size() || cap < -1 || cap == 0)
      throw ConfigError(fmt::format("--caps: expected numbers from 1 on, or -1 for none, got '{}'", part));
    options.caps.push_back(cap);
  }
  return options;
}

std::vector<SplitRule> rules_of(const po::variables_map& values) {
  if (values.count("strategy") == 0) throw ConfigError("--strategy: expected split rules, got none");
  const bool own = values.count("rules") > 0;
  return parse_split(values["strategy"].as<std::string>(), "--strategy",
                     own ? read_user_rules(values["rules"].as<std::string>()) : UserRules());
}

void report(const std::vector<SplitRule>& rules, SplitMode mode, const po::variables_map& values) {
  const SplitReportOptions options = report_options(values);
  std::vector<std::vector<int32_t>> texts;
  if (values["ids"].as<bool>()) {
    for_each_stdin_line([&](const std::string& line, const std::string& where) {
      texts.push_back(parse_ids(line, kEndId, where));
    });
  } else {
    texts.push_back(byte_ids(read_stdin()));
  }
  print_split_report(rules, mode, texts, options);
}

void print_levels(const Splitter& splitter, bool ids) {
  if (ids) {
    for_each_stdin_line([&](const std::string& line, const std::string& where) {
      print_ids(splitter.levels(parse_ids(line, kEndId, where)));
    });
  } else {
    const auto text = read_stdin();
    print_marked(text, splitter.levels(byte_ids(text)));
  }
}

}  // namespace

int cmd_split(const Args& args) {
  po::options_description described = options();
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet split --strategy RULES [--mode official|causal] [--ids] < TEXT\n"
          "       aunet split --strategy RULES --report [--caps N,N] [--window N] [--json] < TEXT\n"
          "       aunet split --train-entropy FILE [--order N] < TEXT\n\n"
          "Prints the text with '|' before each unit, as many as its level.",
          "echo 'It was a bright day.' | aunet split --strategy word1=1@1,word2=2@1", described, {},
          values)) {
    return 0;
  }
  if (values.count("train-entropy") > 0) {
    train_entropy(read_stdin(), values["order"].as<int>(), values["train-entropy"].as<std::string>());
    return 0;
  }
  const auto mode_name = values["mode"].as<std::string>();
  if (mode_name != "official" && mode_name != "causal") {
    throw ConfigError(fmt::format("--mode: expected official or causal, got '{}'", mode_name));
  }
  const auto mode = mode_name == "official" ? SplitMode::Official : SplitMode::Causal;
  const auto rules = rules_of(values);
  if (values["report"].as<bool>())
    report(rules, mode, values);
  else
    print_levels(Splitter(rules, mode), values["ids"].as<bool>());
  return 0;
}

}  // namespace aunet
