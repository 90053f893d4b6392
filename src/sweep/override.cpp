#include "sweep/override.h"

#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace aunet {
namespace {

/// A cell with one override's changes, counted anew.
Cell changed(const Cell& old, const OverrideSpec& rule, const FamilySpec& family, CellFactory& factory) {
  Cell cell = old;
  Hyper hyper{.lr = old.run.optim.lr,
              .batch_windows = old.run.horizon.batch_windows,
              .source = "override: " + rule.reason,
              .provisional = old.provisional,
              .warmup_steps = old.run.schedule.warmup_steps};
  for (const OverrideSpec::Change& change : rule.set) {
    const auto of = [&](double before) { return change.is_factor ? before * change.value : change.value; };
    if (change.field == "lr") hyper.lr = of(hyper.lr);
    if (change.field == "batch_bytes")
      hyper.batch_windows = factory.windows_for_bytes(cell, of(old.batch_bytes));
    if (change.field == "weight_decay") cell.run.optim.weight_decay = of(cell.run.optim.weight_decay);
    if (change.field == "clip") cell.run.optim.clip = of(cell.run.optim.clip);
    if (change.field == "warmup") cell.run.schedule.warmup = std::min(1.0, of(cell.run.schedule.warmup));
    if (change.field == "init_seed") cell.run.seeds.init = static_cast<uint64_t>(change.value);
  }
  hyper.weight_decay = cell.run.optim.weight_decay;
  factory.finish(cell, family, hyper);
  return cell;
}

}  // namespace

Overrides::Overrides(const SweepSpec& spec) : spec_(spec), used_(spec.overrides.size(), false) {
  for (const OverrideSpec& rule : spec.overrides)
    where_.push_back(compile_where(rule.where, fmt::format("{}:{}: override.where", spec.file, rule.line)));
}

Cell Overrides::apply(Cell cell, const FamilySpec& family, CellFactory& factory,
                      std::vector<ExcludedCell>& superseded) {
  const size_t first = superseded.size();
  for (size_t i = 0; i < where_.size(); ++i) {
    const bool meets = where_[i](cell) ||
                       std::any_of(superseded.begin() + static_cast<std::ptrdiff_t>(first), superseded.end(),
                                   [&](const ExcludedCell& old) { return where_[i](old.cell); });
    if (!meets) continue;
    used_[i] = true;
    const OverrideSpec& rule = spec_.overrides[i];
    Cell next = changed(cell, rule, family, factory);
    if (canonical(next.run) == canonical(cell.run))
      throw ConfigError(fmt::format("{}:{}: override.set: expected a change, got what cell {} has already",
                                    spec_.file, rule.line, cell.key));
    const std::string heir = next.key.empty() ? "its override" : next.key;
    superseded.push_back({std::move(cell), fmt::format("superseded by {}: {}", heir, rule.reason)});
    cell = std::move(next);
  }
  return cell;
}

std::vector<std::string> Overrides::unused() const {
  std::vector<std::string> lines;
  for (size_t i = 0; i < used_.size(); ++i) {
    if (!used_[i])
      lines.push_back(fmt::format("{}:{}: override \"{}\" meets no cell", spec_.file, spec_.overrides[i].line,
                                  spec_.overrides[i].where));
  }
  return lines;
}

}  // namespace aunet
