#include "cli/data.h"

#include "cli/data_inspect.h"
#include "cli/named_tokenizer.h"
#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "data/prepare.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <deque>

namespace aunet {
namespace {

namespace po = boost::program_options;

PrepareProgress progress_on(ProgressLine& line) {
  return [&line](const std::string& what, int64_t done, int64_t all) {
    const std::string read = human_bytes(static_cast<double>(done));
    if (all == 0) {
      line.show(fmt::format("{}: {}", what, read));
    } else {
      line.show(fmt::format("{}: {} of {} ({} %)", what, read, human_bytes(static_cast<double>(all)),
                            100 * done / std::max<int64_t>(1, all)));
    }
  };
}

void print_manifest(const std::string& folder, const Manifest& m, bool as_json) {
  if (as_json) {
    auto derived = nlohmann::json::array();
    for (const DerivedName& name : m.derived) derived.push_back(name.label);
    fmt::print("{}\n", nlohmann::json{{"folder", folder},
                                      {"documents", m.documents},
                                      {"bytes", m.bytes},
                                      {"shards", m.shards},
                                      {"fingerprint", m.fingerprint},
                                      {"invalid", m.report.invalid},
                                      {"empty", m.report.empty},
                                      {"derived", derived}}
                           .dump());
    return;
  }
  fmt::print("{}: {} documents, {} in {} shards, fingerprint {}\n", folder, m.documents,
             human_bytes(static_cast<double>(m.bytes)), m.shards, m.fingerprint);
  for (const DerivedName& name : m.derived) fmt::print("  {}\n", name.label);
}

int cmd_prepare(const Args& args) {
  PrepareOptions options;
  std::vector<std::string> splits, tokenizers;
  std::string mode, invalid;
  double shard_mb = 0;
  bool as_json = false;
  po::options_description described("options");
  described.add_options()("folder", po::value(&options.folder)->required(), "where the shards go")(
      "source", po::value(&options.sources),
      "files or folders of .jsonl or .txt, also .zst and .gz; none: those that the folder was begun with")(
      "split", po::value(&splits),
      "also the levels of these rules, e.g. word1=1@1,word2=2@1; may be repeated")(
      "mode", po::value(&mode)->default_value("causal"), "of the rules: causal or official")(
      "tokenizer", po::value(&tokenizers),
      "also the ids of this tokenizer, FILE or FILE@PATTERN; may be repeated")(
      "invalid", po::value(&invalid)->default_value("refuse"),
      "lines without a valid document: refuse them, or skip them and say so")(
      "shard-mb", po::value(&shard_mb)->default_value(128), "text of a shard")(
      "json", po::bool_switch(&as_json), "one JSON object");
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet data prepare FOLDER SOURCE... [options]\n\n"
          "Reads a corpus once, into shards that training maps instead of reading. Name FOLDER in\n"
          "data.train or data.heldout. The same command goes on after an interruption.",
          "aunet data prepare prepared/train corpus/train.jsonl.zst --split word1=1@1", described,
          {"folder", "source..."}, values))
    return static_cast<int>(ExitCode::Done);
  if (invalid != "refuse" && invalid != "skip")
    throw ConfigError(fmt::format("--invalid: expected refuse or skip, got '{}'", invalid));
  if (!(shard_mb >= 0.001 && shard_mb <= 1e5))
    throw ConfigError(fmt::format("--shard-mb: expected 0.001 to 100000, got {}", shard_mb));
  options.invalid = invalid == "skip" ? InvalidText::Skip : InvalidText::Refuse;
  options.shard_bytes = static_cast<int64_t>(shard_mb * 1e6);
  for (const std::string& split : splits)
    options.splits.push_back({resolved_rules(split, "--split"), parse_mode(mode)});
  std::deque<Bpe> loaded;
  for (const std::string& name : tokenizers) {
    const Bpe& bpe = loaded.emplace_back(load_named_tokenizer(name));
    options.tokenizers.push_back({&bpe, bpe.fingerprint(), name});
  }
  ProgressLine line;
  const Manifest manifest = prepare(options, progress_on(line));
  log_report(manifest.report);
  print_manifest(options.folder, manifest, as_json);
  return static_cast<int>(ExitCode::Done);
}

int cmd_verify_prepared(const Args& args) {
  std::string folder;
  po::options_description described("options");
  described.add_options()("folder", po::value(&folder)->required(), "a prepared corpus");
  po::variables_map values;
  if (!parse_command_line(args, "aunet data verify FOLDER\n\nCompares every byte with what was written.",
                          "aunet data verify prepared/train", described, {"folder"}, values))
    return static_cast<int>(ExitCode::Done);
  {
    ProgressLine line;
    check_prepared(folder, progress_on(line));
  }
  print_manifest(folder, read_manifest(folder), false);
  return static_cast<int>(ExitCode::Done);
}

}  // namespace

int cmd_data(const Args& args) {
  const std::string verb = args.empty() ? "" : args[0];
  const Args rest(args.empty() ? args.end() : args.begin() + 1, args.end());
  if (verb == "prepare") return cmd_prepare(rest);
  if (verb == "verify") return cmd_verify_prepared(rest);
  if (verb == "inspect") return cmd_data_inspect(rest);
  if (verb == "--help" || verb == "-h") {
    fmt::print(
        "aunet data prepare FOLDER SOURCE...   shards that training maps\n"
        "aunet data verify FOLDER              are they what was written\n"
        "aunet data inspect SOURCE...          what is in a corpus\n"
        "Each has --help.\n");
    return static_cast<int>(ExitCode::Done);
  }
  throw ConfigError(fmt::format("data: expected prepare, verify or inspect, got '{}'", verb));
}

}  // namespace aunet
