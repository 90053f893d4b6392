// Sweeps with a known answer: two families whose losses follow planted surfaces, run through the whole
// protocol of budgets, sizes, seeds and noise, as the rows that the database would hand over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/chinchilla.h"
#include "core/random.h"
#include "db/queries.h"

namespace aunet {

struct SyntheticFamily {
  std::string name, kind;
  ChinchillaParams surface;  // n = FLOPs per byte / 6, d = bytes, loss in bits per byte
};

struct SyntheticSweep {
  std::vector<SyntheticFamily> families;
  std::vector<double> budgets = {1e11, 2.6e11, 7e11, 1.8e12, 4.7e12};
  int sizes = 4;
  double size_ratio = 1.6;  // FLOPs per byte from one size to the next, centred on the optimum
  double centre_shift = 1;  // the sizes' centre over the true optimum
  double noise = 0.005;     // sd of the log loss
  int seeds_at_ends = 3;    // at the smallest and largest budget; 1 elsewhere
};

std::vector<FitInputRow> synthetic_rows(const SyntheticSweep& sweep, RandomStream& stream);

/// The truth: the geometric mean over `losses` of C_b(L) / C_a(L) on the planted frontiers.
double true_multiplier(const SyntheticFamily& a, const SyntheticFamily& b, const std::vector<double>& losses);

/// Two byte-sized families; b's compute is worth 1 / `multiplier` of a's everywhere, exactly.
std::vector<SyntheticFamily> families_with_multiplier(double multiplier);

}  // namespace aunet
