#include "sweep/plan_changes.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "sweep/run_state.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <tuple>

namespace aunet {

namespace {

using Json = nlohmann::json;
/// Where a cell stands in its grid, whatever its settings.
using Place = std::tuple<std::string, std::string, double, int64_t, uint64_t, uint64_t>;

struct OldCell {
  std::string key, family;
  Place place;
  double flops = 0;
};

std::vector<OldCell> old_cells(const std::string& path) {
  if (!exists(path)) return {};
  const Json plan = Json::parse(read_file(path), nullptr, false);
  std::vector<OldCell> cells;
  try {
    for (const Json& cell : plan.at("cells")) {
      if (!cell.at("key").is_string()) continue;
      const Json& seeds = cell.at("seeds");
      const auto convention = cell.at("convention").get<std::string>();
      cells.push_back({cell.at("key"),
                       cell.at("family"),
                       {cell.at("family"), cell.at("role"), cell.at("budget"), cell.at("size_index"),
                        seeds.at("init"), seeds.at("data")},
                       cell.at("flops").at(convention)});
    }
  } catch (const Json::exception&) {
    return {};
  }
  return cells;
}

Place place_of(const Cell& cell) {
  return {cell.family,     to_string(cell.role), cell.budget_flops,
          cell.size_index, cell.run.seeds.init,  cell.run.seeds.data};
}

/// Settings that follow from others (budget, model, text, tuning) and have no key of their own in a sweep
/// file.
bool is_derived(const std::string& setting) {
  static const std::set<std::string> derived = {
      "model.tokenizer", "model.vocab_size", "model.dim",      "model.n_layers", "model.dimensions",
      "model.layers",    "model.head_dims",  "model.head_dim", "model.kind",     "schedule.warmup_steps"};
  return setting.starts_with("horizon.") || setting.starts_with("seeds.") || derived.contains(setting);
}

std::string keep_argument(const std::string& family, const std::string& setting, const std::string& before) {
  if (before.empty() || is_derived(setting) || setting == "data.train" || setting == "numerics") return "";
  if (setting == "optim.lr") return fmt::format("--set family.{}.lr={}", family, before);
  if (setting.starts_with("model.")) return fmt::format("--set 'family.{}.{}={}'", family, setting, before);
  return fmt::format("--set '{}={}'", setting, before);
}

/// canonical() as "section.key" -> JSON text.
std::map<std::string, std::string> settings_of(const RunConfig& run) {
  std::map<std::string, std::string> settings;
  const Json all = Json::parse(canonical(run));
  for (const auto& [section, values] : all.items()) {
    if (!values.is_object()) {
      settings[section] = values.dump();
      continue;
    }
    for (const auto& [key, value] : values.items()) settings[section + "." + key] = value.dump();
  }
  return settings;
}

/// What the tuning of a cell that is still provisional may yet set: no difference that the user made.
bool tuning_decides(const std::string& setting) {
  return setting == "optim.lr" || setting == "optim.weight_decay" || setting == "schedule.warmup_steps" ||
         setting.starts_with("horizon.") || setting.starts_with("model.");
}

/// Adds what differs between an orphan and the cell in its place.
void add_differences(
    const OldCell& old, const RunConfig& before, const Cell& now,
    std::map<std::tuple<std::string, std::string, std::string, std::string>, int64_t>& found) {
  std::map<std::string, std::string> a = settings_of(before), b = settings_of(now.run);
  if (train_key(before) != old.key) {  // this binary hashes the same settings to another key
    ++found[{old.family, "numerics", "", b["numerics"]}];
    return;
  }
  std::set<std::string> names;
  for (const auto& [name, _] : a) names.insert(name);
  for (const auto& [name, _] : b) names.insert(name);
  std::set<std::string> differing;
  for (const std::string& name : names)
    if (a[name] != b[name] && !(now.provisional && tuning_decides(name))) differing.insert(name);
  // how many windows a budget buys follows from everything else; it is news only when nothing else is
  bool others = false;
  for (const std::string& name : differing) others = others || !name.starts_with("horizon.");
  for (const std::string& name : differing)
    if (!others || !name.starts_with("horizon.")) ++found[{old.family, name, a[name], b[name]}];
}

}  // namespace

PlanChanges plan_changes(const Plan& plan, const RunsRoot& runs) {
  std::set<std::string> keys;
  std::map<Place, const Cell*> places;
  for (const Cell& cell : plan.cells) {
    keys.insert(cell.key);
    places.emplace(place_of(cell), &cell);
  }
  for (const ExcludedCell& out : plan.excluded) keys.insert(out.cell.key);  // named, with a reason
  PlanChanges changes;
  std::set<std::string> seen;
  std::map<std::tuple<std::string, std::string, std::string, std::string>, int64_t> found;
  for (const OldCell& old : old_cells(runs.plan(plan.sweep))) {
    if (keys.contains(old.key) || !seen.insert(old.key).second) continue;
    const RunDir run = runs.run(old.key);
    if (!exists(run.run_toml())) continue;
    const std::string state = plan_word(read_run_state(run));
    if (state == "new") continue;
    changes.orphaned.push_back({old.key, old.family, state, old.flops});
    const auto now = places.find(old.place);
    if (std::get<1>(old.place) == to_string(CellRole::Tune))
      continue;  // all trials of a search share one place
    if (now == places.end() || now->second->key.empty()) continue;
    try {
      add_differences(old, read_run_config(run.run_toml()), *now->second, found);
    } catch (const ConfigError&) {  // a run.toml of another release: the orphan alone is told
    }
  }
  for (const auto& [what, count] : found) {
    const auto& [family, setting, before, now] = what;
    changes.settings.push_back({family, setting, before, now, count, keep_argument(family, setting, before)});
  }
  return changes;
}

std::vector<std::string> describe(const PlanChanges& changes) {
  std::vector<std::string> lines;
  if (changes.orphaned.empty()) return lines;
  int64_t done = 0;
  double flops = 0;
  for (const OrphanedRun& run : changes.orphaned) {
    done += run.state == "done";
    if (run.state == "done") flops += run.flops;
  }
  lines.push_back(fmt::format(
      "orphaned: {} runs of the last plan are no cells of this one ({} done, {} FLOPs); they stay on disk",
      changes.orphaned.size(), done, human_flops(flops)));
  for (const ChangedSetting& c : changes.settings) {
    const auto shown = [](const std::string& value) {
      return value.empty() ? std::string("(not set)") : value;
    };
    if (c.setting == "numerics") {
      lines.push_back(fmt::format("  {}: {} runs were made under other numerics (now version {})", c.family,
                                  c.runs, c.now));
      continue;
    }
    lines.push_back(fmt::format("  {}: {} {} -> {} in {} runs{}", c.family, c.setting, shown(c.before),
                                shown(c.now), c.runs,
                                c.keep.empty() ? "" : "; to keep the old value: " + c.keep));
  }
  return lines;
}

}  // namespace aunet
