#include "cli/data_inspect.h"

#include "cli/named_tokenizer.h"
#include "cli/text_table.h"
#include "core/error.h"
#include "core/text.h"
#include "data/contamination.h"
#include "data/corpus_report.h"
#include "data/read_corpus.h"
#include "data/source_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <optional>

namespace aunet {
namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kNearlyAll = 0.8;  // share of an item's n-grams from which on most of the item is there
constexpr size_t kShownItems = 5;

struct RuleUnits {
  std::string rules, mode;
  std::vector<double> per_byte;
};

struct Inspection {
  ReadReport read{};
  CorpusReport corpus{};
  std::vector<RuleUnits> splits{};
  std::vector<std::pair<std::string, double>> tokenizers{};  // bytes a token
  int64_t ngram = 0;
  std::vector<ContaminationReport> benchmarks{};
};

/// Files of a benchmark folder, or the file itself. Archives and binary files are not text.
std::vector<std::string> benchmark_files(const std::string& path) {
  const auto files = files_below(path, {"jsonl", "json", "csv", "tsv", "txt"});
  if (files.empty())
    throw ConfigError(
        fmt::format("--benchmarks: {}: expected .jsonl, .json, .csv, .tsv or .txt files, got none", path));
  return files;
}

json json_of(const ContaminationReport& report) {
  json items = json::array();
  for (const ContaminatedItem& item : report.found)
    items.push_back({{"line", item.line},
                     {"ngrams", item.grams},
                     {"found", item.found},
                     {"document", item.document + 1}});
  return {{"file", report.path},
          {"items", report.items},
          {"too_short", report.too_short},
          {"contaminated", report.found.size()},
          {"nearly_whole", report.with_share(kNearlyAll)},
          {"found", items}};
}

void print_json(const Inspection& in) {
  json lengths, splits = json::array(), tokenizers = json::array(), benchmarks = json::array(), scripts;
  for (const auto& [q, bytes] : in.corpus.lengths) lengths[fmt::format("{}", q)] = bytes;
  for (const auto& [name, share] : in.corpus.scripts) scripts[name] = share;
  for (const RuleUnits& s : in.splits)
    splits.push_back({{"rules", s.rules}, {"mode", s.mode}, {"units_per_byte", s.per_byte}});
  for (const auto& [name, bytes] : in.tokenizers)
    tokenizers.push_back({{"tokenizer", name}, {"bytes_per_token", bytes}});
  for (const ContaminationReport& report : in.benchmarks) benchmarks.push_back(json_of(report));
  const json out{{"documents", in.corpus.documents},
                 {"bytes", in.corpus.bytes},
                 {"characters", in.corpus.characters},
                 {"length_quantiles", lengths},
                 {"repeated", in.corpus.repeated},
                 {"repeated_bytes", in.corpus.repeated_bytes},
                 {"letters", in.corpus.letters},
                 {"scripts", scripts},
                 {"invalid", in.read.invalid},
                 {"invalid_examples", in.read.examples},
                 {"empty", in.read.empty},
                 {"lone_surrogates", in.read.surrogates},
                 {"splits", splits},
                 {"tokenizers", tokenizers},
                 {"ngram", in.ngram},
                 {"benchmarks", benchmarks}};
  fmt::print("{}\n", out.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

void print_corpus(const Inspection& in) {
  const CorpusReport& c = in.corpus;
  fmt::print("{} documents, {}, {} characters\n", c.documents, human_bytes(static_cast<double>(c.bytes)),
             c.characters);
  std::vector<std::vector<std::string>> rows = {{"length of a document", "bytes"}};
  for (const auto& [q, bytes] : c.lengths)
    rows.push_back({q == 0   ? "shortest"
                    : q == 1 ? "longest"
                             : fmt::format("{:g} % are shorter", 100 * q),
                    fmt::format("{}", bytes)});
  fmt::print("\n{}", text_table(rows, "lr"));
  fmt::print(
      "\nrepeated: {} documents are an earlier one byte for byte ({}, {} of the text)\n", c.repeated,
      human_bytes(static_cast<double>(c.repeated_bytes)),
      percent(static_cast<double>(c.repeated_bytes) / static_cast<double>(std::max<int64_t>(1, c.bytes))));
  rows = {{"script", "of the letters"}};
  for (const auto& [name, share] : c.scripts) rows.push_back({name, percent(share)});
  fmt::print("\n{}", text_table(rows, "lr"));
  fmt::print(
      "\nempty documents: {}; lone surrogates read as U+FFFD: {}; lines or files without a valid document: "
      "{}\n",
      in.read.empty, in.read.surrogates, in.read.invalid);
  for (const std::string& example : in.read.examples) fmt::print("  {}\n", example);
  const int64_t more = in.read.invalid - std::ssize(in.read.examples);
  if (more > 0) fmt::print("  and {} more\n", more);
}

void print_units(const Inspection& in) {
  if (!in.splits.empty()) {
    std::vector<std::vector<std::string>> rows = {
        {"rules", "mode", "units a byte, stage 2 on", "bytes a unit"}};
    for (const RuleUnits& s : in.splits) {
      std::vector<double> bytes;
      for (const double units : s.per_byte) bytes.push_back(units > 0 ? 1 / units : 0);
      rows.push_back({s.rules, s.mode, fmt::format("{:.4f}", fmt::join(s.per_byte, ", ")),
                      fmt::format("{:.2f}", fmt::join(bytes, ", "))});
    }
    fmt::print("\n{}", text_table(rows, "llrr"));
  }
  if (in.tokenizers.empty()) return;
  std::vector<std::vector<std::string>> rows = {{"tokenizer", "bytes a token"}};
  for (const auto& [name, bytes] : in.tokenizers) rows.push_back({name, fmt::format("{:.4f}", bytes)});
  fmt::print("\n{}", text_table(rows, "lr"));
}

void print_benchmarks(const Inspection& in) {
  if (in.benchmarks.empty()) return;
  std::vector<std::vector<std::string>> rows = {
      {"benchmark", "items", "too short", "with one n-gram", "of those long enough", "nearly whole"}};
  for (const ContaminationReport& r : in.benchmarks) {
    const int64_t judged = r.items - r.too_short;
    rows.push_back(
        {fs::path(r.path).filename().string(), fmt::format("{}", r.items), fmt::format("{}", r.too_short),
         fmt::format("{}", r.found.size()),
         judged > 0 ? percent(static_cast<double>(r.found.size()) / static_cast<double>(judged)) : "-",
         fmt::format("{}", r.with_share(kNearlyAll))});
  }
  fmt::print(
      "\nbenchmark items that share {} words in a row with the corpus; nearly whole: {:g} % of their "
      "n-grams\n{}",
      in.ngram, 100 * kNearlyAll, text_table(rows, "lrrrrr"));
  for (const ContaminationReport& r : in.benchmarks) {
    for (size_t i = 0; i < std::min(kShownItems, r.found.size()); ++i)
      fmt::print("  {}:{}: {} of {} n-grams, first in document {}\n", r.path, r.found[i].line,
                 r.found[i].found, r.found[i].grams, r.found[i].document + 1);
    if (r.found.size() > kShownItems)
      fmt::print("  and {} more (--json names all)\n", r.found.size() - kShownItems);
  }
}

}  // namespace

int cmd_data_inspect(const Args& args) {
  std::vector<std::string> sources, splits, tokenizers, benchmarks;
  std::string mode;
  int64_t ngram = 0;
  bool as_json = false;
  po::options_description described("options");
  described.add_options()("source", po::value(&sources)->required(),
                          "files or folders of .jsonl or .txt (.zst, .gz), or prepared corpora")(
      "split", po::value(&splits), "units of these rules, e.g. word1=1@1,word2=2@1; may be repeated")(
      "mode", po::value(&mode)->default_value("causal"), "of the rules: causal or official")(
      "tokenizer", po::value(&tokenizers), "bytes a token, FILE or FILE@PATTERN; may be repeated")(
      "benchmarks", po::value(&benchmarks), "files or folders of items to look for; may be repeated")(
      "ngram", po::value(&ngram)->default_value(13),
      "words in a row that an item must share with the corpus")("json", po::bool_switch(&as_json),
                                                                "one JSON object, with every item found");
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet data inspect SOURCE... [options]\n\n"
          "Lengths, scripts, repetitions and broken lines of a corpus; what split rules and tokenizers "
          "make of it;\nwhich items of a benchmark it holds (shared word n-grams).",
          "aunet data inspect corpus/train.jsonl.zst --split word1=1@1 --benchmarks benchmarks/gsm8k",
          described, {"source..."}, values))
    return static_cast<int>(ExitCode::Done);
  Inspection in{.ngram = ngram};
  std::optional<ContaminationScan> scan;
  if (!benchmarks.empty()) scan.emplace(ngram);
  for (const std::string& path : benchmarks) {
    for (const std::string& file : benchmark_files(path)) scan->add(file, read_benchmark(file));
  }
  const Corpus corpus = read_texts(sources, "skip", &in.read);
  in.corpus = describe(corpus);
  for (const std::string& split : splits) {
    const auto rules = resolved_rules(split, "--split");
    in.splits.push_back({split, mode, units_per_byte(corpus, rules, parse_mode(mode))});
  }
  for (const std::string& name : tokenizers)
    in.tokenizers.emplace_back(name, bytes_per_token(corpus, load_named_tokenizer(name)));
  if (scan) in.benchmarks = scan->scan(corpus);
  if (as_json) {
    print_json(in);
    return static_cast<int>(ExitCode::Done);
  }
  print_corpus(in);
  print_units(in);
  print_benchmarks(in);
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
