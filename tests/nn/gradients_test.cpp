#include "tests/nn/gradient_check.h"
#include "nn/kernels/attention.h"
#include "nn/kernels/feed_forward.h"
#include "nn/kernels/head.h"
#include "nn/kernels/transition.h"
#include "nn/rotary.h"

#include <numeric>

using namespace aunet;

namespace {

double weighted(const at::Tensor& y, const at::Tensor& weights) { return (y * weights).sum().item<double>(); }

/// Rows with units that start where `kept` says; offsets modulo 16.
struct Tables {
  std::vector<int32_t> group;
  TransitionTables tables;
  Tables(const std::vector<int64_t>& kept, int64_t rows) : group(17, 0) {
    std::vector<int64_t> unit, offset, order(static_cast<size_t>(rows));
    for (int64_t r = 0, u = 0; r < rows; ++r) {
      if (u + 1 < static_cast<int64_t>(kept.size()) && kept[static_cast<size_t>(u) + 1] == r) ++u;
      unit.push_back(u);
      offset.push_back((r - kept[static_cast<size_t>(u)]) % 16);
      ++group[static_cast<size_t>(offset.back()) + 1];
    }
    std::partial_sum(group.begin(), group.end(), group.begin());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return offset[static_cast<size_t>(a)] < offset[static_cast<size_t>(b)];
    });
    tables = {at::tensor(kept), at::tensor(unit), at::tensor(order), group.data()};
  }
};

}  // namespace

TEST_CASE("feed-forward gradients equal finite differences", "[nn]") {
  for (const int64_t d : {5, 16}) {
    const int64_t rows = 13, f = d == 5 ? 7 : 24;
    at::Tensor x = random_like({rows, d}, 1);
    const FeedForwardTensors w{random_like({d}, 2) + 1, random_like({2 * f, d}, 3), random_like({d, f}, 4)};
    const FeedForwardTensors grads{at::zeros_like(w.norm), at::zeros_like(w.w13), at::zeros_like(w.w2)};
    const at::Tensor c = random_like({rows, d}, 5);
    FeedForwardSaved saved;
    feed_forward(x, w, 1e-5, &saved);
    const at::Tensor dx = feed_forward_backward(c.clone(), saved, w, grads);
    check_gradients([&] { return weighted(feed_forward(x, w, 1e-5, nullptr), c); },
                    {{"x", x}, {"norm", w.norm}, {"w13", w.w13}, {"w2", w.w2}},
                    {dx, grads.norm, grads.w13, grads.w2});
  }
}

TEST_CASE("attention gradients equal finite differences: windows, grouped queries, blocks, packed sequences",
          "[nn]") {
  struct Case {
    std::vector<int32_t> cu;
    int64_t heads, kv_heads, head_dim, window;
  };
  const std::vector<Case> cases = {{{0, 5, 6, 30}, 2, 2, 6, 4},
                                   {{0, 70, 90}, 4, 2, 8, 200},
                                   {{0, 210}, 1, 1, 16, 150},
                                   {{0, 140}, 2, 1, 10, 66}};
  for (const Case& k : cases) {
    const int64_t rows = k.cu.back(), d = k.heads * k.head_dim, qkv = d + 2 * k.kv_heads * k.head_dim;
    at::Tensor x = random_like({rows, d}, 1);
    const AttentionTensors w{random_like({d}, 2) + 1, random_like({qkv, d}, 3), random_like({d, d}, 4)};
    const AttentionTensors grads{at::zeros_like(w.norm), at::zeros_like(w.wqkv), at::zeros_like(w.wo)};
    std::vector<int32_t> positions;
    for (size_t s = 0; s + 1 < k.cu.size(); ++s)
      for (int32_t i = k.cu[s]; i < k.cu[s + 1]; ++i) positions.push_back(i - k.cu[s]);
    AttentionShape shape;
    shape.heads = k.heads, shape.kv_heads = k.kv_heads, shape.head_dim = k.head_dim, shape.window = k.window;
    shape.cu_rows = &k.cu;
    shape.positions = at::tensor(positions);
    shape.rotary = rotary_table(k.head_dim, 1e4, rows, at::kDouble);
    const at::Tensor c = random_like({rows, d}, 5);
    AttentionSaved saved;
    attention(x, w, shape, 1e-5, &saved);
    const at::Tensor dx = attention_backward(c.clone(), saved, w, shape, grads);
    check_gradients([&] { return weighted(attention(x, w, shape, 1e-5, nullptr), c); },
                    {{"x", x}, {"norm", w.norm}, {"wqkv", w.wqkv}, {"wo", w.wo}},
                    {dx, grads.norm, grads.wqkv, grads.wo});
  }
}

