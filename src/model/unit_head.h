// Multi-scale prediction: a head of a deeper stage that predicts bytes further ahead than the next one.
#pragma once

#include "model/heads.h"
#include "model/language_model.h"

#include <vector>

namespace aunet {

/// The head of stage k >= 2, for training only: logits_i[j] = W_i RMSNorm(h_k[j]), i = 0 .. unit_reach - 1,
/// on h_k [R_k, d_k], the output of the stage's decoder (of the trunk for the deepest). With p_j the byte row
/// that unit row j was pooled from, the target of (j, i) is
///   unit_targets "bytes"        targets[p_j + i] while p_j + i belongs to unit j, that is, comes before the
///                               stage's next row: the bytes of the unit that h_k[j] must foresee
///   unit_targets "first_bytes"  targets[p_{j+i}] while row j + i is in the same sequence: the first byte of
///                               each of the next units
/// (pack() makes these tables, data/batch.h). Its loss is the mean over all valid (j, i) of a step, and
/// enters the objective with weight lambda_units[k - 2]. h_k[j] has seen bytes up to p_j only, so nothing
/// leaks. Source: ours; arXiv 2506.14761 observes that deeper stages must predict further ahead, and has no
/// such head
class UnitHead {
 public:
  /// Declares unit_heads.STAGE.norm.weight [d] and unit_heads.STAGE.output.I.weight [V, d].
  UnitHead(const AunetConfig& config, size_t stage, ParameterStore& store);
  /// 0-d fp32 sum of the nats of all targets.
  at::Tensor nats_sum(const at::Tensor& h, const DeviceUnitTargets& targets) const;

 private:
  std::vector<Head> heads_;  // [reach], one norm
};

}  // namespace aunet
