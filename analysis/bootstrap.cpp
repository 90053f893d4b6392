#include "analysis/bootstrap.h"

#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

namespace aunet {

void parallel_for(int64_t n, const std::function<void(int64_t)>& body) {
  std::atomic<int64_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&] {
    for (int64_t i = next++; i < n; i = next++) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next = n;
      }
    }
  };
  const int64_t n_threads =
      std::clamp<int64_t>(std::thread::hardware_concurrency(), 1, std::max<int64_t>(n, 1));
  std::vector<std::thread> threads;
  for (int64_t t = 1; t < n_threads; ++t) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
}

Interval percentile_interval(std::vector<double> values, double level) {
  require(!values.empty(), "percentile_interval: no values");
  std::sort(values.begin(), values.end());
  const auto quantile = [&](double q) {
    const double place = q * double(values.size() - 1);
    const size_t below = size_t(place), above = std::min(below + 1, values.size() - 1);
    const double share = place - double(below);
    // 0 * infinity: an open (infinite) neighbour must not turn a finite value into a NaN.
    if (share == 0 || values[below] == values[above]) return values[below];
    return values[below] + share * (values[above] - values[below]);
  };
  return {quantile((1 - level) / 2), quantile((1 + level) / 2)};
}

double standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  double mean = 0, squares = 0;
  for (const double value : values) mean += value / double(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / double(values.size() - 1));
}

std::vector<LossPoint> resample(const std::vector<LossPoint>& points, RandomStream& stream) {
  std::map<int64_t, std::map<int64_t, std::vector<size_t>>> strata;  // stratum -> cluster -> points
  for (size_t i = 0; i < points.size(); ++i) strata[points[i].stratum][points[i].cluster].push_back(i);
  std::vector<LossPoint> drawn = points;
  for (LossPoint& point : drawn) point.weight = 0;
  for (const auto& [stratum, clusters] : strata) {
    std::vector<const std::vector<size_t>*> members;
    for (const auto& [cluster, indices] : clusters) members.push_back(&indices);
    for (size_t k = 0; k < members.size(); ++k) {
      for (const size_t i : *members[stream.below(members.size())]) drawn[i].weight += points[i].weight;
    }
  }
  return drawn;
}

FitBootstrap bootstrap_chinchilla(const std::vector<LossPoint>& points, int64_t replicates, uint64_t seed,
                                  const FitOptions& options) {
  FitOptions quick = options;
  quick.certify = false;  // the second solver checks the reported fit; the replicates restart the first
  std::vector<std::optional<ChinchillaParams>> fitted(replicates);
  parallel_for(replicates, [&](int64_t i) {
    RandomStream stream(seed, fmt::format("bootstrap chinchilla {}", i));
    const ChinchillaFit fit = fit_chinchilla(resample(points, stream), quick);
    if (fit.certificate.converged) fitted[i] = fit.params;
  });

  FitBootstrap result;
  result.replicates = replicates;
  std::map<std::string, std::vector<double>> values;
  for (const auto& params : fitted) {
    if (!params) {
      ++result.refused;
      continue;
    }
    result.fits.push_back(*params);
    const double a = params->beta / (params->alpha + params->beta);
    for (const auto& [name, value] : {std::pair{"A", params->A},
                                      {"B", params->B},
                                      {"E", params->E},
                                      {"alpha", params->alpha},
                                      {"beta", params->beta},
                                      {"a", a},
                                      {"b", 1 - a}}) {
      values[name].push_back(value);
    }
  }
  if (result.fits.empty() || 2 * result.refused > replicates) return result;
  for (const auto& [name, drawn] : values) {
    result.intervals[name] = percentile_interval(drawn);
    result.standard_errors[name] = standard_deviation(drawn);
  }
  return result;
}

}  // namespace aunet
