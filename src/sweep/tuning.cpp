#include "sweep/tuning.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace aunet {

namespace {

double comparable(double loss) { return std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss; }

/// The finished trials and what the rule asks of them.
class Search {
 public:
  Search(const std::vector<Trial>& done, const std::vector<double>& loss, bool lr, bool batch,
         int min_batch_steps)
      : done_(done), loss_(loss), lr_(lr), batch_(batch), min_batch_(min_batch_steps) {}

  bool has(const Trial& t) const { return std::find(done_.begin(), done_.end(), t) != done_.end(); }
  bool allowed(const Trial& t) const { return t.batch_steps >= min_batch_; }

  /// Lowest loss; ties go to the smaller batch, then the smaller rate; between diverged trials to the smaller
  /// rate first.
  Trial best() const {
    size_t best = 0;
    for (size_t i = 1; i < done_.size(); ++i)
      if (before(i, best)) best = i;
    return done_[best];
  }

  /// One step away along the tuned axes, the batch below one window left out.
  std::vector<Trial> axis_neighbours(const Trial& t) const {
    if (lr_ && !any_finite()) return {{t.lr_steps - 1, t.batch_steps}};
    std::vector<Trial> all;
    if (lr_) all.insert(all.end(), {{t.lr_steps - 1, t.batch_steps}, {t.lr_steps + 1, t.batch_steps}});
    if (batch_) all.insert(all.end(), {{t.lr_steps, t.batch_steps - 1}, {t.lr_steps, t.batch_steps + 1}});
    return keep_allowed(all);
  }

  /// Points around t in growing distance: the diagonal ones first, then two steps out on each axis, and so
  /// on.
  std::vector<Trial> further(const Trial& t) const {
    constexpr int kFarthest = 8;
    std::vector<Trial> all;
    for (int reach = 1; reach <= kFarthest; ++reach)
      for (int lr = -reach; lr <= reach; ++lr)
        for (int batch = -reach; batch <= reach; ++batch)
          if (std::max(std::abs(lr), std::abs(batch)) == reach && (lr_ || lr == 0) && (batch_ || batch == 0))
            all.push_back({t.lr_steps + lr, t.batch_steps + batch});
    return keep_allowed(all);
  }

  bool on_wall(const Trial& t) const { return batch_ && t.batch_steps <= min_batch_; }
  bool any_finite() const {
    return std::any_of(loss_.begin(), loss_.end(), [](double l) { return std::isfinite(l); });
  }

 private:
  std::vector<Trial> keep_allowed(std::vector<Trial> trials) const {
    std::erase_if(trials, [&](const Trial& t) { return !allowed(t); });
    return trials;
  }

  bool before(size_t i, size_t j) const {
    const double a = comparable(loss_[i]), b = comparable(loss_[j]);
    if (a != b) return a < b;
    if (std::isinf(a) && done_[i].lr_steps != done_[j].lr_steps) return done_[i].lr_steps < done_[j].lr_steps;
    if (done_[i].batch_steps != done_[j].batch_steps) return done_[i].batch_steps < done_[j].batch_steps;
    return done_[i].lr_steps < done_[j].lr_steps;
  }

  const std::vector<Trial>& done_;
  const std::vector<double>& loss_;
  bool lr_, batch_;
  int min_batch_;
};

std::vector<Trial> missing(const Search& search, const std::vector<Trial>& wanted, size_t room) {
  std::vector<Trial> result;
  for (const Trial& t : wanted)
    if (result.size() < room && !search.has(t)) result.push_back(t);
  return result;
}

}  // namespace

TuningState next_trials(const std::vector<Trial>& done, const std::vector<double>& loss_bpb, bool tune_lr,
                        bool tune_batch, int64_t max_trials, int64_t pad_to, int min_batch_steps) {
  require(done.size() == loss_bpb.size(), "next_trials: one loss per trial");
  require(min_batch_steps <= 0, "next_trials: the start holds at least one window");
  TuningState state;
  if (!tune_lr && !tune_batch) return state;
  if (done.empty()) {
    state.next = {Trial{}};
    return state;
  }
  const Search search(done, loss_bpb, tune_lr, tune_batch, min_batch_steps);
  state.best = search.best();
  const auto n_done = static_cast<int64_t>(done.size());
  const auto room = [&](int64_t limit) { return static_cast<size_t>(std::max<int64_t>(0, limit - n_done)); };
  const std::vector<Trial> around = missing(search, search.axis_neighbours(state.best), done.size() + 4);
  state.interior = around.empty() && !search.on_wall(state.best) && search.any_finite();
  state.next = missing(search, around, room(max_trials));
  if (around.empty())
    state.next = missing(search, search.further(state.best), room(std::min(pad_to, max_trials)));
  return state;
}

}  // namespace aunet
