#include "analysis/estimate.h"

#include "core/error.h"

#include <boost/math/distributions/students_t.hpp>

#include <algorithm>
#include <cmath>

namespace aunet {
namespace {

double share(int64_t count, size_t n) { return double(count + 1) / double(n + 1); }

/// P(T <= t); a standard error of 0 leaves no doubt.
double student_cdf(double difference, double standard_error, double freedom) {
  if (standard_error == 0) return difference > 0 ? 1 : difference < 0 ? 0 : 0.5;
  return boost::math::cdf(boost::math::students_t(freedom), difference / standard_error);
}

}  // namespace

Interval Estimate::interval(double level) const {
  if (!draws.empty()) return percentile_interval(draws, level);
  require(freedom > 0, "Estimate: neither draws nor degrees of freedom");
  const double t = boost::math::quantile(boost::math::students_t(freedom), 0.5 + level / 2);
  return {value - t * standard_error, value + t * standard_error};
}

double Estimate::p_above(double bound) const {
  if (draws.empty()) return student_cdf(bound - value, standard_error, freedom);
  return share(std::count_if(draws.begin(), draws.end(), [&](double x) { return x <= bound; }), draws.size());
}

double Estimate::p_below(double bound) const {
  if (draws.empty()) return student_cdf(value - bound, standard_error, freedom);
  return share(std::count_if(draws.begin(), draws.end(), [&](double x) { return x >= bound; }), draws.size());
}

Equivalence test_equivalence(const Estimate& estimate, double margin) {
  require(margin > 0, "test_equivalence: a margin must be above 0");
  Equivalence result;
  result.margin = margin;
  result.interval = estimate.interval(kEquivalenceLevel);
  result.p = std::max(estimate.p_above(-margin), estimate.p_below(margin));
  result.equivalent = -margin < result.interval.low && result.interval.high < margin;
  return result;
}

Estimate mean_of_values(const std::vector<double>& values) {
  require(values.size() >= 2, "mean_of_values: needs two values");
  Estimate estimate;
  for (const double value : values) estimate.value += value / double(values.size());
  estimate.standard_error = standard_deviation(values) / std::sqrt(double(values.size()));
  estimate.freedom = double(values.size() - 1);
  return estimate;
}

}  // namespace aunet
