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

/// W_i of a stage's own head on each row that has such a target; bytes of a unit: at most all bytes.
void count_unit_head(Naive& n, const AunetConfig& m, size_t k, const std::vector<int64_t>& rows) {
  if (k == 0 || m.lambda_units.empty() || m.lambda_units[k - 1] == 0) return;
  n.params += static_cast<double>(m.dimensions[k] + m.unit_reach * 258 * m.dimensions[k]);
  int64_t predictions = 0;
  for (int64_t j = 0; j < rows[k]; ++j)
    for (int64_t i = 0; i < m.unit_reach; ++i) predictions += m.unit_targets == "bytes" || j + i < rows[k];
  if (m.unit_targets == "bytes") predictions = std::min(predictions, rows[0]);
  count_product(n, m.dimensions[k], 258, predictions);
}

void count_transition(Naive& n, const AunetConfig& m, size_t k, const std::vector<int64_t>& rows) {
  const int64_t f = m.dimensions[k], c = m.dimensions[k + 1], fine = rows[k], coarse = rows[k + 1];
  const std::string& pooling = m.pooling_type;
  const std::string up = !m.upsampling.empty() ? m.upsampling
                         : pooling == "average" || pooling == "max" || pooling == "cross_attention"
                             ? "indexed_matmul"
                             : pooling;
  if (pooling != "non_param") {
    n.params += static_cast<double>(f + f * c);
    count_product(n, f, c, coarse);
  }
  if (pooling == "cross_attention") {
    n.params += static_cast<double>(f + 4 * f * f);
    count_product(n, f, f, coarse);  // queries
    for (int i = 0; i < 2; ++i) count_product(n, f, f, fine);
    count_product(n, f, f, coarse);  // output
    for (int64_t t = 0; t < fine; ++t) {
      n.useful += 3 * 4 * static_cast<double>(f);  // its unit's query sees it
      n.executed += 3.5 * 4 * static_cast<double>(f);
    }
  }
  if (up != "non_param") {
    n.params += static_cast<double>(c + c * f);
    count_product(n, c, f, up == "scatter" || up == "nearest" ? coarse : fine);
  }
  if (up == "indexed_matmul") n.params += static_cast<double>(16 * f * c);
  if (up == "repeat") n.params += static_cast<double>(16 * c);
  if (m.skip == "concat" && m.residuals[k]) {
    n.params += static_cast<double>(2 * f * f);
    count_product(n, 2 * f, f, fine);
  }
}

Naive count_aunet(const AunetConfig& m, const std::vector<int64_t>& rows) {
  Naive n;
  const size_t stages = m.dimensions.size();
  for (size_t k = 0; k < stages; ++k) {
    const int64_t d = m.dimensions[k], f = hidden_width(d, m.multiple_of);
    for (int pass = 0; pass < (k + 1 < stages ? 2 : 1); ++pass)  // encoder and decoder, or the trunk
      for (int64_t layer = 0; layer < m.layers[k]; ++layer)
        count_block(n, d, m.n_kv_heads.empty() ? d : m.n_kv_heads[k] * m.head_dims[k], f, rows[k],
                    m.sliding_windows[k]);
    count_unit_head(n, m, k, rows);
    if (k + 1 < stages) count_transition(n, m, k, rows);
  }
  const int64_t d = m.dimensions[0];
  n.params += static_cast<double>((m.weight_tying ? 1 : 2) * 258 * d + d);
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

TEST_CASE("300 random AU-Nets of 2 to 5 stages and every variant agree with a count by loops", "[budget]") {
  RandomStream random(1, "random aunets");
  const std::vector<std::string> pooling = pooling_types(), upsampling = upsampling_types();
  const auto below = [&](uint64_t n) { return static_cast<int64_t>(random.below(n)); };
  for (int i = 0; i < 300; ++i) {
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
    m.pooling_type = pooling[random.below(pooling.size())];
    if (pooling_of(m) != Pooling::Boundary && pooling_of(m) != Pooling::None && below(2) == 0)
      m.upsampling = upsampling[random.below(upsampling.size())];
    m.skip = below(2) == 0 ? "add" : "concat";
    m.weight_tying = below(2) == 0;
    if (below(3) == 0) m.n_kv_heads.assign(m.dimensions.size(), 1);
    for (int64_t k = 1; k < stages; ++k) m.residuals.push_back(below(2) == 0);
    for (int64_t k = 1; i % 2 == 0 && k < stages; ++k) m.lambda_units.push_back(below(2) == 0 ? 0 : 0.1);
    m.unit_targets = below(2) == 0 ? "bytes" : "first_bytes";
    m.unit_reach = 1 + below(6);
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
