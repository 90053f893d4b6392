// A number with its uncertainty, and the two questions that may be put to it: is it above a bound, is it
// within a margin of zero.
#pragma once

#include <vector>

#include "analysis/bootstrap.h"

namespace aunet {

/// Either bootstrap replicates or a standard error with degrees of freedom (Student's t).
struct Estimate {
  double value = 0;
  std::vector<double> draws{};             // replicates of `value`; infinite where one is open
  double standard_error = 0, freedom = 0;  // used when there are no draws

  /// Percentiles of the draws, or value +- t standard errors, at `level`.
  Interval interval(double level = kLevel) const;
  /// One-sided p-value of "the truth is at most `bound`" (small: it is above). Of draws: the share at or
  /// below the bound, (count + 1) / (draws + 1) at least.
  double p_above(double bound) const;
  double p_below(double bound) const;  ///< of "at least `bound`"
};

/// Two one-sided tests (Schuirmann 1987): the truth is within `margin` of 0 when both "at most -margin" and
/// "at least margin" are rejected, that is when the 1 - 2 alpha interval lies inside.
struct Equivalence {
  double margin = 0;
  Interval interval;        // 90 %
  double p = 1;             // the larger of the two
  bool equivalent = false;  // the interval lies inside (-margin, margin)
};
inline constexpr double kEquivalenceLevel = 0.90;  // two tests at 5 %
Equivalence test_equivalence(const Estimate& estimate, double margin);

/// Mean of independent values with its standard error (n - 1 degrees of freedom). Needs two values at least.
Estimate mean_of_values(const std::vector<double>& values);

}  // namespace aunet
