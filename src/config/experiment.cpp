#include "config/experiment.h"

#include "config/evaluation.h"
#include "config/read_model.h"
#include "config/sections.h"
#include "config/toml_file.h"
#include "config/user_rules.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <filesystem>

namespace aunet {
namespace {

constexpr double kMostWindows = 1e15;

/// The keys of `names` that the table holds; throws unless it is exactly one.
std::string exactly_one(const Table& table, const std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (table.has(name)) found.push_back(name);
  }
  if (found.size() == 1) return found[0];
  table.fail(found.empty() ? names[0] : found[1],
             fmt::format("expected exactly one of {}, got {}", join(names, ", "),
                         found.empty() ? "none" : join(found, " and ")));
}

void read_horizon(const Table& root, ExperimentSpec& spec) {
  root.need("horizon", "a table with windows, steps, bytes or flops, and batch_windows or batch_bytes");
  const Table t = root.table("horizon", {"windows", "steps", "bytes", "flops", "convention", "batch_windows",
                                         "batch_bytes", "last_window_bytes", "accumulation"});
  HorizonConfig& horizon = spec.run.horizon;
  const std::string length = exactly_one(t, {"windows", "steps", "bytes", "flops"});
  const std::string batch = exactly_one(t, {"batch_windows", "batch_bytes"});
  t.read("windows", horizon.windows, within(1, kMostWindows));
  t.read("batch_windows", horizon.batch_windows, within(1, 1e9));
  t.read("accumulation", horizon.accumulation, within(1, 1e6));
  if (t.has("last_window_bytes") && length != "windows") {
    t.fail("last_window_bytes", "expected only beside windows, got it beside " + length);
  }
  t.read("last_window_bytes", horizon.last_window_bytes, within(0, 1 << 20));
  if (t.has("flops")) t.read("flops", spec.flops.emplace(), above(0));
  if (t.has("bytes")) t.read("bytes", spec.bytes.emplace(), above(0));
  if (t.has("steps")) t.read("steps", spec.steps.emplace(), within(1, 1e12));
  if (t.has("batch_bytes")) t.read("batch_bytes", spec.batch_bytes.emplace(), above(0));
  if (t.has("convention") && length != "flops")
    t.fail("convention", "expected only beside flops, got it beside " + length);
  t.read_choice("convention", spec.run.origin.convention, {"paper", "useful", "executed"});
  if (spec.steps && horizon.batch_windows > 0) {
    if (static_cast<double>(*spec.steps) * static_cast<double>(horizon.batch_windows) > kMostWindows) {
      t.fail("steps", fmt::format("expected steps * batch_windows up to {}, got more", kMostWindows));
    }
    horizon.windows = *spec.steps * horizon.batch_windows;
  }
}

void read_origin(const Table& root, OriginConfig& origin) {
  root.read("name", origin.name);
  if (root.has("name")) check_name(root, "name", origin.name);
  root.read("family", origin.family);
  if (root.has("family")) check_name(root, "family", origin.family);
  const Table t = root.table("origin", {"budget_flops", "convention", "flops_planned"});
  t.read("budget_flops", origin.budget_flops, at_least(0));
  t.read_choice("convention", origin.convention, {"paper", "useful", "executed"});
  t.read("flops_planned", origin.flops_planned, at_least(0));
}

ExperimentSpec parse(const std::string& text, const std::string& file_name, const std::string& base_folder,
                     const std::vector<std::string>& overrides) {
  const toml::table parsed = parse_toml(text, file_name, overrides);
  const Table root(parsed, "",
                   {"name", "family", "model", "data", "optim", "schedule", "horizon", "seeds", "run",
                    "checkpoints", "gates", "origin", "eval", "split"},
                   file_name + ":1:1");
  ExperimentSpec spec;
  RunConfig& run = spec.run;
  read_origin(root, run.origin);
  run.model = read_model(root, "model", ModelScope::Complete, base_folder, read_user_rules(root));
  root.need("data", "a table with train and heldout");
  const Table data = root.table("data", {"train", "heldout", "context_bytes", "document_mask", "invalid",
                                         "overlap", "train_fingerprint", "heldout_fingerprint"});
  run.data = read_data(data, base_folder, false, data.has("train_fingerprint"));
  data.read("train_fingerprint", run.data.train_fingerprint);
  data.read("heldout_fingerprint", run.data.heldout_fingerprint);
  run.evals = read_evals(root, base_folder, data.has("train_fingerprint"));
  root.need("optim", "a table with lr");
  const Table optim = root.table("optim", {"lr", "beta1", "beta2", "eps", "weight_decay", "clip"});
  optim.need("lr", "a number > 0");
  run.optim = read_optim(optim);
  optim.read("lr", run.optim.lr, above(0));
  run.schedule = read_schedule(root);
  read_horizon(root, spec);
  if (run.horizon.last_window_bytes > run.data.context_bytes) {
    root.fail("horizon", fmt::format("expected last_window_bytes up to context_bytes = {}, got {}",
                                     run.data.context_bytes, run.horizon.last_window_bytes));
  }
  const Table seeds = root.table("seeds", {"init", "data"});
  seeds.read("init", run.seeds.init);
  seeds.read("data", run.seeds.data);
  run.runtime = read_runtime(root, true);
  return spec;
}

}  // namespace

ExperimentSpec read_experiment(const std::string& path, const std::vector<std::string>& overrides) {
  return parse(read_config_text(path), path, folder_of_file(path), overrides);
}

ExperimentSpec parse_experiment(const std::string& toml_text, const std::string& file_name,
                                const std::vector<std::string>& overrides) {
  const std::string folder = std::filesystem::path(file_name).parent_path().string();
  return parse(toml_text, file_name, folder, overrides);
}

}  // namespace aunet
