// What the tuning trials of a sweep show: per family, tuned budget and axis the best trial and what lies
// beside it. Read from the runs alone, so that it also checks what the planner concluded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/table.h"
#include "db/queries.h"

namespace aunet {

/// A trial beside the best one: the nearest on its side of an axis, everything else equal.
struct TrialBeside {
  std::string value;
  std::optional<double> loss_bpb;  // nullopt: diverged
};

/// One axis of one tuned budget. Axes: "lr", "batch" (windows a step), "weight_decay", "vocab" (ids),
/// "byte_width" (width of stage 1 over that of stage 2), "split"; those on which the trials differ.
struct TunedAxis {
  std::string family;
  double budget_flops = 0;
  std::string axis;
  std::string value;  // of the best trial
  double loss_bpb = 0;
  /// Split rules have no order: `below` is then the best of the other rules and `above` stays empty.
  std::optional<TrialBeside> below, above;
  bool ordered = true;
  /// Worse trials on both sides, a diverged one being worse than any; of split rules: a worse other one.
  bool interior() const { return below && (above || !ordered); }
  std::string verdict() const;  ///< "interior", "edge: nothing above", "edge: one window is the least", ...
};

/// By family, budget and axis. The best trial has the lowest held-out loss; trials that are not finished are
/// no evidence. Widths are equal within half a step of the byte_width axis (2^(1/4)): a moved split rule or
/// vocabulary may take another rung of the ladder.
std::vector<TunedAxis> tuned_axes(const std::vector<TuningTrial>& trials);

struct TunedSettings {
  std::vector<TunedAxis> axes;
  std::vector<std::string> planner_notes;  // what the planner concluded from the same trials
};
/// Of the families named, in that order; of all when none is.
TunedSettings tuned_settings(Db& db, const std::string& sweep, const std::vector<std::string>& families = {});

/// A row an axis; under it the planner's notes.
TextTable tuned_table(const TunedSettings& tuned);

}  // namespace aunet
