#include "analysis/store_conclusion.h"

#include "analysis/fit_command.h"
#include "core/hash.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>

namespace aunet {
namespace {

using nlohmann::json;

constexpr double kLockSeconds = 60;

/// Hash of the rows that entered: key and held-out loss.
std::string inputs_hash(const SweepCells& cells, const std::vector<std::string>& families) {
  Hasher hasher;
  for (const std::string& name : families) {
    for (const SizeCell& cell : cells.family(name).cells) {
      for (const FinalRow& row : cell.rows)
        hasher.update(fmt::format("{} {:.17g}\n", row.key, *row.loss_bpb));
    }
  }
  return hasher.hex();
}

std::string now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

StoredFit curve_fit_of(const Conclusion& conclusion, const FamilyCurve& curve) {
  StoredFit fit;
  fit.name = fmt::format("{} {} frontier", conclusion.sweep, curve.family);
  fit.sweep = conclusion.sweep;
  fit.family = curve.family;
  fit.form = "frontier";
  fit.convention = to_string(conclusion.main.cost);
  fit.parameters = json{{"E", curve.fit.curve.E}, {"A", curve.fit.curve.A}, {"g", curve.fit.curve.g}}.dump();
  fit.certificate = json{{"converged", curve.fit.refusal.empty()},
                         {"reason", curve.fit.refusal},
                         {"residual_sd", curve.fit.residual_sd}}
                        .dump();
  fit.n_rows = curve.fit.n_points;
  return fit;
}

StoredFit surface_fit_of(const Conclusion& conclusion, const std::string& family,
                         const ChinchillaFit& surface) {
  const json all = fit_to_json(surface, nullptr, {});
  StoredFit fit;
  fit.name = fmt::format("{} {} chinchilla", conclusion.sweep, family);
  fit.sweep = conclusion.sweep;
  fit.family = family;
  fit.form = "chinchilla";
  fit.convention = "useful";
  fit.parameters = all["params"].is_null() ? "{}" : all["params"].dump();
  fit.certificate = all["certificate"].dump();
  fit.n_rows = surface.n_points;
  return fit;
}

void add_multipliers(const Conclusion& conclusion, const Comparison& comparison,
                     std::vector<StoredMultiplier>& rows) {
  for (const MultiplierPoint& point : comparison.points) {
    StoredMultiplier row;
    row.sweep = conclusion.sweep;
    row.family_a = comparison.family_a;
    row.family_b = comparison.family_b;
    row.convention = to_string(comparison.cost);
    row.flops = point.budget;
    row.loss_bpb = point.loss;
    const bool stands = comparison.refusal.empty();
    if (stands) {
      row.multiplier = point.multiplier;
      if (!point.low_open) row.low = point.interval.low;
      if (!point.high_open) row.high = point.interval.high;
    }
    row.verdict = !stands ? "refused" : point.censored != 0 ? "censored" : "estimate";
    row.reason = !stands              ? comparison.refusal
                 : point.censored > 0 ? "at least"
                 : point.censored < 0 ? "at most"
                                      : "";
    rows.push_back(row);
  }
}

}  // namespace

void store_conclusion(const std::string& db_path, const Conclusion& conclusion, const SweepCells& cells) {
  const std::string hash = inputs_hash(cells, {conclusion.family_a, conclusion.family_b}), created = now();
  std::vector<StoredFit> fits = {curve_fit_of(conclusion, conclusion.main.a),
                                 curve_fit_of(conclusion, conclusion.main.b)};
  if (conclusion.surface.a.n_points > 0) {
    fits.push_back(surface_fit_of(conclusion, conclusion.family_a, conclusion.surface.a));
    fits.push_back(surface_fit_of(conclusion, conclusion.family_b, conclusion.surface.b));
  }
  std::vector<StoredMultiplier> multipliers;
  add_multipliers(conclusion, conclusion.main, multipliers);
  for (const Comparison& comparison : conclusion.beside) add_multipliers(conclusion, comparison, multipliers);
  const WriterLock lock(db_path, kLockSeconds);
  Db db = Db::open_write(db_path);
  for (StoredFit& fit : fits) {
    fit.inputs_hash = hash;
    fit.created = created;
    store_fit(db, fit);
  }
  for (StoredMultiplier& row : multipliers) {
    row.inputs_hash = hash;
    row.created = created;
  }
  if (!multipliers.empty()) store_multipliers(db, multipliers);
}

}  // namespace aunet
