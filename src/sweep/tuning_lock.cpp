#include "sweep/tuning_lock.h"

#include "config/reader.h"
#include "config/toml_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace aunet {

namespace {

constexpr int64_t kLockVersion = 1;

bool applies(const SweepSpec& spec, const FamilySpec& family, const std::string& axis) {
  if (axis == "lr") return !family.lr;
  if (axis == "batch") return !family.batch_bytes && family.batch_sequences.empty();
  if (axis == "split") return !family.splits.empty();
  if (axis == "byte_width") return family.kind == "aunet" && family.stages > 1;
  if (axis == "weight_decay") {
    if (spec.optim.weight_decay > 0) return true;
    throw ConfigError(fmt::format(
        "{}: optim.weight_decay: expected a value above 0 to tune it in factors of 2, got 0", spec.file));
  }
  const auto* transformer = std::get_if<TransformerConfig>(&family.base);
  return transformer && transformer->tokenizer.kind == "bpe" && transformer->tokenizer.train;
}

/// The model as far as the file gives it: a run's canonical form, without data and sizes.
std::string model_text(const FamilySpec& family) {
  RunConfig run;
  run.model = family.base;
  return canonical(run);
}

std::string setting_toml(const ModelSetting& setting) {
  std::string text;
  if (setting.vocab > 0) text += fmt::format("vocab = {}\n", setting.vocab);
  if (!setting.split.empty()) text += fmt::format("split = \"{}\"\n", setting.split);
  if (setting.byte_width != 1) text += fmt::format("byte_width = {:.17g}\n", setting.byte_width);
  return text;
}

std::string trial_toml(const RanTrial& trial, const std::string& family) {
  std::string text = fmt::format("\n[[family.{}.tuned.trial]]\nkey = \"{}\"\nsteps = [{}]\n", family,
                                 trial.key, fmt::join(trial.steps, ", "));
  text += std::isfinite(trial.loss_bpb) ? fmt::format("loss_bpb = {:.17g}\n", trial.loss_bpb)
                                        : std::string("loss_bpb = inf  # diverged\n");
  text += fmt::format(
      "lr = {:.17g}\nbatch_windows = {}\nweight_decay = {:.17g}\ndims = [{}]\nlayers = [{}]\nhead_dims = "
      "[{}]\nsize_index = {}\n",
      trial.lr, trial.batch_windows, trial.weight_decay, fmt::join(trial.dims, ", "),
      fmt::join(trial.layers, ", "), fmt::join(trial.head_dims, ", "), trial.size_index);
  return text + setting_toml(trial.setting);
}

std::string family_toml(const LockedFamily& locked) {
  const TunedFamily& tuned = locked.tuned;
  const std::string& name = tuned.family;
  std::string text = fmt::format(
      "\n[family.{}]\nhash = \"{}\"\naxes = [\"{}\"]\nlaw = \"{}\"  # exponents; value = coefficient * "
      "budget^exponent\nseeds = [{}, {}]\n",
      name, locked.hash, join(tuned.axes, "\", \""), tuned.law, tuned.seeds.init, tuned.seeds.data);
  const auto law = [&](const char* axis, const char* key, const PowerLaw& fitted) {
    if (tuned.has(axis))
      text += fmt::format("{} = {{ coefficient = {:.17g}, exponent = {:.17g} }}\n", key, fitted.coefficient,
                          fitted.exponent);
  };
  law("lr", "lr", tuned.lr);
  law("batch", "batch_windows", tuned.batch_windows);
  law("weight_decay", "weight_decay", tuned.weight_decay);
  for (const TunedBudget& b : tuned.budgets) {
    text += fmt::format(
        "\n[[family.{}.tuned]]\nbudget = {:.17g}\ninterior = {}\nends = \"{}\"\nlr = {:.17g}\nbatch_windows "
        "= "
        "{:.17g}\nweight_decay = {:.17g}\n{}",
        name, b.budget_flops, b.interior, b.ends, b.lr, b.batch_windows, b.weight_decay,
        setting_toml(b.model));
    for (const RanTrial& trial : b.trials) text += trial_toml(trial, name);
  }
  return text;
}

ModelSetting read_setting(const Table& t) {
  ModelSetting setting;
  t.read("vocab", setting.vocab, at_least(1));
  t.read("split", setting.split);
  t.read("byte_width", setting.byte_width, above(0));
  return setting;
}

RanTrial read_trial(const toml::table& table) {
  const Table t(table, "trial",
                {"key", "steps", "loss_bpb", "lr", "batch_windows", "weight_decay", "dims", "layers",
                 "head_dims", "size_index", "vocab", "split", "byte_width"});
  RanTrial trial;
  for (const char* key : {"key", "steps", "loss_bpb", "lr", "batch_windows", "dims", "layers", "head_dims"})
    t.need(key, "what the sweep wrote");
  t.read("key", trial.key);
  std::vector<int64_t> steps;
  t.read_list("steps", steps, within(-1000, 1000));
  for (const int64_t step : steps) trial.steps.push_back(static_cast<int>(step));
  const auto* loss = table["loss_bpb"].as_floating_point();
  if (loss && std::isinf(loss->get()))
    trial.loss_bpb = loss->get();
  else
    t.read("loss_bpb", trial.loss_bpb);
  t.read("lr", trial.lr, above(0));
  t.read("batch_windows", trial.batch_windows, at_least(1));
  t.read("weight_decay", trial.weight_decay, at_least(0));
  t.read_list("dims", trial.dims, at_least(1));
  t.read_list("layers", trial.layers, at_least(1));
  t.read_list("head_dims", trial.head_dims, at_least(1));
  t.read("size_index", trial.size_index, at_least(0));
  trial.setting = read_setting(t);
  return trial;
}

TunedBudget read_budget(const toml::table& table) {
  const Table t(table, "tuned",
                {"budget", "interior", "ends", "lr", "batch_windows", "weight_decay", "vocab", "split",
                 "byte_width", "trial"});
  TunedBudget budget;
  t.need("budget", "FLOPs");
  t.read("budget", budget.budget_flops, above(0));
  t.read("interior", budget.interior);
  t.read("ends", budget.ends);
  t.read("lr", budget.lr, above(0));
  t.read("batch_windows", budget.batch_windows, at_least(1));
  t.read("weight_decay", budget.weight_decay, at_least(0));
  budget.model = read_setting(t);
  for (const toml::table* trial : t.tables("trial")) budget.trials.push_back(read_trial(*trial));
  return budget;
}

LockedFamily read_family(const toml::table& table, const std::string& name) {
  const Table t(table, "family." + name,
                {"hash", "axes", "law", "seeds", "lr", "batch_windows", "weight_decay", "tuned"});
  LockedFamily locked;
  TunedFamily& tuned = locked.tuned;
  tuned.family = name;
  t.need("hash", "what the sweep wrote");
  t.read("hash", locked.hash);
  t.read_list("axes", tuned.axes);
  t.read_choice("law", tuned.law, {"fitted", "paper"});
  std::vector<uint64_t> seeds;
  t.read_list("seeds", seeds, {}, 2, "init and data");
  if (seeds.size() == 2) tuned.seeds = {seeds[0], seeds[1]};
  for (const auto& [key, law] : {std::pair{"lr", &tuned.lr},
                                 {"batch_windows", &tuned.batch_windows},
                                 {"weight_decay", &tuned.weight_decay}}) {
    const Table l = t.table(key, {"coefficient", "exponent"});
    l.read("coefficient", law->coefficient, at_least(0));
    l.read("exponent", law->exponent);
  }
  for (const toml::table* budget : t.tables("tuned")) tuned.budgets.push_back(read_budget(*budget));
  if (tuned.budgets.empty()) t.fail("tuned", "expected the tuned budgets, got none");
  return locked;
}

}  // namespace

