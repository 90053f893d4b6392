#include "sweep/horizon.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>

namespace aunet {

namespace {

constexpr int64_t kSample = 64;  // windows that the first guess of a horizon is made from

/// Smallest n in [1, limit] for which enough(n) holds; enough(limit) must.
template <typename Predicate>
int64_t first_enough(int64_t limit, const Predicate& enough) {
  int64_t low = 0, high = limit;
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

/// Covers windows until enough(covered) holds, starting from the guess. Returns how many.
template <typename Predicate>
int64_t cover_until(WindowSums& sums, double guess, const Predicate& enough) {
  int64_t n = std::max<int64_t>(kSample, static_cast<int64_t>(std::ceil(guess * 1.02)) + 1);
  for (;; n += n / 8 + kSample) {
    sums.cover(n);
    if (enough(n)) return n;
  }
}

double flops_of(const ModelConfig& model, const Workload& work, Convention convention) {
  return training_flops(model, work, convention).total();
}

/// Windows [0, whole) and `bytes` bytes of the next one.
Horizon with_cut(WindowSums& sums, int64_t whole, int64_t bytes) {
  Horizon h{whole + 1, bytes, sums.work(whole), sums.text_bytes(whole) + static_cast<double>(bytes), false};
  h.work += sums.cut(whole, bytes);
  return h;
}

Horizon extrapolated(WindowSums& sums, double windows) {
  Horizon h{std::llround(windows), 0, sums.work(kSample), 0, true};
  const double factor = windows / static_cast<double>(kSample);
  for (auto* terms : {&h.work.rows, &h.work.pairs, &h.work.paper_pairs})
    for (double& value : *terms) value *= factor;
  h.text_bytes = sums.text_bytes(kSample) * factor;
  return h;
}

/// Bytes of window `window`, at least 1, whose FLOPs come closest to `missing`.
int64_t closest_cut(const ModelConfig& model, const WindowSums& sums, Convention convention, int64_t window,
                    double missing) {
  const auto cost = [&](int64_t bytes) { return flops_of(model, sums.cut(window, bytes), convention); };
  const size_t line = sums.facts().declared ? 0 : static_cast<size_t>(window);
  const int64_t all = sums.facts().text_bytes[line];
  if (all <= 1) return 1;
  const int64_t above = first_enough(all, [&](int64_t bytes) { return cost(bytes) >= missing; });
  if (above <= 1) return 1;
  return std::abs(cost(above) - missing) < std::abs(cost(above - 1) - missing) ? above : above - 1;
}

}  // namespace

Horizon horizon_of(WindowSums& sums, int64_t windows, int64_t last_window_bytes) {
  sums.cover(windows);
  if (last_window_bytes > 0) return with_cut(sums, windows - 1, last_window_bytes);
  return {windows, 0, sums.work(windows), sums.text_bytes(windows), false};
}

Horizon horizon_for_flops(const ModelConfig& model, WindowSums& sums, Convention convention, double flops,
                          double precise, double max_epochs) {
  require(flops > 0, "horizon: a budget above 0");
  sums.cover(kSample);
  const auto spent = [&](int64_t n) { return flops_of(model, sums.work(n), convention); };
  const double guess = flops / (spent(kSample) / static_cast<double>(kSample));
  const double corpus = sums.facts().epoch_bytes;
  if (corpus > 0 && guess / static_cast<double>(kSample) * sums.text_bytes(kSample) > 2 * max_epochs * corpus)
    return extrapolated(sums, guess);

  const auto enough = [&](int64_t n) { return spent(n) >= flops; };
  const int64_t above = first_enough(cover_until(sums, guess, enough), enough);
  const double too_much = spent(above) - flops, too_little = flops - spent(above - 1);
  const int64_t nearest = too_much <= too_little || above == 1 ? above : above - 1;
  if (std::min(too_much, too_little) <= precise * flops || !sums.can_cut())
    return horizon_of(sums, nearest, 0);

  const int64_t bytes = closest_cut(model, sums, convention, above - 1, too_little);
  const Horizon cut = with_cut(sums, above - 1, bytes);
  const bool better =
      std::abs(flops_of(model, cut.work, convention) - flops) < std::min(too_much, too_little);
  return better ? cut : horizon_of(sums, nearest, 0);
}

Horizon horizon_for_bytes(WindowSums& sums, double text_bytes, double max_epochs) {
  require(text_bytes > 0, "horizon: bytes above 0");
  sums.cover(kSample);
  const double guess = text_bytes / (sums.text_bytes(kSample) / static_cast<double>(kSample));
  const double corpus = sums.facts().epoch_bytes;
  if (corpus > 0 && text_bytes > 2 * max_epochs * corpus) return extrapolated(sums, guess);
  const auto enough = [&](int64_t n) { return sums.text_bytes(n) >= text_bytes; };
  const int64_t windows = first_enough(cover_until(sums, guess, enough), enough);
  const auto bytes = static_cast<int64_t>(std::llround(text_bytes - sums.text_bytes(windows - 1)));
  const bool whole = sums.text_bytes(windows) <= text_bytes || bytes <= 0 || !sums.can_cut();
  return horizon_of(sums, windows, whole ? 0 : bytes);
}

}  // namespace aunet
