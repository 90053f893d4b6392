#include "budget/flops.h"
#include "budget/laws.h"
#include "core/error.h"

#include <catch2/catch.hpp>

using namespace aunet;

namespace {

AunetConfig small_aunet() {
  AunetConfig m;
  m.dimensions = {8, 16};
  m.layers = {1, 2};
  m.head_dims = {8, 8};
  m.sliding_windows = {4, 100};
  m.multiple_of = 8;
  m.split.resize(1);
  return m;
}

}  // namespace

// dims 8, 16; layers 1, 2; windows 4, 100; V 258; feed-forward: floor(8*8/3) = 21 -> 24, floor(8*16/3) = 42
// -> 48. One sequence of 10 byte rows and 3 word rows. A multiply-add is 2; training is 3 x forward: 6 a
// weight and row.
//   bytes  linear     2 blocks x 10 rows x 6 (4*8*8 + 3*8*24 = 832)                    =  99,840
//          attention  keys seen: 1+2+3+4*7 = 34; 2 blocks x 3 x 4*8 x 34               =   6,528
//   words  linear     2 blocks x 3 rows x 6 (4*16*16 + 3*16*48 = 3,328)                = 119,808
//          attention  keys seen: 1+2+3 = 6; 2 blocks x 3 x 4*16 x 6                    =   2,304
//   pool       3 rows x 6 x 8*16                                                       =   2,304
//   upsample  10 rows x 6 x 16*8                                                       =   7,680
//   head      10 rows x 6 x 8*258                                                      = 123,840
TEST_CASE("useful FLOPs of a small AU-Net, by hand", "[budget]") {
  const Flops f = sequence_flops(small_aunet(), std::vector<int64_t>{10, 3}, Convention::Useful);
  CHECK(f.linear == std::vector<double>{99'840, 119'808});
  CHECK(f.attention == std::vector<double>{6'528, 2'304});
  CHECK(f.pool == 2'304);
  CHECK(f.upsample == 7'680);
  CHECK(f.head == 123'840);
  CHECK(f.total() == 99'840 + 119'808 + 6'528 + 2'304 + 2'304 + 7'680 + 123'840);
}

TEST_CASE("executed FLOPs differ from useful ones in attention only, by 3.5 / 3", "[budget]") {
  const std::vector<int64_t> rows = {10, 3};
  const Flops useful = sequence_flops(small_aunet(), rows, Convention::Useful);
  const Flops executed = sequence_flops(small_aunet(), rows, Convention::Executed);
  CHECK(executed.linear == useful.linear);
  CHECK(executed.head == useful.head);
  CHECK(executed.attention[0] == Approx(useful.attention[0] * 3.5 / 3));
}

TEST_CASE("FLOPs are linear in trunk layers", "[budget]") {
  const std::vector<int64_t> rows = {500, 120};
  for (const Convention c : {Convention::Paper, Convention::Useful, Convention::Executed}) {
    std::vector<double> total;
    for (const int64_t layers : {3, 4, 5}) {
      AunetConfig m = small_aunet();
      m.layers[1] = layers;
      total.push_back(sequence_flops(m, rows, c).total());
    }
    CHECK(total[2] - total[1] == Approx(total[1] - total[0]));
    CHECK(total[1] > total[0]);
  }
}

TEST_CASE("the FLOPs of summed workloads are the sum of the sequences' FLOPs", "[budget]") {
  const ModelConfig model = small_aunet();
  Workload sum;
  for (const auto c : {Convention::Paper, Convention::Useful, Convention::Executed}) {
    Flops added;
    Workload work;
    for (const std::vector<int64_t>& rows : {std::vector<int64_t>{10, 3}, {777, 201}, {1, 1}}) {
      added += sequence_flops(model, rows, c);
      work += sequence_workload(model, rows);
    }
    CHECK(training_flops(model, work, c).total() == Approx(added.total()).epsilon(1e-13));
  }
}

TEST_CASE("pooling types pay for the products they compute", "[budget]") {
  AunetConfig m = small_aunet();
  const auto transitions = [&](const char* pooling) {
    m.pooling_type = pooling;
    const Flops f = sequence_flops(m, std::vector<int64_t>{10, 3}, Convention::Useful);
    return std::pair{f.pool, f.upsample};
  };
  CHECK(transitions("indexed_matmul") == std::pair{2'304.0, 7'680.0});
  CHECK(transitions("repeat") == std::pair{2'304.0, 7'680.0});
  CHECK(transitions("scatter") == std::pair{2'304.0, 2'304.0});
  CHECK(transitions("non_param") == std::pair{0.0, 0.0});
  CHECK(transitions("nearest") == std::pair{2'304.0, 2'304.0});
  CHECK(transitions("average") == std::pair{2'304.0, 7'680.0});
  CHECK(transitions("max") == std::pair{2'304.0, 7'680.0});
  // queries and output 3 rows x 2 x 6 x 8*8, keys and values 10 rows x 2 x 6 x 8*8, attention 10 x 3 x 4*8
  CHECK(transitions("cross_attention") == std::pair{2'304.0 + 2'304 + 7'680 + 960, 7'680.0});
  m.upsampling = "nearest";
  CHECK(transitions("average") == std::pair{2'304.0, 2'304.0});
  m.skip = "concat";  // 10 rows x 6 x 16*8 more
  CHECK(transitions("average") == std::pair{2'304.0, 2'304.0 + 7'680});
  m.residuals = {false};
  CHECK(transitions("average") == std::pair{2'304.0, 2'304.0});
}

// Stage 2 has 3 rows of width 16: 4 bytes each would be 12, of which the sequence has 10.
TEST_CASE("unit heads pay for their predictions in useful FLOPs, and nothing in paper's or at inference",
          "[budget]") {
  AunetConfig m = small_aunet();
  const std::vector<int64_t> rows = {10, 3};
  const double without = sequence_flops(m, rows, Convention::Useful).head;
  const double paper = sequence_flops(m, rows, Convention::Paper).total();
  const double inference =
      inference_flops_per_byte(m, std::vector<double>{1, 0.3}, std::vector<double>{10, 3});
  m.lambda_units = {0.1};
  CHECK(sequence_flops(m, rows, Convention::Useful).head - without == 10 * 6 * 16 * 258);
  CHECK(sequence_flops(m, rows, Convention::Paper).total() == paper);
  CHECK(inference_flops_per_byte(m, std::vector<double>{1, 0.3}, std::vector<double>{10, 3}) == inference);
  m.unit_reach = 2;
  CHECK(sequence_flops(m, rows, Convention::Useful).head - without == 6 * 6 * 16 * 258);
  m.unit_targets = "first_bytes";  // 3 rows and 2
  CHECK(sequence_flops(m, rows, Convention::Useful).head - without == 5 * 6 * 16 * 258);
  m.unit_reach = 9;  // 3, 2 and 1
  CHECK(sequence_flops(m, rows, Convention::Useful).head - without == 6 * 6 * 16 * 258);
}

TEST_CASE("a level head adds one product of width 2 d to each byte row", "[budget]") {
  AunetConfig m = small_aunet();
  const double without = sequence_flops(m, std::vector<int64_t>{10, 3}, Convention::Useful).head;
  m.lambda_level = 0.1;
  CHECK(sequence_flops(m, std::vector<int64_t>{10, 3}, Convention::Useful).head - without ==
        10 * 6 * 2 * 8 * 2);
}

TEST_CASE("grouped queries shrink useful FLOPs by exactly their K and V columns", "[budget]") {
  TransformerConfig m{
      .dim = 64, .n_layers = 2, .head_dim = 16, .vocab_size = 100, .multiple_of = 32, .tokenizer = {}};
  const std::vector<int64_t> rows = {50};
  const double all = sequence_flops(m, rows, Convention::Useful).total();
  m.n_kv_heads = 1;
  CHECK(all - sequence_flops(m, rows, Convention::Useful).total() == 2.0 * 50 * 6 * 2 * 64 * (64 - 16));
}

// One row sees min(context, window) keys: 2 layers x (2 * 3,328 weights + 4*16*5 keys) + head 2*16*12.
TEST_CASE("inference FLOPs per byte of a small transformer, by hand", "[budget]") {
  TransformerConfig m{
      .dim = 16, .n_layers = 2, .head_dim = 8, .vocab_size = 12, .multiple_of = 8, .tokenizer = {}};
  CHECK(inference_flops_per_byte(m, std::vector<double>{0.5}, std::vector<double>{5}) ==
        Approx(0.5 * (2 * (2 * 3'328 + 4 * 16 * 5) + 2 * 16 * 12)));
  m.sliding_window = 3;
  CHECK(inference_flops_per_byte(m, std::vector<double>{0.5}, std::vector<double>{5}) ==
        Approx(0.5 * (2 * (2 * 3'328 + 4 * 16 * 3) + 2 * 16 * 12)));
}

TEST_CASE("conventions have names, and other words are refused with the legal ones", "[budget]") {
  for (const char* name : {"paper", "useful", "executed"})
    CHECK(to_string(parse_convention(name, "x")) == name);
  CHECK_THROWS_WITH(parse_convention("6nd", "a.toml:3:1: budget.convention"),
                    "a.toml:3:1: budget.convention: expected paper, useful or executed, got '6nd'");
}

TEST_CASE("the peak is known for H100 SXM and H200 and not guessed for others", "[budget]") {
  CHECK(peak_flops_per_second("NVIDIA H100 80GB HBM3") == 989.4e12);
  CHECK(peak_flops_per_second("NVIDIA H200") == 989.4e12);
  CHECK(peak_flops_per_second("NVIDIA H100 PCIe") == 0);
  CHECK(peak_flops_per_second("cpu: AMD EPYC") == 0);
}

TEST_CASE("the paper's laws at 1e21 FLOPs: AU-Net 3.6 MB and 1.33e-3, BPE 2.1 M tokens and 3.7e-3",
          "[budget]") {
  // values of paper.md 2.4 near 1e21: 9e20 row 0.001348 and 3.670e6 bytes, 1e21 row 0.003722 and 2.097e6
  // tokens
  CHECK(paper_law("aunet").lr(9.31e20) == Approx(0.001348).epsilon(1e-3));
  CHECK(paper_law("aunet").batch_units(9.31e20) == Approx(3.67e6).epsilon(0.04));
  CHECK(paper_law("llama").lr(9.707e20) == Approx(0.003722).epsilon(1e-3));
  CHECK(paper_law("llama").batch_units(9.707e20) == Approx(2.097e6).epsilon(0.01));
  CHECK(paper_law("bytes").lr(1e20) == paper_law("aunet").lr(1e20));
  CHECK_THROWS_AS(paper_law("mamba"), BugError);
}
