#include "sweep/tuning.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace aunet {

namespace {

constexpr int kLongestJump = 4;  // steps of an axis by which the foreseen optimum may lie off
constexpr int kBlindJump = 2;    // where the losses only fall

double comparable(double loss) { return std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss; }

/// The finished trials and what the rule asks of them.
class Search {
 public:
  Search(const std::vector<Trial>& done, const std::vector<double>& loss, const std::vector<SearchAxis>& axes)
      : done_(done), axes_(axes) {
    for (const double l : loss) loss_.push_back(comparable(l));
    for (size_t i = 0; i < axes.size(); ++i) {
      if (axes[i].name == "lr") lr_ = i;
      if (axes[i].name == "batch") batch_ = i;
    }
  }

  bool has(const Trial& t) const { return std::find(done_.begin(), done_.end(), t) != done_.end(); }

  Trial best() const {
    size_t best = 0;
    for (size_t i = 1; i < done_.size(); ++i)
      if (before(i, best)) best = i;
    return done_[best];
  }

  bool any_finite() const {
    return std::any_of(loss_.begin(), loss_.end(), [](double l) { return std::isfinite(l); });
  }

  /// One step away along each axis, as far as steps exist.
  std::vector<Trial> axis_neighbours(const Trial& t) const {
    if (lr_ && !any_finite()) return keep_allowed({moved(t, *lr_, -1)});
    std::vector<Trial> all;
    for (size_t axis = 0; axis < axes_.size(); ++axis)
      for (const int step : {-1, 1}) all.push_back(moved(t, axis, step));
    return keep_allowed(all);
  }

  /// The optimum that the newest whole centre foresees, when it has not been tried.
  std::optional<Trial> foreseen() const {
    for (auto centre = done_.rbegin(); centre != done_.rend(); ++centre) {
      if (!whole(*centre)) continue;
      Trial target = *centre;
      for (size_t axis = 0; axis < axes_.size(); ++axis) target[axis] += jump(*centre, axis);
      if (has(target)) return std::nullopt;
      return target;
    }
    return std::nullopt;
  }

  /// The neighbour of t on both rate and batch, on the better side of each, unless some such neighbour has
  /// run: the two lean on each other (a larger batch bears a larger rate), which no neighbour on one axis
  /// shows.
  std::optional<Trial> leaning(const Trial& t) const {
    if (!lr_ || !batch_ || !any_finite()) return std::nullopt;
    for (const int rate : {-1, 1})
      for (const int batch : {-1, 1})
        if (has(moved(moved(t, *lr_, rate), *batch_, batch))) return std::nullopt;
    Trial better = t;
    for (const size_t axis : {*lr_, *batch_}) {
      const Trial down = moved(t, axis, -1), up = moved(t, axis, 1);
      const bool upward = !allowed(down) || (allowed(up) && loss_at(up) <= loss_at(down));
      better[axis] += upward ? 1 : -1;
    }
    return allowed(better) ? std::optional(better) : std::nullopt;
  }

  /// Points around t in the order in which they are worth most to the vertex.
  std::vector<Trial> further(const Trial& t) const {
    std::vector<Trial> all;
    for (size_t axis = 0; axis < axes_.size(); ++axis)
      for (const int step : {-2, 2}) all.push_back(moved(t, axis, step));
    const int farthest = axes_.size() == 1 ? 8 : axes_.size() == 2 ? 4 : 2;
    std::vector<Trial> box = {{}};
    for (const int here : t) {
      std::vector<Trial> longer;
      for (const Trial& head : box)
        for (int step = -farthest; step <= farthest; ++step) {
          longer.push_back(head);
          longer.back().push_back(here + step);
        }
      box = std::move(longer);
    }
    std::stable_sort(box.begin(), box.end(), [&](const Trial& a, const Trial& b) {
      return std::pair(reach(a, t), distance(a, t)) < std::pair(reach(b, t), distance(b, t));
    });
    all.insert(all.end(), box.begin(), box.end());
    return keep_allowed(all);
  }

  std::vector<std::string> walls(const Trial& t) const {
    std::vector<std::string> names;
    for (size_t axis = 0; axis < axes_.size(); ++axis)
      if (t[axis] <= axes_[axis].lowest || t[axis] >= axes_[axis].highest) names.push_back(axes_[axis].name);
    return names;
  }

