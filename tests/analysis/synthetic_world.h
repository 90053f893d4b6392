// A world with a known truth in place of a trainer: the real planner and tuner ask it for losses, the real
// ingest builds the database from its journals, and the comparison is made on that.
#pragma once

#include "config/sweep_spec.h"
#include "sweep/plan.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace aunet {

/// How the loss of a family depends on what tuning moves: x = log2(value / best), best a power law of the
/// compute.
struct TuningSurface {
  double lr = 0.02, lr_exponent = -0.18;                        // best rate at 1e11 FLOPs, and how it moves
  double batch_bytes = 2000, batch_exponent = 0.3;              // best batch
  double vocab = 1024, vocab_exponent = 0.1;                    // best vocabulary (BPE only)
  double lr_bend = 0.04, batch_bend = 0.03, vocab_bend = 0.02;  // bits per byte at one step off
  double tilt = 0.3;  // a larger batch wants a larger rate: correlation of the two, in (-1, 1)
  double cliff = 3;   // the run diverges at so many doublings of the best rate
};

/// The planted world. Loss of a run, in bits per byte:
///   L(n, d) = E + A n^-a + B d^-b at n = useful FLOPs / (6 d), d = text bytes (the same for every family but
///   for `worth`: a family's compute counts that many times)
///   + a tilted bowl in log2 rate and log2 batch, steeper above the best rate than below, + a parabola in
///   log2 vocabulary + normal noise, one draw a run.
class SyntheticWorld {
 public:
  /// Noise and surfaces are drawn from `seed`. `start_off`: doublings by which the second family's best rate
  /// and batch lie off the sweep's start. `vocab_matters`: false where the sweep does not tune it; where it
  /// does, sizes are all equally good, so that a vocabulary is not mixed up with the rung of the ladder that
  /// its models land on.
  SyntheticWorld(uint64_t seed, double worth, double start_off, double noise_bpb, bool vocab_matters = false);

  /// Plans, hands over losses, and plans again until the tuning is complete.
  Plan plan_until_tuned(const SweepSpec& spec, const FactsProvider& facts);

  /// What a run scores; nullopt: it diverges.
  std::optional<double> loss(const Cell& cell) const;
  /// The same without noise.
  std::optional<double> expected(const Cell& cell) const;
  /// Bits per byte that the cell's rate, batch and vocabulary cost it against the best ones, without noise.
  double regret(const Cell& cell) const;

  /// Run directories and plan file of a whole sweep, and the database made from them.
  void write_database(const Plan& plan, const std::string& runs, const std::string& db_path) const;

 private:
  const TuningSurface& surface_of(const Cell& cell) const;
  double body(const Cell& cell) const;

  uint64_t seed_;
  double worth_, noise_;
  bool flat_;
  std::map<std::string, TuningSurface> surfaces_;
  std::map<std::string, double> losses_;
};

}  // namespace aunet
