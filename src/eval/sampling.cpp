#include "eval/sampling.h"

#include "core/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace aunet {

namespace {

struct Candidate {
  int32_t id;
  double weight;  // logit, then probability up to a common factor
};

bool likelier(const Candidate& a, const Candidate& b) {
  return a.weight > b.weight || (a.weight == b.weight && a.id < b.id);
}

/// The likeliest of them whose probabilities reach `top_p`; they come sorted.
void cut_to_nucleus(std::vector<Candidate>& candidates, double top_p) {
  double total = 0, sum = 0;
  for (const Candidate& c : candidates) total += c.weight;
  size_t n = 0;
  while (n < candidates.size() && sum < top_p * total) sum += candidates[n++].weight;
  candidates.resize(std::max<size_t>(1, n));
}

}  // namespace

int32_t sample(std::span<const float> logits, const std::vector<int32_t>& allowed, const Sampling& sampling,
               RandomStream& random) {
  std::vector<Candidate> candidates;
  candidates.reserve(allowed.size());
  for (const int32_t id : allowed) {
    const double logit = logits[static_cast<size_t>(id)];
    if (!std::isfinite(logit))
      throw Error(fmt::format("generate: logit of id {}: expected a finite number, got {}", id, logit));
    candidates.push_back({id, logit});
  }
  const Candidate best = *std::min_element(candidates.begin(), candidates.end(), likelier);
  if (sampling.temperature == 0) return best.id;
  const bool cuts = sampling.top_k > 0 && sampling.top_k < static_cast<int64_t>(candidates.size());
  if (cuts) {
    std::nth_element(candidates.begin(), candidates.begin() + sampling.top_k, candidates.end(), likelier);
    candidates.resize(static_cast<size_t>(sampling.top_k));
  }
  if (cuts || sampling.top_p < 1) std::sort(candidates.begin(), candidates.end(), likelier);
  for (Candidate& c : candidates) c.weight = std::exp((c.weight - best.weight) / sampling.temperature);
  if (sampling.top_p < 1) cut_to_nucleus(candidates, sampling.top_p);
  double total = 0;
  for (const Candidate& c : candidates) total += c.weight;
  double left = random.uniform() * total;
  for (const Candidate& c : candidates)
    if ((left -= c.weight) < 0) return c.id;
  return candidates.back().id;  // rounding
}

}  // namespace aunet
