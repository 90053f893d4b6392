// The accounting against the paper's published rows (arXiv 2506.14761, Tables 9 to 11).
#include "budget/flops.h"
#include "budget/laws.h"
#include "budget/params.h"
#include "tests/support/paper_tables.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace aunet;

namespace {

AunetConfig paper_aunet(const std::vector<int64_t>& dims, const std::vector<int64_t>& layers) {
  AunetConfig m;
  m.dimensions = dims;
  m.layers = layers;
  m.head_dims.assign(dims.size(), 128);
  m.head_dims[0] = 64;
  m.sliding_windows.assign(dims.size(), 4096);
  m.sliding_windows[0] = 512;
  m.split.resize(dims.size() - 1);
  return m;
}

TransformerConfig paper_llama(int64_t dim, int64_t layers) {
  TransformerConfig m;
  m.dim = dim;
  m.n_layers = layers;
  m.head_dim = 128;
  m.vocab_size = 128256;
  return m;
}

/// Stage lengths per 8192 bytes that reproduce the printed FLOPs (paper.md 2.2).
const std::vector<int64_t> kRows = {8192, 1664, 1144, 768};

double paper_flops_per_unit(const ModelConfig& model, const std::vector<int64_t>& rows) {
  return sequence_flops(model, rows, Convention::Paper).total() / static_cast<double>(rows[0]);
}

struct Row {
  ModelConfig model;
  std::vector<int64_t> rows;
};

Row aunet_row(const TableRow& row) {
  const auto dims = integers(row.at("dims"), ';');
  return {paper_aunet(dims, integers(row.at("layers"), ';')),
          {kRows.begin(), kRows.begin() + static_cast<long>(dims.size())}};
}

}  // namespace