 private:
  static Trial moved(Trial t, size_t axis, int step) {
    t[axis] += step;
    return t;
  }
  static int reach(const Trial& a, const Trial& b) {
    int most = 0;
    for (size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(a[i] - b[i]));
    return most;
  }
  static int distance(const Trial& a, const Trial& b) {
    int sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
    return sum;
  }
  bool allowed(const Trial& t) const {
    for (size_t axis = 0; axis < axes_.size(); ++axis)
      if (t[axis] < axes_[axis].lowest || t[axis] > axes_[axis].highest) return false;
    return true;
  }
  std::vector<Trial> keep_allowed(std::vector<Trial> trials) const {
    std::erase_if(trials, [&](const Trial& t) { return !allowed(t); });
    return trials;
  }
  double loss_at(const Trial& t) const {
    return loss_[static_cast<size_t>(std::find(done_.begin(), done_.end(), t) - done_.begin())];
  }
  bool whole(const Trial& t) const {
    const std::vector<Trial> around = axis_neighbours(t);
    return std::isfinite(loss_at(t)) &&
           std::all_of(around.begin(), around.end(), [&](const Trial& n) { return has(n); });
  }

  /// Steps from the centre to the vertex of the parabola of one axis.
  int jump(const Trial& centre, size_t axis) const {
    const Trial down = moved(centre, axis, -1), up = moved(centre, axis, 1);
    if (!axes_[axis].ordered || !allowed(down) || !allowed(up)) {
      for (const Trial& side : {down, up})
        if (allowed(side) && loss_at(side) < loss_at(centre)) return side[axis] - centre[axis];
      return 0;
    }
    const double low = loss_at(down), here = loss_at(centre), high = loss_at(up);
    int steps = 0;
    if (std::isinf(low) || std::isinf(high)) {
      if (low < here) steps = -kBlindJump;
      if (high < here) steps = kBlindJump;
    } else if (const double bend = low + high - 2 * here; bend > 0) {
      const double vertex = (low - high) / (2 * bend);
      steps = static_cast<int>(std::lround(std::clamp(vertex, -double{kLongestJump}, double{kLongestJump})));
    } else {
      steps = low < high ? -kBlindJump : kBlindJump;
    }
    return std::clamp(steps, axes_[axis].lowest - centre[axis], axes_[axis].highest - centre[axis]);
  }

  bool before(size_t i, size_t j) const {
    if (loss_[i] != loss_[j]) return loss_[i] < loss_[j];
    const auto less = [&](std::optional<size_t> axis) {
      return axis ? done_[i][*axis] - done_[j][*axis] : 0;
    };
    if (std::isinf(loss_[i]) && less(lr_) != 0) return less(lr_) < 0;
    if (less(batch_) != 0) return less(batch_) < 0;
    if (less(lr_) != 0) return less(lr_) < 0;
    return done_[i] < done_[j];
  }

  const std::vector<Trial>& done_;
  std::vector<double> loss_;  // diverged: +inf
  const std::vector<SearchAxis>& axes_;
  std::optional<size_t> lr_, batch_;
};

std::vector<Trial> missing(const Search& search, const std::vector<Trial>& wanted, size_t room) {
  std::vector<Trial> result;
  for (const Trial& t : wanted)
    if (result.size() < room && !search.has(t) && std::find(result.begin(), result.end(), t) == result.end())
      result.push_back(t);
  return result;
}

}  // namespace

int64_t default_max_trials(size_t n_axes) {
  return n_axes <= 1 ? 9 : 13 + 8 * (static_cast<int64_t>(n_axes) - 2);
}

TuningState next_trials(const std::vector<Trial>& done, const std::vector<double>& loss_bpb,
                        const std::vector<SearchAxis>& axes, int64_t max_trials, int64_t pad_to) {
  require(done.size() == loss_bpb.size(), "next_trials: one loss per trial");
  TuningState state;
  if (axes.empty()) return state;
  for (const SearchAxis& axis : axes)
    require(axis.lowest <= 0 && axis.highest >= 0, "next_trials: the start lies between the walls");
  if (done.empty()) {
    state.best = Trial(axes.size(), 0);
    state.next = {state.best};
    return state;
  }
  const Search search(done, loss_bpb, axes);
  state.best = search.best();
  state.walls = search.walls(state.best);
  const auto n_done = static_cast<int64_t>(done.size());
  const auto room = [&](int64_t limit) { return static_cast<size_t>(std::max<int64_t>(0, limit - n_done)); };
  const std::vector<Trial> around = missing(search, search.axis_neighbours(state.best), 2 * axes.size());
  state.interior = around.empty() && state.walls.empty() && search.any_finite();
  const auto lean = around.empty() ? search.leaning(state.best) : std::nullopt;
  if (lean && room(max_trials) > 0) {
    state.next = {*lean};
  } else if (around.empty()) {
    state.next = missing(search, search.further(state.best), room(std::min(pad_to, max_trials)));
  } else if (const auto target = search.foreseen()) {
    state.next = missing(search, {*target}, room(max_trials));
  } else {
    state.next = missing(search, around, room(max_trials));
  }
  return state;
}

}  // namespace aunet
