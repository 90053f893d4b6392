// One random case of every fused kernel, for comparing two implementations.
#pragma once

#include "nn/kernels/composed.h"
#include "nn/rotary.h"
#include "tests/nn/gradient_check.h"

#include <algorithm>
#include <numeric>

namespace aunet {

/// Runs a forward and a backward with `fused` or with `composed` and returns output, dx and the weights'
/// gradients.
using Results = std::vector<at::Tensor>;

inline Results run_feed_forward(bool composed, const at::TensorOptions& o) {
  const int64_t rows = 37, d = 24, f = 40;
  const at::Tensor x = random_like({rows, d}, 1).to(o), c = random_like({rows, d}, 5).to(o);
  const FeedForwardTensors w{(random_like({d}, 2) + 1).to(o), random_like({2 * f, d}, 3).to(o),
                             random_like({d, f}, 4).to(o)};
  const FeedForwardTensors g{at::zeros_like(w.norm), at::zeros_like(w.w13), at::zeros_like(w.w2)};
  FeedForwardSaved saved;
  const at::Tensor y =
      composed ? feed_forward_composed(x, w, 1e-5, &saved) : feed_forward(x, w, 1e-5, &saved);
  const at::Tensor dx = composed ? feed_forward_backward_composed(c, saved, w, g)
                                 : feed_forward_backward(c.clone(), saved, w, g);
  return {y, dx, g.norm, g.w13, g.w2};
}

inline Results run_attention(bool composed, const at::TensorOptions& o, int64_t window = 20) {
  const std::vector<int32_t> cu = {0, 70, 71, 110};
  const int64_t rows = cu.back(), heads = 4, kv_heads = 2, head_dim = 16, d = heads * head_dim;
  std::vector<int32_t> positions;
  for (size_t s = 0; s + 1 < cu.size(); ++s)
    for (int32_t i = cu[s]; i < cu[s + 1]; ++i) positions.push_back(i - cu[s]);
  AttentionShape s;
  s.heads = heads, s.kv_heads = kv_heads, s.head_dim = head_dim, s.window = window, s.cu_rows = &cu;
  s.cu_rows_device = at::tensor(cu).to(o.device());
  s.positions = at::tensor(positions).to(o.device());
  s.rotary = rotary_table(
      head_dim, 1e4, rows,
      at::TensorOptions().dtype(o.dtype() == at::kDouble ? at::kDouble : at::kFloat).device(o.device()));
  const at::Tensor x = random_like({rows, d}, 1).to(o), c = random_like({rows, d}, 5).to(o);
  const AttentionTensors w{(random_like({d}, 2) + 1).to(o),
                           random_like({d + 2 * kv_heads * head_dim, d}, 3, 0.2).to(o),
                           random_like({d, d}, 4, 0.2).to(o)};
  const AttentionTensors g{at::zeros_like(w.norm), at::zeros_like(w.wqkv), at::zeros_like(w.wo)};
  AttentionSaved saved;
  const at::Tensor y =
      composed ? attention_composed(x, w, s, 1e-5, &saved) : attention(x, w, s, 1e-5, &saved);
  const at::Tensor dx = composed ? attention_backward_composed(c, saved, w, s, g)
                                 : attention_backward(c.clone(), saved, w, s, g);
  return {y, dx, g.norm, g.wqkv, g.wo};
}

inline Results run_transition(bool composed, const at::TensorOptions& o) {
  const int64_t rows = 90, fine = 8, coarse = 12;
  const std::vector<int64_t> kept = {0, 2, 3, 30, 31, 50};
  std::vector<int64_t> unit, offset, order(static_cast<size_t>(rows));
  std::vector<int32_t> group(17, 0);
  for (int64_t r = 0, u = 0; r < rows; ++r) {
    if (u + 1 < static_cast<int64_t>(kept.size()) && kept[static_cast<size_t>(u) + 1] == r) ++u;
    unit.push_back(u), offset.push_back((r - kept[static_cast<size_t>(u)]) % 16);
    ++group[static_cast<size_t>(offset.back()) + 1];
  }
  std::partial_sum(group.begin(), group.end(), group.begin());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return offset[static_cast<size_t>(a)] < offset[static_cast<size_t>(b)];
  });
  const at::Device device = o.device();
  const TransitionTables t{at::tensor(kept).to(device), at::tensor(unit).to(device),
                           at::tensor(order).to(device), group.data()};
  const at::Tensor x = random_like({rows, fine}, 1).to(o), c = random_like({6, coarse}, 2).to(o),
                   dz = random_like({rows, fine}, 3).to(o);
  const PoolTensors pw{(random_like({fine}, 4) + 1).to(o), random_like({coarse, fine}, 5).to(o)};
  const PoolTensors pg{at::zeros_like(pw.norm), at::zeros_like(pw.down)};
  const UpsampleTensors uw{(random_like({coarse}, 6) + 1).to(o), random_like({fine, coarse}, 7).to(o),
                           random_like({16, fine, coarse}, 8).to(o)};
  const UpsampleTensors ug{at::zeros_like(uw.norm), at::zeros_like(uw.up), at::zeros_like(uw.offsets)};
  PoolSaved ps;
  UpsampleSaved us;
  const at::Tensor y = composed ? pool_composed(x, t.kept, pw, 1e-5, &ps) : pool(x, t.kept, pw, 1e-5, &ps);
  const at::Tensor z =
      composed ? upsample_composed(y, x, t, uw, 1e-5, &us) : upsample(y, x, t, uw, 1e-5, &us);
  const at::Tensor dy =
      composed ? upsample_backward_composed(dz, t, us, uw, ug) : upsample_backward(dz, t, us, uw, ug);
  const at::Tensor dx = composed ? pool_backward_composed(c, dz, t.kept, ps, pw, pg)
                                 : pool_backward(c, dz.clone(), t.kept, ps, pw, pg);
  return {y, z, dy, dx, pg.norm, pg.down, ug.norm, ug.up, ug.offsets};
}

inline Results run_head(bool composed, const at::TensorOptions& o) {
  const int64_t rows = 70, d = 12, v = 33;
  const at::Tensor x = random_like({rows, d}, 1).to(o),
                   targets = at::arange(rows).mul(7).remainder(v).to(o.device());
  const HeadTensors w{(random_like({d}, 2) + 1).to(o), random_like({v, d}, 3).to(o)};
  const HeadTensors g{at::zeros_like(w.norm), at::zeros_like(w.out)};
  HeadSaved saved;
  const at::Tensor nats =
      composed ? head_nats_composed(x, targets, w, 1e-5, &saved) : head_nats(x, targets, w, 1e-5, &saved);
  const at::Tensor dx = head_backward(at::full({}, 0.3, w.out.options()), saved, g);
  const at::Tensor logits = composed ? head_logits_composed(x, w, 1e-5) : head_logits(x, w, 1e-5);
  return {nats, dx, logits, g.norm, g.out};
}

inline void check_equal(const Results& a, const Results& b, double tolerance) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    INFO("result " << i);
    const at::Tensor left = a[i].cpu().to(at::kDouble), right = b[i].cpu().to(at::kDouble);
    CHECK((left - right).abs().max().item<double>() < tolerance * (1 + right.abs().max().item<double>()));
  }
}

}  // namespace aunet
