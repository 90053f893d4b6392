#include "tests/nn/gradient_check.h"
#include "nn/kernels/attention.h"
#include "nn/rotary.h"

#include <cmath>

using namespace aunet;

namespace {

/// The table of nn/rotary.h, in double.
at::Tensor exact_table(int64_t head_dim, double theta, int64_t positions) {
  at::Tensor table = at::empty({positions, 2, head_dim}, at::kDouble);
  double* p = table.mutable_data_ptr<double>();
  for (int64_t i = 0; i < positions; ++i)
    for (int64_t j = 0; j < head_dim; ++j) {
      const double angle = static_cast<double>(i) *
                           std::pow(theta, -static_cast<double>(j / 2 * 2) / static_cast<double>(head_dim));
      p[(i * 2) * head_dim + j] = std::cos(angle);
      p[(i * 2 + 1) * head_dim + j] = j % 2 ? std::sin(angle) : -std::sin(angle);
    }
  return table;
}

/// The equations of paper.md 1.1 written out, one dense score matrix per sequence and head.
at::Tensor written_out(const at::Tensor& x, const AttentionTensors& w, const AttentionShape& s,
                       double theta) {
  const int64_t D = s.head_dim, q_width = s.heads * D, k_width = s.kv_heads * D;
  const at::Tensor n = x * (x.square().mean(1, true) + 1e-5).rsqrt() * w.norm;
  const at::Tensor qkv = at::matmul(n, w.wqkv.t());
  at::Tensor out = at::zeros({x.size(0), q_width}, x.options());
  for (size_t b = 0; b + 1 < s.cu_rows->size(); ++b) {
    const int64_t first = (*s.cu_rows)[b], rows = (*s.cu_rows)[b + 1] - first;
    const at::Tensor index = at::arange(rows, at::kDouble);
    const at::Tensor angle =
        at::outer(index, at::pow(theta, -at::arange(0, D, 2, at::kDouble) / static_cast<double>(D)));
    const at::Tensor turn = at::polar(at::ones_like(angle), angle);
    const auto rotated = [&](const at::Tensor& v) {
      return at::view_as_real(at::view_as_complex(v.contiguous().view({rows, D / 2, 2})) * turn).flatten(1);
    };
    const at::Tensor gap = index.unsqueeze(1) - index.unsqueeze(0);
    const at::Tensor hidden = (gap < 0).logical_or(gap >= static_cast<double>(s.window));
    for (int64_t h = 0; h < s.heads; ++h) {
      const int64_t kv = h / (s.heads / s.kv_heads);
      const at::Tensor rows_qkv = qkv.narrow(0, first, rows);
      const at::Tensor q = rotated(rows_qkv.narrow(1, h * D, D)),
                       k = rotated(rows_qkv.narrow(1, q_width + kv * D, D));
      const at::Tensor v = rows_qkv.narrow(1, q_width + k_width + kv * D, D);
      const at::Tensor scores =
          (at::matmul(q, k.t()) / std::sqrt(static_cast<double>(D))).masked_fill(hidden, -1e300);
      out.narrow(0, first, rows).narrow(1, h * D, D).copy_(at::matmul(at::softmax(scores, 1), v));
    }
  }
  return x + at::matmul(out, w.wo.t());
}

}  // namespace

TEST_CASE("attention equals the softmax written out, in double and in fp32", "[nn]") {
  struct Case {
    std::vector<int32_t> cu;
    int64_t heads, kv_heads, head_dim, window;
  };
  const std::vector<Case> cases = {{{0, 1}, 1, 1, 2, 1},         {{0, 3, 20, 21}, 2, 2, 8, 5},
                                   {{0, 64, 192}, 2, 1, 16, 64}, {{0, 65, 400}, 4, 2, 32, 128},
                                   {{0, 333}, 1, 1, 64, 1000},   {{0, 97, 130, 131}, 3, 3, 12, 31},
                                   {{0, 512}, 2, 2, 32, 64},     {{0, 300}, 2, 2, 18, 129}};
  for (const Case& k : cases) {
    const int64_t rows = k.cu.back(), d = k.heads * k.head_dim, qkv = d + 2 * k.kv_heads * k.head_dim;
    const at::Tensor x = random_like({rows, d}, 1);
    const AttentionTensors w{random_like({d}, 2) + 1, random_like({qkv, d}, 3), random_like({d, d}, 4)};
    std::vector<int32_t> positions;
    for (size_t s = 0; s + 1 < k.cu.size(); ++s)
      for (int32_t i = k.cu[s]; i < k.cu[s + 1]; ++i) positions.push_back(i - k.cu[s]);
    AttentionShape shape;
    shape.heads = k.heads, shape.kv_heads = k.kv_heads, shape.head_dim = k.head_dim, shape.window = k.window;
    shape.cu_rows = &k.cu;
    shape.positions = at::tensor(positions);
    const at::Tensor expected = written_out(x, w, shape, 5e5);
    const double scale = expected.abs().max().item<double>();
    INFO("heads " << k.heads << ", head_dim " << k.head_dim << ", window " << k.window << ", rows " << rows);
    shape.rotary = exact_table(k.head_dim, 5e5, rows);
    CHECK((attention(x, w, shape, 1e-5, nullptr) - expected).abs().max().item<double>() < 1e-12 * scale);
    shape.rotary = shape.rotary.to(at::kFloat);
    const AttentionTensors f{w.norm.to(at::kFloat), w.wqkv.to(at::kFloat), w.wo.to(at::kFloat)};
    const at::Tensor single = attention(x.to(at::kFloat), f, shape, 1e-5, nullptr);
    CHECK((single - expected).abs().max().item<double>() < 1e-5 * scale);
  }
}

TEST_CASE("the rotary table holds the angles of the formula, to fp32", "[nn]") {
  const at::Tensor table = rotary_table(18, 5e5, 300, at::kFloat).narrow(0, 0, 300);
  CHECK((table - exact_table(18, 5e5, 300)).abs().max().item<double>() <
        5e-5);  // angles up to 300 radians in fp32
}

TEST_CASE("scores far apart do not overflow", "[nn]") {
  const std::vector<int32_t> cu = {0, 200};
  const at::Tensor x = random_like({200, 16}, 1).to(at::kFloat);
  AttentionTensors w{at::ones({16}) * 60, random_like({48, 16}, 3).to(at::kFloat),
                     random_like({16, 16}, 4).to(at::kFloat)};
  AttentionShape shape;
  shape.heads = shape.kv_heads = 1, shape.head_dim = 16, shape.window = 200;
  shape.cu_rows = &cu;
  shape.positions = at::arange(200, at::kInt);
  shape.rotary = rotary_table(16, 5e5, 200, at::kFloat);
  AttentionSaved saved;
  const at::Tensor y = attention(x, w, shape, 1e-5, &saved);
  CHECK(at::isfinite(y).all().item<bool>());
  const AttentionTensors grads{at::zeros_like(w.norm), at::zeros_like(w.wqkv), at::zeros_like(w.wo)};
  CHECK(at::isfinite(attention_backward(at::ones_like(y), saved, w, shape, grads)).all().item<bool>());
  CHECK(at::isfinite(grads.wqkv).all().item<bool>());
}