TEST_CASE("the AU-Net 100M, 300M and 1.3B models have the published number of parameters", "[budget]") {
  CHECK(count_params(paper_aunet({512, 768}, {3, 10})).total == 98'591'488);
  CHECK(count_params(paper_aunet({512, 1280}, {3, 13})).total == 296'659'712);
  CHECK(count_params(paper_aunet({512, 2048}, {3, 25})).total == 1'324'203'008);
}

TEST_CASE("the 24 AU-Net scaling rows: FLOPs per byte, bytes, C and rate to the printed digits", "[budget]") {
  for (const char* table : {"scaling_runs_aunet2.csv", "scaling_runs_aunet3.csv"}) {
    const auto rows = paper_table(table);
    REQUIRE(rows.size() == 12);
    for (const TableRow& row : rows) {
      INFO(table << " " << row.at("name"));
      const Row r = aunet_row(row);
      const double f = paper_flops_per_unit(r.model, r.rows);
      const double bytes = 10 * kPaperBytesPerToken * kPaperBytesPerToken * f;
      CHECK(f == Approx(printed_value(row.at("F/byte"))).epsilon(printed_precision(row.at("F/byte"))));
      CHECK(bytes == Approx(printed_value(row.at("D"))).epsilon(printed_precision(row.at("D"))));
      CHECK(paper_law("aunet").lr(f * bytes) ==
            Approx(printed_value(row.at("LR"))).epsilon(printed_precision(row.at("LR"))));
      // C is printed with two digits; the paper truncates a few of them (1.148e19 is printed 1.1e19)
      CHECK(f * bytes ==
            Approx(printed_value(row.at("printed C"))).epsilon(2 * printed_precision(row.at("printed C"))));
      int64_t norms = 0;  // which N leaves out
      for (size_t k = 0; k < r.rows.size(); ++k) {
        const auto& m = std::get<AunetConfig>(r.model);
        CHECK(ffn_hidden(m.dimensions[k], m.multiple_of) == integers(row.at("ffn"), ';')[k]);
        norms += (k + 1 < r.rows.size() ? 2 : 1) * m.layers[k] * 2 * m.dimensions[k];
      }
      CHECK(static_cast<double>(count_params(r.model).blocks - norms) ==
            Approx(printed_value(row.at("N"))).epsilon(printed_precision(row.at("N"))));
    }
  }
}

TEST_CASE("the 12 BPE scaling rows: FLOPs per token, tokens, C and rate to the printed digits", "[budget]") {
  const auto rows = paper_table("scaling_runs_bpe.csv");
  REQUIRE(rows.size() == 12);
  for (const TableRow& row : rows) {
    INFO(row.at("name"));
    const auto m = paper_llama(std::stoll(row.at("d")), std::stoll(row.at("L")));
    const double f = paper_flops_per_unit(m, {2048});
    const double with_head = f + 6.0 * static_cast<double>(m.dim) * static_cast<double>(m.vocab_size);
    const auto same = [&](double value, const char* column) {
      INFO(column);
      CHECK(value == Approx(printed_value(row.at(column))).epsilon(printed_precision(row.at(column))));
    };
    same(f, "F non-emb");
    same(with_head, "printed F (with head)");
    same(10 * f, "D");
    same(f * 10 * f, "Cne");
    same(paper_law("llama").lr(f * 10 * f), "LR");
    same(static_cast<double>(count_params(m).blocks - m.n_layers * 2 * m.dim),
         "N non-emb");  // norms left out
    CHECK(with_head * 10 * f ==
          Approx(printed_value(row.at("printed C"))).epsilon(2 * printed_precision(row.at("printed C"))));
    CHECK(ffn_hidden(m.dim, m.multiple_of) == std::stoll(row.at("ffn")));
  }
}

// Published batch = batch x accumulation x GPUs, an integer product chosen near the law. How far each
// family's rows lie from the law: AU-Net 2 at most 3.3 % (9e20), AU-Net 3 at most 4.2 % (1e22), BPE at
// most 6.2 % (1e22).
TEST_CASE("the batch laws give the published integer products within the paper's own rounding", "[budget]") {
  const std::vector<std::tuple<const char*, const char*, double>> tables = {
      {"scaling_runs_aunet2.csv", "aunet", 0.034},
      {"scaling_runs_aunet3.csv", "aunet", 0.043},
      {"scaling_runs_bpe.csv", "llama", 0.062}};
  for (const auto& [table, kind, most] : tables) {
    double largest = 0;
    for (const TableRow& row : paper_table(table)) {
      const bool bpe = std::string(kind) == "llama";
      const ModelConfig model =
          bpe ? ModelConfig(paper_llama(std::stoll(row.at("d")), std::stoll(row.at("L"))))
              : aunet_row(row).model;
      const double unit = bpe ? 2048 : 8192;
      const double f = paper_flops_per_unit(model, bpe ? std::vector<int64_t>{2048} : aunet_row(row).rows);
      const double c = f * f * 10 * (bpe ? 1 : kPaperBytesPerToken * kPaperBytesPerToken);
      const auto factors = integers(row.at("batch x acc x GPUs"), 'x');
      const double product = static_cast<double>(factors[0] * factors[1] * factors[2]);
      largest = std::max(largest, std::abs(product / (paper_law(kind).batch_units(c) / unit) - 1));
    }
    INFO(table << ": largest deviation " << largest);
    CHECK(largest < most);
    CHECK(largest > 0.9 * most);  // the bound above is the real deviation, not slack
  }
}

// Equal-data runs of Table 2 (paper.md 2.5): F within the printed two or three digits. Notes and deviations:
// - "Transformer BPE 1B" and "7B dm1" print F with the head (6 d V); both had windows of 4096 tokens.
// - "Transformer BPE dm8" likewise, windows of 2048 tokens.
// - byte transformer and Mamba print no F: not compared.
// - AU-Net 2 7B has feed-forward widths 4096 and 14336, which the multiple-of-256 rule (2816 and 11008) does
//   not give: their share is added by hand, and gives 1.039e10 where 1.0e10 is printed.
TEST_CASE("the equal-data runs: FLOPs per unit as printed", "[budget]") {
  struct Case {
    ModelConfig model;
    std::vector<int64_t> rows;
    double printed, tolerance;
  };
  const auto stages = [](int n) { return std::vector<int64_t>(kRows.begin(), kRows.begin() + n); };
  const double d1 = 2048, d7 = 4096, vocab = 128256;
  const std::vector<Case> cases = {
      {paper_aunet({512, 2048}, {3, 25}), stages(2), 1.81e9, 0.003},
      {paper_aunet({512, 2048, 3072}, {3, 3, 18}), stages(3), 2.30e9, 0.003},
      {paper_aunet({512, 2048, 3072, 4608}, {3, 3, 4, 10}), stages(4), 2.8e9, 0.018},
      {paper_aunet({512, 2048, 3072, 4608}, {3, 3, 3, 12}), stages(4), 2.9e9, 0.018},
  };
  for (const Case& c : cases)
    CHECK(paper_flops_per_unit(c.model, c.rows) == Approx(c.printed).epsilon(c.tolerance));
  const double wider = 6 * 18.0 * 1024 * (4096 - 2816) + 32 * 18.0 * 4096 * (14336 - 11008) * 1664 / 8192;
  CHECK(paper_flops_per_unit(paper_aunet({1024, 4096}, {3, 32}), stages(2)) + wider ==
        Approx(1.039e10).epsilon(5e-4));
  CHECK(paper_flops_per_unit(paper_llama(2048, 25), {4096}) + 6 * d1 * vocab ==
        Approx(1.05e10).epsilon(0.005));
  CHECK(paper_flops_per_unit(paper_llama(2048, 25), {2048}) + 6 * d1 * vocab == Approx(9.9e9).epsilon(0.005));
  CHECK(paper_flops_per_unit(paper_llama(4096, 32), {4096}) + 6 * d7 * vocab ==
        Approx(4.5e10).epsilon(0.011));
}

TEST_CASE("the 1B rows keep their published FLOP shares of a five-part AU-Net 3", "[budget]") {
  // paper.md 1.1: 3.1 / 8.7 / 76.5 / 8.7 / 3.1 % (encoder and decoder halves of each stage) at 8192, 1664,
  // 1144 rows
  const Flops f = sequence_flops(paper_aunet({512, 2048, 3072}, {3, 3, 18}),
                                 std::vector<int64_t>{8192, 1664, 1144}, Convention::Paper);
  const auto share = [&](size_t k) { return 100 * (f.linear[k] + f.attention[k]) / f.total(); };
  CHECK(share(0) / 2 == Approx(3.1).margin(0.05));
  CHECK(share(1) / 2 == Approx(8.7).margin(0.05));
  CHECK(share(2) == Approx(76.5).margin(0.05));
}
