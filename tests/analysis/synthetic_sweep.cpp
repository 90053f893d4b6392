#include "synthetic_sweep.h"

#include "analysis/frontier.h"

#include <fmt/format.h>

#include <cmath>

namespace aunet {

std::vector<FitInputRow> synthetic_rows(const SyntheticSweep& sweep, RandomStream& stream) {
  std::vector<FitInputRow> rows;
  for (const SyntheticFamily& family : sweep.families) {
    for (size_t k = 0; k < sweep.budgets.size(); ++k) {
      const double budget = sweep.budgets[k];
      const double centre = surface_optimum(family.surface, budget).n * sweep.centre_shift;
      for (int j = 0; j < sweep.sizes; ++j) {
        const double n = centre * std::pow(sweep.size_ratio, j - 0.5 * (sweep.sizes - 1)),
                     d = budget / (6 * n);
        const bool at_end = k == 0 || k + 1 == sweep.budgets.size();
        for (int seed = 0; seed < (at_end ? sweep.seeds_at_ends : 1); ++seed) {
          FinalRow row;
          row.key = fmt::format("{}-{}-{}-{}", family.name, k, j, seed);
          row.sweep = "synthetic";
          row.family = family.name;
          row.kind = family.kind;
          row.role = seed == 0 ? "grid" : "replicate";
          row.dims = fmt::format("{}", j);
          row.budget_flops = budget;
          row.convention = "useful";
          row.size_index = j;
          row.flops_useful = row.flops_paper = row.flops_executed = budget;
          row.train_seconds = budget / 1e10;
          row.bytes = d;
          row.epochs = 0.5;
          row.seed = row.seed_data = seed;
          row.loss_bpb = family.surface.loss(n, d) * std::exp(sweep.noise * stream.normal());
          row.heldout_bytes = 100000;
          row.status = "done";
          row.gate_causal = true;
          rows.push_back({row, ""});
        }
      }
    }
  }
  return rows;
}

namespace {

double log_flops_at(const ChinchillaParams& surface, double loss) {
  double low = -50, high = 200;
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    (surface_optimum(surface, std::exp(middle)).loss > loss ? low : high) = middle;
  }
  return low;
}

}  // namespace

double true_multiplier(const SyntheticFamily& a, const SyntheticFamily& b,
                       const std::vector<double>& losses) {
  double sum = 0;
  for (const double loss : losses) sum += log_flops_at(b.surface, loss) - log_flops_at(a.surface, loss);
  return std::exp(sum / double(losses.size()));
}

std::vector<SyntheticFamily> families_with_multiplier(double multiplier) {
  // Near what byte models of 1e4 to 1e6 parameters do on English: 3.2 bits per byte at 1e11, 2.4 at 4e12.
  const ChinchillaParams a{.A = 12, .B = 190, .E = 1.0, .alpha = 0.24, .beta = 0.32};
  // n and d both worth sqrt(multiplier) less: the frontier moves by exactly `multiplier` in compute.
  ChinchillaParams b = a;
  b.A *= std::pow(multiplier, a.alpha / 2);
  b.B *= std::pow(multiplier, a.beta / 2);
  return {{"aunet2", "aunet", a}, {"bpe", "llama", b}};
}

}  // namespace aunet