TEST_CASE("pool gradients equal finite differences, with and without a skip", "[nn]") {
  const int64_t fine = 6, coarse = 9, rows = 20;
  at::Tensor x = random_like({rows, fine}, 1);
  const at::Tensor kept = at::tensor(std::vector<int64_t>{0, 3, 4, 11, 19});
  const PoolTensors w{random_like({fine}, 2) + 1, random_like({coarse, fine}, 3)};
  const at::Tensor c = random_like({5, coarse}, 4), skip = random_like({rows, fine}, 5);
  for (const bool with_skip : {false, true}) {
    const PoolTensors grads{at::zeros_like(w.norm), at::zeros_like(w.down)};
    PoolSaved saved;
    pool(x, kept, w, 1e-5, &saved);
    const at::Tensor dx = pool_backward(c, with_skip ? skip.clone() : at::Tensor(), kept, saved, w, grads);
    const auto f = [&] {
      return weighted(pool(x, kept, w, 1e-5, nullptr), c) + (with_skip ? weighted(x, skip) : 0);
    };
    check_gradients(f, {{"x", x}, {"norm", w.norm}, {"down", w.down}}, {dx, grads.norm, grads.down});
  }
}

TEST_CASE("upsample gradients equal finite differences, units longer than 16 rows included", "[nn]") {
  const int64_t fine = 6, coarse = 9, rows = 60;
  const Tables tables({0, 3, 4, 11, 31}, rows);
  at::Tensor h = random_like({5, coarse}, 1);
  const UpsampleTensors w{random_like({coarse}, 2) + 1, random_like({fine, coarse}, 3),
                          random_like({16, fine, coarse}, 4)};
  const UpsampleTensors grads{at::zeros_like(w.norm), at::zeros_like(w.up), at::zeros_like(w.offsets)};
  const at::Tensor c = random_like({rows, fine}, 5), skip = random_like({rows, fine}, 6);
  UpsampleSaved saved;
  const at::Tensor z = upsample(h, skip, tables.tables, w, 1e-5, &saved);
  const at::Tensor dh = upsample_backward(c, tables.tables, saved, w, grads);
  check_gradients([&] { return weighted(upsample(h, skip, tables.tables, w, 1e-5, nullptr), c); },
                  {{"h", h}, {"norm", w.norm}, {"up", w.up}, {"offsets", w.offsets}},
                  {dh, grads.norm, grads.up, grads.offsets});
  // Row 20 is the 9th past unit 3's first row (11): its matrix is up + offsets[9].
  const at::Tensor u = h[3] * (h[3].square().mean() + 1e-5).rsqrt() * w.norm;
  CHECK((z[20] - skip[20] - at::mv(w.up + w.offsets[9], u)).abs().max().item<double>() < 1e-12);
}

TEST_CASE("head and embedding gradients equal finite differences", "[nn]") {
  const int64_t rows = 17, d = 6, v = 37;
  at::Tensor x = random_like({rows, d}, 1), table = random_like({v, d}, 7);
  const HeadTensors w{random_like({d}, 2) + 1, random_like({v, d}, 3)};
  const HeadTensors grads{at::zeros_like(w.norm), at::zeros_like(w.out)};
  const at::Tensor targets = at::arange(rows).mul(11).remainder(v);
  HeadSaved saved;
  head_nats(x, targets, w, 1e-5, &saved);
  const at::Tensor dx = head_backward(at::scalar_tensor(0.5, at::kDouble), saved, grads);
  check_gradients([&] { return 0.5 * head_nats(x, targets, w, 1e-5, nullptr).sum().item<double>(); },
                  {{"x", x}, {"norm", w.norm}, {"out", w.out}}, {dx, grads.norm, grads.out});
  const at::Tensor logits = head_logits(x, w, 1e-5);
  const at::Tensor expected = -at::log_softmax(logits, 1).gather(1, targets.unsqueeze(1)).squeeze(1);
  CHECK((head_nats(x, targets, w, 1e-5, nullptr) - expected).abs().max().item<double>() < 1e-12);

  const at::Tensor table_grad = at::zeros_like(table), c = random_like({rows, d}, 8);
  embed_backward(c, targets, table_grad);
  check_gradients([&] { return weighted(embed(table, targets), c); }, {{"table", table}}, {table_grad});
}

TEST_CASE("an id outside the table is refused", "[nn]") {
  const at::Tensor table = at::zeros({4, 2});
  CHECK_THROWS_WITH(embed(table, at::tensor(std::vector<int64_t>{1, 4})),
                    Catch::Contains("row 1 has id 4 of 4"));
}
