#include "sweep/prepare_run.h"

#include "config/rule_file.h"
#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>

#include <filesystem>
#include <variant>

namespace aunet {

namespace {

std::string absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

void make_paths_absolute(RunConfig& config) {
  for (SourceConfig& source : config.data.train) source.path = absolute(source.path);
  for (std::string& path : config.data.heldout) path = absolute(path);
  for (EvalConfig& eval : config.evals)
    for (std::string& path : eval.paths) path = absolute(path);
}

void write_if_new(const std::string& path, const std::string& bytes) {
  if (!exists(path) || read_file(path) != bytes) write_file_atomic(path, bytes);
}

void copy_tokenizer(const RunDir& run, RunConfig& config) {
  auto* transformer = std::get_if<TransformerConfig>(&config.model);
  if (!transformer || transformer->tokenizer.kind != "bpe") return;
  TokenizerConfig& tokenizer = transformer->tokenizer;
  require(!tokenizer.path.empty(), "prepare_run: a BPE run without the path of its ranks");
  if (!exists(run.tokenizer())) write_file_atomic(run.tokenizer(), read_file(tokenizer.path));
  tokenizer.path = "tokenizer.tiktoken";  // read as a name beside run.toml
}

/// Boundaries of texts (`file`) stay where they are, as the corpora do.
void copy_split_files(const RunDir& run, RunConfig& config) {
  auto* aunet = std::get_if<AunetConfig>(&config.model);
  if (!aunet) return;
  for (size_t i = 0; i < aunet->split.size(); ++i) {
    SplitRule& rule = aunet->split[i];
    if (!reads_file(rule) || kind_of_rule(rule.name) == "file") continue;
    if (!exists(run.split(i))) write_file_atomic(run.split(i), read_file(rule_file(rule).path));
    rule = with_path(rule, std::filesystem::path(run.split(i)).filename().string());
  }
}

}  // namespace

void prepare_run_directory(const RunDir& run, const RunConfig& planned) {
  RunConfig config = planned;
  make_paths_absolute(config);
  make_directories(run.path);
  if (exists(run.run_toml())) {
    const RunConfig before = read_run_config(run.run_toml());
    if (canonical(before) != canonical(config)) {
      throw Error(
          fmt::format("{}: expected the run that is planned here, got another one: choose another folder",
                      run.run_toml()));
    }
    config.runtime.threads = before.runtime.threads;
    config.runtime.device = before.runtime.device;
  }
  copy_tokenizer(run, config);
  copy_split_files(run, config);
  write_if_new(run.run_toml(), to_toml(config));
}

RunDir prepare_run(const RunsRoot& runs, const Cell& cell) {
  require(!cell.key.empty(), "prepare_run: a cell without a key");
  const RunDir run = runs.run(cell.key);
  prepare_run_directory(run, cell.run);
  return run;
}

}  // namespace aunet