const LockedFamily* TuningLock::find(const std::string& family) const {
  for (const LockedFamily& locked : families)
    if (locked.tuned.family == family) return &locked;
  return nullptr;
}

std::vector<std::string> axes_of(const SweepSpec& spec, const FamilySpec& family) {
  std::vector<std::string> axes;
  for (const std::string& axis : spec.tune.axes)
    if (applies(spec, family, axis)) axes.push_back(axis);
  return axes;
}

std::string tuning_hash(const SweepSpec& spec, const FamilySpec& family) {
  const auto number = [](const std::optional<double>& value) {
    return value ? fmt::format("{:.17g}", *value) : "-";
  };
  std::string text = fmt::format(
      "axes {}\nstart {} {} {}\nuntil {}\nlaw {} {}\nlr {}\nbatch {} {}\ncontext {}\nconvention {}\nmodel "
      "{}\n",
      join(axes_of(spec, family), ","), spec.tune.start, number(spec.tune.start_lr),
      number(spec.tune.start_batch_bytes), spec.tune.until, spec.tune.law, family.law, number(family.lr),
      number(family.batch_bytes), fmt::join(family.batch_sequences, ","), spec.data.data.context_bytes,
      spec.budget.convention, model_text(family));
  for (const auto& split : family.splits) {
    text += "split " + to_string(split) + "\n";
    for (const auto& pattern : user_patterns(split)) text += pattern + "\n";
  }
  return hash_hex(text);
}

std::string to_toml(const TuningLock& lock) {
  std::string text = fmt::format(
      "# What the tuning of this sweep came to. Written by `aunet sweep`, used by every later plan, so that "
      "adding\n"
      "# budgets, sizes or seeds changes no old cell; `--relock` resolves it anew.\nversion = {}\nsweep = "
      "\"{}\"\n",
      kLockVersion, lock.sweep);
  for (const LockedFamily& locked : lock.families) text += family_toml(locked);
  return text;
}

TuningLock parse_tuning_lock(const std::string& text, const std::string& file_name) {
  const toml::table parsed = parse_toml(text, file_name, {});
  const Table root(parsed, "", {"version", "sweep", "family"}, file_name + ":1:1");
  int64_t version = 0;
  root.need("version", "1");
  root.read("version", version, within(kLockVersion, kLockVersion));
  TuningLock lock;
  root.read("sweep", lock.sweep);
  const toml::table* families = parsed["family"].as_table();
  if (!families) return lock;
  for (const auto& [name, node] : *families) {
    const toml::table* table = node.as_table();
    if (!table) root.fail_expected("family", "tables");
    lock.families.push_back(read_family(*table, std::string(name.str())));
  }
  return lock;
}

std::string tuning_lock_path(const RunsRoot& runs, const std::string& sweep) {
  return runs.path + "/plans/" + sweep + ".lock.toml";
}

std::optional<TuningLock> read_tuning_lock(const RunsRoot& runs, const std::string& sweep) {
  const std::string path = tuning_lock_path(runs, sweep);
  if (!exists(path)) return std::nullopt;
  return parse_tuning_lock(read_file(path), path);
}

}  // namespace aunet
