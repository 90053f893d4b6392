// AdamW with global-norm clipping folded in, over a model's flat buffers: one pass for the norm, one for the
// update.
#pragma once

#include <ATen/core/Tensor.h>

#include "config/run_config.h"

#include <cstdint>
#include <vector>

namespace aunet {

/// Per step t = 1, 2, ...: g = grad * min(1, clip / (norm + 1e-6)); m = b1 m + (1 - b1) g; v = b2 v + (1 -
/// b2) g^2; p = p (1 - lr wd) - lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps). One group: norms and
/// embeddings decay too.
///
/// Omits    amsgrad, per-group rates
/// Source   Loshchilov and Hutter 2019; defaults paper.md 1.5; clipping as torch clip_grad_norm_ (its 1e-6)
class AdamW {
 public:
  /// `parameters`: all of a model's, which must be views of one flat buffer with gradients in another
  /// (nn/parameters.h). Throws BugError otherwise.
  AdamW(const std::vector<at::Tensor>& parameters, const OptimConfig& config);

  /// Updates the parameters in place with rate `lr`; gradients stay as they are. Returns the gradients' norm
  /// before clipping (the sum of squares is taken in double over blocks of fixed size: it does not depend on
  /// the number of threads). A norm that is not finite changes nothing but is returned: the run is over, and
  /// its weights are still those that led there.
  double step(double lr);
  /// Zeroes all gradients in place.
  void zero_grad();

  /// Flat, fp32, as long as the parameter buffer (gaps between weights included); write into them to resume.
  at::Tensor& first_moment() { return m_; }
  at::Tensor& second_moment() { return v_; }
  /// Steps taken: the t of the bias corrections.
  int64_t& step_count() { return steps_; }

 private:
  OptimConfig config_;
  at::Tensor values_, gradients_, m_, v_;
  int64_t steps_ = 0;
};

}  // namespace aunet
