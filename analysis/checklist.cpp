#include "analysis/checklist.h"

#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace aunet {
namespace {

using Rows = std::vector<const FinalRow*>;

Rows rows_of(const SweepCells& cells) {
  Rows rows;
  for (const FamilyCells& family : cells.families) {
    for (const SizeCell& cell : family.cells) {
      for (const FinalRow& row : cell.rows) rows.push_back(&row);
    }
  }
  return rows;
}

std::string plain(double value) { return fmt::format("{:.4g}", value); }

/// "1.2K to 3.4M" of a column; "not recorded" when no row has it.
template <typename Number>
std::string range_of(const Rows& rows, std::optional<Number> FinalRow::*column, std::string (*show)(double)) {
  std::vector<double> values;
  for (const FinalRow* row : rows) {
    if (const auto& value = row->*column) values.push_back(double(*value));
  }
  if (values.empty()) return "not recorded";
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low == *high ? show(*low) : show(*low) + " to " + show(*high);
}

/// The different values of a column; their number when they are many.
std::string set_of(const Rows& rows, std::string FinalRow::*column) {
  std::set<std::string> values;
  for (const FinalRow* row : rows) {
    if (!(row->*column).empty()) values.insert(row->*column);
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

using Answers = std::vector<std::pair<const char*, std::string>>;

Answers hypothesis(const Conclusion* conclusion) {
  return {
      {"form",
       "per family L(C) = E + A C^-g, or A C^-g where E is not identified; L(N, D) = E + A/N^alpha + "
       "B/D^beta as a check"},
      {"variables",
       "C: training FLOPs, 'useful' count; N = C / (6 D); D: text bytes; L: held-out bits per byte"},
      {"what is concluded", conclusion == nullptr ? "nothing: no pair of families" : summary(*conclusion)}};
}

Answers training(const SweepCells& cells, const Rows& rows, const Conclusion* conclusion) {
  Answers answers = {
      {"models", families_and_cells(cells)},
      {"parameters (all)", range_of(rows, &FinalRow::params, human_count)},
      {"parameters (non-embedding)", range_of(rows, &FinalRow::params_non_embedding, human_count)},
      {"training bytes", range_of(rows, &FinalRow::bytes, human_count)},
      {"epochs", range_of(rows, &FinalRow::epochs, plain)},
      {"how FLOPs are counted",
       "3 x forward; linear maps 2mkn with head and upsampling, attention 4d per visible pair at the real "
       "rows; "
       "no norms, look-ups, recomputation"},
      {"data", fmt::format("training text {}; held-out {}", set_of(rows, &FinalRow::train_fingerprint),
                           set_of(rows, &FinalRow::heldout_fingerprint))},
      {"schedule", fmt::format("warm-up share {}, the rest in run.toml; every run ends its own schedule",
                               range_of(rows, &FinalRow::warmup, plain))},
      {"learning rate",
       fmt::format("{} ({})", range_of(rows, &FinalRow::lr, plain), set_of(rows, &FinalRow::lr_source))},
      {"batch (bytes)", range_of(rows, &FinalRow::batch_bytes, plain)}};
  if (conclusion == nullptr) return answers;
  std::vector<std::string> efforts;
  for (const Effort& one : conclusion->effort) {
    efforts.push_back(
        fmt::format("{}: {} trials, {} FLOPs", one.family, one.trials, human_flops(one.flops_useful)));
  }
  answers.emplace_back("tuning", join(efforts, "; "));
  return answers;
}

Answers collection(const SweepCells& cells, const Rows& rows) {
  return {{"points", "the last point of each run: no intermediate checkpoints"},
          {"loss", fmt::format("held-out bits per byte over {} bytes; not smoothed, not interpolated",
                               range_of(rows, &FinalRow::heldout_bytes, human_count))},
          {"left out", exclusions(cells)},
          {"seeds", cells.noise.assumed
                        ? "one seed a cell: seed noise assumed"
                        : fmt::format("noise between seeds {:.2g} of the loss ({:.0f} degrees of freedom)",
                                      cells.noise.sd, cells.noise.freedom)},
          {"code", fmt::format("commit {}; devices {}", set_of(rows, &FinalRow::commit),
                               set_of(rows, &FinalRow::device))}};
}

Answers fitting(const Conclusion* conclusion) {
  Answers answers = {
      {"objective",
       "L(C): least squares of relative residuals; L(N, D): sum of Huber(log residual), delta 1e-3"},
      {"optimiser",
       "variable projection on an exhaustive exponent grid, polished; second solver and certificate for L(N, "
       "D)"},
      {"starts and bounds",
       "L(C): 60 exponents in [.002, 3]; L(N, D): 16 x 16 exponents in [.02, 1.5], polished in [.001, 4]; "
       "E, A, B >= 0"}};
  if (conclusion == nullptr || !conclusion->main.refusal.empty()) return answers;
  const Comparison& c = conclusion->main;
  answers.emplace_back(
      "uncertainty",
      fmt::format("{} replicates with full restart, size selection repeated; noise {:.2g} of the loss ({})",
                  c.replicates, c.noise_sd, c.noise_source));
  answers.emplace_back("goodness",
                       fmt::format("residual sd {:.2g} ({}) and {:.2g} ({}) of the loss", c.a.fit.residual_sd,
                                   c.family_a, c.b.fit.residual_sd, c.family_b));
  answers.emplace_back(
      "held-out scale",
      c.mean_without_largest
          ? fmt::format("without the largest budget the multiplier is {:.3g}", *c.mean_without_largest)
          : "not available");
  return answers;
}

}  // namespace

TextTable misfitting_checklist(const SweepCells& cells, const Conclusion* conclusion) {
  const Rows rows = rows_of(cells);
  TextTable table;
  table.title = "(Mis)Fitting checklist, filled in from the database";
  table.columns = {"group", "question", "answer"};
  for (const auto& [group, answers] : {std::pair{"hypothesis", hypothesis(conclusion)},
                                       {"training", training(cells, rows, conclusion)},
                                       {"data collection", collection(cells, rows)},
                                       {"fitting", fitting(conclusion)}}) {
    for (const auto& [question, answer] : answers) table.rows.push_back({group, question, answer});
  }
  return table;
}

}  // namespace aunet
