#include "analysis/checklist.h"

#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

namespace aunet {
namespace {

std::vector<const FinalRow*> rows_of(const SweepCells& cells) {
  std::vector<const FinalRow*> rows;
  for (const FamilyCells& family : cells.families) {
    for (const SizeCell& cell : family.cells) {
      for (const FinalRow& row : cell.rows) rows.push_back(&row);
    }
  }
  return rows;
}

std::string range_of(const std::vector<const FinalRow*>& rows,
                     const std::function<std::optional<double>(const FinalRow&)>& get,
                     const std::function<std::string(double)>& show) {
  std::vector<double> values;
  for (const FinalRow* row : rows) {
    if (const auto value = get(*row)) values.push_back(*value);
  }
  if (values.empty()) return "not recorded";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low == *high ? show(*low) : show(*low) + " to " + show(*high);
}

std::string set_of(const std::vector<const FinalRow*>& rows,
                   const std::function<std::string(const FinalRow&)>& get) {
  std::set<std::string> values;
  for (const FinalRow* row : rows) {
    if (!get(*row).empty()) values.insert(get(*row));
  }
  if (values.empty()) return "not recorded";
  return values.size() > 4 ? fmt::format("{} different", values.size())
                           : join({values.begin(), values.end()}, ", ");
}

std::string families_and_cells(const SweepCells& cells) {
  std::vector<std::string> words;
  for (const FamilyCells& family : cells.families) {
    words.push_back(
        fmt::format("{}: {} budgets, {} cells", family.name, family.budgets().size(), family.cells.size()));
  }
  return join(words, "; ");
}

std::string exclusions(const SweepCells& cells) {
  std::set<std::string> reasons;
  for (const FitInputRow& input : cells.excluded) reasons.insert(input.exclusion);
  if (reasons.empty()) return "none left out";
  return fmt::format("{} rows left out: {}", cells.excluded.size(),
                     join({reasons.begin(), reasons.end()}, "; "));
}

std::string optional_count(const std::optional<int64_t>& value) {
  return value ? human_count(double(*value)) : "";
}

}  // namespace

TextTable misfitting_checklist(const SweepCells& cells, const Conclusion* conclusion) {
  const std::vector<const FinalRow*> rows = rows_of(cells);
  const auto count = [](double value) { return human_count(value); };
  const auto plain = [](double value) { return fmt::format("{:.4g}", value); };
  TextTable table;
  table.title = "(Mis)Fitting checklist, filled in from the database";
  table.columns = {"group", "question", "answer"};
  const auto add = [&](const char* group, const char* question, std::string answer) {
    table.rows.push_back({group, question, std::move(answer)});
  };
  add("hypothesis", "form",
      "per family L(C) = E + A C^-g, or A C^-g where E is not identified; L(N, D) = E + A/N^alpha + B/D^beta "
      "as a check");
  add("hypothesis", "variables",
      "C: training FLOPs, 'useful' count; N = C / (6 D); D: text bytes; L: held-out bits per byte");
  add("hypothesis", "what is concluded", conclusion == nullptr ? "nothing: see above" : summary(*conclusion));
  add("training", "models", families_and_cells(cells));
  add("training", "parameters (all)",
      range_of(
          rows,
          [](const FinalRow& r) {
            return r.params ? std::optional<double>(double(*r.params)) : std::nullopt;
          },
          count));
  add("training", "parameters (non-embedding)",
      range_of(
          rows,
          [](const FinalRow& r) {
            return r.params_non_embedding ? std::optional<double>(double(*r.params_non_embedding))
                                          : std::nullopt;
          },
          count));
  add("training", "training bytes",
      range_of(
          rows, [](const FinalRow& r) { return r.bytes; }, count));
  add("training", "epochs",
      range_of(
          rows, [](const FinalRow& r) { return r.epochs; }, plain));
  add("training", "how FLOPs are counted",
      "3 x forward; linear maps 2mkn with head and upsampling, attention 4d per visible pair at the real "
      "rows; no norms, look-ups, recomputation");
  add("training", "data",
      "training text " + set_of(rows, [](const FinalRow& r) { return r.train_fingerprint; }) + "; held-out " +
          set_of(rows, [](const FinalRow& r) { return r.heldout_fingerprint; }));
  add("training", "schedule",
      "warm-up share " +
          range_of(
              rows, [](const FinalRow& r) { return r.warmup; }, plain) +
          ", then as run.toml says; every run ends its own schedule");
  add("training", "learning rate",
      range_of(
          rows, [](const FinalRow& r) { return r.lr; }, plain) +
          " (" + set_of(rows, [](const FinalRow& r) { return r.lr_source; }) + ")");
  add("training", "batch (bytes)",
      range_of(
          rows, [](const FinalRow& r) { return r.batch_bytes; }, plain));
  if (conclusion != nullptr) {
    std::vector<std::string> effort;
    for (const Effort& one : conclusion->effort)
      effort.push_back(
          fmt::format("{}: {} trials, {} FLOPs", one.family, one.trials, human_flops(one.flops_useful)));
    add("training", "tuning", join(effort, "; "));
  }
  add("data collection", "points", "the last point of each run: no intermediate checkpoints");
  add("data collection", "loss", "held-out bits per byte, " + set_of(rows, [](const FinalRow& r) {
                                   return optional_count(r.heldout_bytes);
                                 }) + " bytes; not smoothed, not interpolated");
  add("data collection", "left out", exclusions(cells));
  add("data collection", "seeds",
      cells.noise.assumed ? "one seed a cell: seed noise assumed"
                          : fmt::format("noise between seeds {:.2g} of the loss ({:.0f} degrees of freedom)",
                                        cells.noise.sd, cells.noise.freedom));
  add("data collection", "code",
      "commit " + set_of(rows, [](const FinalRow& r) { return r.commit; }) + "; devices " +
          set_of(rows, [](const FinalRow& r) { return r.device; }));
  add("fitting", "objective",
      "L(C): least squares of relative residuals; L(N, D): sum of Huber(log residual), delta 1e-3");
  add("fitting", "optimiser",
      "variable projection on an exhaustive exponent grid, polished; second solver and certificate for L(N, "
      "D)");
  add("fitting", "starts and bounds",
      "L(C): 60 exponents in [.002, 3]; L(N, D): 16 x 16 exponents in [.02, 1.5], polished in [.001, 4]; E, "
      "A, B >= 0");
  if (conclusion != nullptr) {
    const Comparison& c = conclusion->main;
    add("fitting", "uncertainty",
        fmt::format("{} replicates with full restart, size selection repeated; noise {:.2g} of the loss ({})",
                    c.replicates, c.noise_sd, c.noise_source));
    add("fitting", "goodness",
        fmt::format("residual sd {:.2g} ({}) and {:.2g} ({}) of the loss", c.a.fit.residual_sd, c.family_a,
                    c.b.fit.residual_sd, c.family_b));
    add("fitting", "held-out scale",
        c.mean_without_largest
            ? fmt::format("without the largest budget the multiplier is {:.3g}", *c.mean_without_largest)
            : "not available");
  }
  return table;
}

}  // namespace aunet
