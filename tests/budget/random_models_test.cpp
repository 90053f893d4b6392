// 200 random models against counts made here, straight from the docstrings of budget/flops.h and
// budget/params.h: loops over layers, rows and keys, nothing shared with the counters.
#include "budget/flops.h"
#include "budget/params.h"
#include "core/random.h"

#include <catch2/catch.hpp>

using namespace aunet;

namespace {

int64_t hidden_width(int64_t d, int64_t multiple) {
  const int64_t wanted = 8 * d / 3;
  int64_t width = 0;
  while (width < wanted) width += multiple;
  return width;
}

struct Naive {
  double paper = 0, useful = 0, executed = 0, params = 0;
};

/// One block over `rows` rows with at most `window` keys.
void count_block(Naive& n, int64_t d, int64_t kv, int64_t f, int64_t rows, int64_t window) {
  const int64_t matrices = d * d + 2 * d * kv + d * d + 3 * d * f;
  n.params += static_cast<double>(matrices + 2 * d);
  const int64_t w = std::min(rows, window);
  for (int64_t j = 0; j < rows; ++j) {
    const double keys = static_cast<double>(std::min(j + 1, window));
    n.useful += 3 * 2 * static_cast<double>(matrices) + 3 * 4 * static_cast<double>(d) * keys;
    n.executed += 3 * 2 * static_cast<double>(matrices) + 3.5 * 4 * static_cast<double>(d) * keys;
    n.paper += 6.0 * static_cast<double>(4 * d * d + 3 * d * f);
    n.paper += 6.0 * static_cast<double>(d) * static_cast<double>(rows) * static_cast<double>(w) *
               static_cast<double>(2 * rows - w) / static_cast<double>(rows * rows);
  }
}

/// A matrix product over `rows` rows.
void count_product(Naive& n, int64_t in, int64_t out, int64_t rows) {
  n.useful += 6.0 * static_cast<double>(in * out * rows);
  n.executed += 6.0 * static_cast<double>(in * out * rows);
}

Naive count_aunet(const AunetConfig& m, const std::vector<int64_t>& rows) {
  Naive n;
  const size_t stages = m.dimensions.size();
  for (size_t k = 0; k < stages; ++k) {
    const int64_t d = m.dimensions[k], f = hidden_width(d, m.multiple_of);
    for (int pass = 0; pass < (k + 1 < stages ? 2 : 1); ++pass)  // encoder and decoder, or the trunk
      for (int64_t layer = 0; layer < m.layers[k]; ++layer)
        count_block(n, d, d, f, rows[k], m.sliding_windows[k]);
    if (k + 1 == stages) continue;
    const int64_t coarse = m.dimensions[k + 1];
    n.params += static_cast<double>(18 * d * coarse + d + coarse);
    count_product(n, d, coarse, rows[k + 1]);
    count_product(n, coarse, d, rows[k]);
  }
  const int64_t d = m.dimensions[0];
  n.params += static_cast<double>(2 * 258 * d + d);
  count_product(n, d, 258, rows[0]);
  if (m.lambda_level > 0) {
    n.params += static_cast<double>(static_cast<int64_t>(stages) * 2 * d + 2 * d);
    count_product(n, 2 * d, static_cast<int64_t>(stages), rows[0]);
  }
  return n;
}

Naive count_llama(const TransformerConfig& m, int64_t rows) {
  Naive n;
  const int64_t kv = (m.n_kv_heads > 0 ? m.n_kv_heads : m.dim / m.head_dim) * m.head_dim;
  for (int64_t layer = 0; layer < m.n_layers; ++layer)
    count_block(n, m.dim, kv, hidden_width(m.dim, m.multiple_of), rows,
                m.sliding_window > 0 ? m.sliding_window : rows);
  count_product(n, m.dim, m.vocab_size, rows);
  n.params += static_cast<double>((m.weight_tying ? 1 : 2) * m.vocab_size * m.dim + m.dim);
  return n;
}

void check(const ModelConfig& model, const std::vector<int64_t>& rows, const Naive& n) {
  CHECK(static_cast<double>(count_params(model).total) == n.params);
  CHECK(sequence_flops(model, rows, Convention::Paper).total() == Approx(n.paper).epsilon(1e-12));
  CHECK(sequence_flops(model, rows, Convention::Useful).total() == Approx(n.useful).epsilon(1e-12));
  CHECK(sequence_flops(model, rows, Convention::Executed).total() == Approx(n.executed).epsilon(1e-12));
}

}  // namespace

TEST_CASE("150 random AU-Nets of 2 to 5 stages agree with a count by loops", "[budget]") {
  RandomStream random(1, "random aunets");
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(random.below(n)); };
  for (int i = 0; i < 150; ++i) {
    AunetConfig m;
    const int64_t stages = 2 + below(4);
    std::vector<int64_t> rows;
    for (int64_t k = 0; k < stages; ++k) {
      m.dimensions.push_back(8 * (1 + below(12)));
      m.layers.push_back(1 + below(4));
      m.head_dims.push_back(8);
      m.sliding_windows.push_back(1 + below(200));
      rows.push_back(k == 0 ? 20 + below(200) : 1 + below(static_cast<uint64_t>(rows.back())));
    }
    m.split.resize(static_cast<size_t>(stages - 1));
    m.multiple_of = std::vector<int64_t>{8, 32, 256}[static_cast<size_t>(below(3))];
    if (below(2) == 0) m.lambda_level = 0.1;
    INFO("model " << i);
    check(m, rows, count_aunet(m, rows));
  }
}

TEST_CASE("50 random transformers agree with a count by loops", "[budget]") {
  RandomStream random(1, "random transformers");
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(random.below(n)); };
  for (int i = 0; i < 50; ++i) {
    TransformerConfig m;
    const int64_t heads = 1 << below(4);
    m.head_dim = 8 * (1 + below(3));
    m.dim = heads * m.head_dim;
    m.n_layers = 1 + below(6);
    if (below(2) == 0) m.n_kv_heads = std::max<int64_t>(1, heads / 2);
    if (below(2) == 0) m.sliding_window = 1 + below(300);
    m.vocab_size = 258 + below(4000);
    m.multiple_of = std::vector<int64_t>{8, 32, 256}[static_cast<size_t>(below(3))];
    m.weight_tying = below(2) == 0;
    const int64_t rows = 1 + below(300);
    INFO("model " << i);
    check(m, {rows}, count_llama(m, rows));
  }
}
