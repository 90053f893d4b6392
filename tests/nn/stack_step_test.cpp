// A stack that goes on row by row against the same stack on all rows at once.
#include "nn/block.h"
#include "nn/kernels/composed.h"
#include "nn/rotary.h"
#include "tests/nn/gradient_check.h"

#include "core/random.h"

#include <ATen/ATen.h>

using namespace aunet;

namespace {

StackConfig config_of(int64_t window, int64_t kv_heads, int64_t layers = 2) {
  StackConfig c;
  c.dim = 24, c.n_layers = layers, c.head_dim = 6, c.kv_heads = kv_heads;
  c.hidden = 20, c.window = window;
  return c;
}

at::Tensor int_tensor(const std::vector<int32_t>& values) { return at::tensor(values, at::kInt); }

/// All rows of several sequences, [sum of lengths, d], in one forward.
at::Tensor at_once(const Stack& stack, const std::vector<at::Tensor>& sequences,
                   StackCache* cache = nullptr) {
  std::vector<int32_t> cu = {0}, positions;
  for (const at::Tensor& s : sequences) {
    for (int32_t i = 0; i < s.size(0); ++i) positions.push_back(i);
    cu.push_back(cu.back() + static_cast<int32_t>(s.size(0)));
  }
  return stack.forward(at::cat(sequences), {&cu, int_tensor(cu), int_tensor(positions)}, cache);
}

/// Largest difference between rows that were stepped and those of one forward, over sequences that start with
/// `begun` rows and go on to `length`, in a random order and in groups of 1 to all of them.
double worst_step(const StackConfig& config, at::ScalarType type, const std::vector<int64_t>& begun,
                  int64_t length) {
  const at::NoGradGuard no_grad;
  ParameterStore store;
  const Stack stack(config, "layers", store);
  store.allocate(at::TensorOptions().dtype(type));
  initialize(store, 7);
  std::vector<at::Tensor> whole, prompts;
  for (size_t b = 0; b < begun.size(); ++b) {
    whole.push_back(random_like({length, config.dim}, b + 1).to(type));
    prompts.push_back(whole[b].narrow(0, 0, begun[b]).contiguous());
  }
  StackCache cache(config, static_cast<int64_t>(begun.size()), store.values().options());
  const at::Tensor expected = at_once(stack, whole);
  double worst = (at_once(stack, prompts, &cache) - at_once(stack, prompts)).abs().max().item<double>();
  RandomStream random(1, "test.step");
  for (;;) {
    std::vector<int64_t> going;
    std::vector<at::Tensor> rows, wanted;
    for (int64_t b = static_cast<int64_t>(begun.size()) - 1; b >= 0; --b) {
      const int64_t seen = cache.rows_seen(b);
      if (seen == length || random.below(2) == 0) continue;
      going.push_back(b);
      rows.push_back(whole[static_cast<size_t>(b)].narrow(0, seen, 1));
      wanted.push_back(expected.narrow(0, b * length + seen, 1));
    }
    bool ended = true;
    for (size_t b = 0; b < begun.size(); ++b)
      ended = ended && cache.rows_seen(static_cast<int64_t>(b)) == length;
    if (ended) return worst;
    if (going.empty()) continue;
    const at::Tensor y = stack.step(at::cat(rows), going, cache);
    worst = std::max(worst, (y - at::cat(wanted)).abs().max().item<double>());
  }
}

}  // namespace

TEST_CASE("rows stepped one by one are the rows of one forward, at any window", "[nn][step]") {
  for (const int64_t window : {0, 1, 2, 7, 40}) {
    for (const int64_t kv_heads : {0, 2, 1}) {
      INFO("window " << window << ", kv heads " << kv_heads);
      // 120 rows: caches of windows are compacted several times, the other grows twice.
      CHECK(worst_step(config_of(window, kv_heads), at::kDouble, {1, 5, 50, 119, 17}, 120) < 1e-12);
      CHECK(worst_step(config_of(window, kv_heads), at::kFloat, {1, 5, 50}, 80) < 2e-5);
    }
  }
}

TEST_CASE("a stack without blocks steps too", "[nn][step]") {
  CHECK(worst_step(config_of(3, 0, 0), at::kDouble, {2, 4}, 9) == 0);
}

TEST_CASE("attention_step equals its composed form", "[nn][step]") {
  const int64_t heads = 4, d = 24, rows = 5;
  for (const int64_t kv_heads : {4, 2}) {
    for (const int64_t window : {0, 3}) {
      AttentionShape shape;
      shape.heads = heads, shape.kv_heads = kv_heads, shape.head_dim = 6, shape.window = window;
      shape.positions = int_tensor({9, 3, 0, 20, 7});
      shape.rotary = rotary_table(6, 5e5, 21, at::kFloat);
      const int64_t kv = 2 * kv_heads * 6;
      const AttentionTensors w{random_like({d}, 2).to(at::kFloat) + 1,
                               random_like({d + kv, d}, 3).to(at::kFloat),
                               random_like({d, d}, 4).to(at::kFloat)};
      const at::Tensor x = random_like({rows, d}, 1).to(at::kFloat);
      at::Tensor left = random_like({7, 12, kv}, 5).to(at::kFloat), right = left.clone();
      const CachedRows at{{6, 0, 3, 1, 4}, {9, 3, 0, 11, 7}};
      const at::Tensor y = attention_step(x, w, shape, 1e-5, at, left);
      const at::Tensor z = attention_step_composed(x, w, shape, 1e-5, at, right);
      INFO("kv heads " << kv_heads << ", window " << window);
      CHECK((y - z).abs().max().item<double>() < 1e-4);
      CHECK((left - right).abs().max().item<double>() < 1e-4);
    }
  }
}
