#include "db/run_row.h"

#include "budget/params.h"
#include "config/run_config.h"
#include "config/schedule.h"
#include "core/file.h"
#include "core/run_dir.h"
#include "db/sqlite_detail.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace aunet {
namespace {

using Columns = std::vector<std::pair<const char*, SqlValue>>;

/// train_key and eval_key take fingerprints for granted; a run.toml written by hand may lack them.
bool is_resolved(const RunConfig& run) {
  if (run.data.train_fingerprint.empty()) return false;
  const auto* transformer = std::get_if<TransformerConfig>(&run.model);
  return !transformer || transformer->tokenizer.kind != "bpe" || !transformer->tokenizer.fingerprint.empty();
}

struct RunFile {
  std::string directory, text;
  RunConfig run;
  std::string key, recomputed_key, canonical;
};

RunFile read_run_file(const std::string& directory) {
  RunFile file;
  file.directory = directory;
  const std::string path = RunDir{directory}.run_toml();
  file.text = read_file(path);
  file.run = parse_run_config(file.text, path);
  if (is_resolved(file.run)) {
    file.recomputed_key = train_key(file.run);
    file.canonical = canonical(file.run);
  }
  const std::string name = folder_name(directory);
  file.key = is_key(name) ? name : file.recomputed_key;
  if (file.key.empty()) {
    throw ConfigError(
        path + ": data.train_fingerprint: expected a resolved run (or a folder named by its key), got none");
  }
  return file;
}

SqlValue text_or_null(const std::string& text) { return text.empty() ? SqlValue() : SqlValue(text); }

template <class Number>
SqlValue positive_or_null(Number value) {
  return value > 0 ? SqlValue(value) : SqlValue();
}

void append_model(Columns& row, const ModelConfig& model) {
  const ParamCount params = count_params(model);
  row.insert(row.end(), {{"kind", kind_of(model)},
                         {"params", params.total},
                         {"params_non_embedding", params.non_embedding},
                         {"params_active", params.active},
                         {"params_embedding", params.embedding}});
  if (const auto* aunet = std::get_if<AunetConfig>(&model)) {
    row.insert(row.end(), {{"dims", fmt::format("{}", fmt::join(aunet->dimensions, ","))},
                           {"layers", fmt::format("{}", fmt::join(aunet->layers, ","))},
                           {"split_mode", aunet->split_mode == SplitMode::Causal ? "causal" : "official"},
                           {"tokenizer_fingerprint", SqlValue()}});
  } else {
    const auto& transformer = std::get<TransformerConfig>(model);
    row.insert(row.end(), {{"dims", fmt::format("{}", transformer.dim)},
                           {"layers", fmt::format("{}", transformer.n_layers)},
                           {"split_mode", SqlValue()},
                           {"tokenizer_fingerprint", text_or_null(transformer.tokenizer.fingerprint)}});
  }
}

/// Share of the steps; of a warm-up that is given in steps, what it comes to.
double warmup_share(const RunConfig& run) {
  if (run.schedule.warmup_steps < 0) return run.schedule.warmup;
  const auto steps = static_cast<double>(total_steps(run.horizon));
  return std::min(1.0, static_cast<double>(run.schedule.warmup_steps) / steps);
}

Columns columns_of(const RunFile& file) {
  const RunConfig& run = file.run;
  const HorizonConfig& horizon = run.horizon;
  Columns row = {
      {"key", file.key},
      {"directory", file.directory},
      {"run_toml", file.text},
      {"canonical", text_or_null(file.canonical)},
      {"recomputed_key", text_or_null(file.recomputed_key)},
      {"eval_key",
       is_resolved(run) && !run.data.heldout_fingerprint.empty() ? SqlValue(eval_key(run)) : SqlValue()},
      {"origin", text_or_null(run.origin.name)},
      {"family", text_or_null(run.origin.family)},
      {"budget_flops", positive_or_null(run.origin.budget_flops)},
      {"convention", text_or_null(run.origin.convention)},
      {"flops_planned", positive_or_null(run.origin.flops_planned)},
      {"context_bytes", run.data.context_bytes},
      {"windows", positive_or_null(horizon.windows)},
      {"batch_windows", positive_or_null(horizon.batch_windows)},
      {"steps_planned",
       horizon.batch_windows > 0
           ? positive_or_null((horizon.windows + horizon.batch_windows - 1) / horizon.batch_windows)
           : SqlValue()},
      {"lr", positive_or_null(run.optim.lr)},
      {"warmup", warmup_share(run)},
      {"schedule", run.schedule.kind},
      {"tree", text_or_null(trunk_key(run))},
      {"seed", static_cast<int64_t>(run.seeds.init)},
      {"seed_data", static_cast<int64_t>(run.seeds.data)},
      {"train_fingerprint", text_or_null(run.data.train_fingerprint)},
      {"heldout_fingerprint", text_or_null(run.data.heldout_fingerprint)},
  };
  append_model(row, run.model);
  return row;
}

void upsert_run(Db& db, const Columns& row) {
  std::string names, marks, updates;
  for (const auto& [name, value] : row) {
    const char* comma = names.empty() ? "" : ", ";
    names += fmt::format("{}{}", comma, name);
    marks += fmt::format("{}?", comma);
    updates += fmt::format("{}{} = excluded.{}", comma, name, name);
  }
  SQLite::Statement statement(
      db.handle(), fmt::format("INSERT INTO run ({}) VALUES ({}) ON CONFLICT (key) DO UPDATE SET {}", names,
                               marks, updates));
  for (size_t i = 0; i < row.size(); ++i) bind_value(statement, static_cast<int>(i) + 1, row[i].second);
  statement.exec();
}

}  // namespace

std::string folder_name(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

bool is_key(const std::string& name) {
  return name.size() == 16 &&
         std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

RunRow read_run_row(const std::string& directory) {
  const RunFile file = read_run_file(directory);
  return {file.key, file.canonical, columns_of(file)};
}

void write_run_row(Db& db, const RunRow& row) { upsert_run(db, row.columns); }

void write_broken_run_row(Db& db, const std::string& directory) {
  const std::string path = RunDir{directory}.run_toml();
  upsert_run(db, {{"key", folder_name(directory)},
                  {"directory", directory},
                  {"run_toml", exists(path) ? read_file(path) : std::string()}});
}

}  // namespace aunet
