// [budget] match: what each mode promises, on random grids; and what it refuses.
#include "config/sweep_spec.h"
#include "budget/params.h"
#include "sweep/ladder.h"
#include "sweep/match.h"
#include "sweep/plan.h"
#include "tests/sweep/fake_data.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cmath>
#include <set>

using namespace aunet;

namespace {

const char* kFamilies = R"(
[sweep]
name = "matched"
seeds = { init = [0], data = [0, 7] }
[data]
train = ["a.jsonl"]
heldout = ["b.jsonl"]
context_bytes = 256
[[family]]
name = "aunet2"
model = { kind = "aunet", stages = 2, split = "word" }
sizes = AUNET
law = "paper"
[[family]]
name = "bytes"
model = { kind = "bytes" }
sizes = BYTES
law = "paper"
[[family]]
name = "bpe"
model = { kind = "llama", tokenizer = { train = true, vocab = 512 } }
sizes = BPE
law = "paper"
)";

const char* kExplicitAunet = "{ dims = [[32, 64], [48, 96], [64, 128]], layers = [[1, 2], [1, 3], [1, 3]] }";
const char* kExplicit = "{ dims = [48, 64, 96], layers = [2, 3, 3] }";
const char* kAround = "{ per_budget = 3, around = \"optimum\" }";

struct Sizes {
  std::string aunet = kAround, bytes = kAround, bpe = kAround;
};

std::string sweep_text(const std::string& budget, const Sizes& sizes) {
  std::string text = kFamilies;
  for (const auto& [word, value] : {std::pair<std::string, std::string>{"= AUNET", sizes.aunet},
                                    {"= BYTES", sizes.bytes},
                                    {"= BPE", sizes.bpe}})
    text.replace(text.find(word), word.size(), "= " + value);
  return text + "[budget]\n" + budget;
}

Plan plan_of(const std::string& budget, const Sizes& sizes = {}) {
  FakeData data;
  return make_plan(parse_sweep_spec(sweep_text(budget, sizes), "m.toml"), data.provider(), kNoLosses);
}

/// The reference's cell that `cell` is paired with.
const Cell& partner_of(const Cell& cell, const Plan& plan, const std::string& reference) {
  for (const Cell& other : plan.cells)
    if (other.family == reference && other.budget_flops == cell.budget_flops &&
        other.size_index == cell.size_index && other.run.seeds.data == cell.run.seeds.data)
      return other;
  FAIL("no partner for " << cell.family << " size " << cell.size_index);
  return cell;
}

/// Three ascending budgets from 1e10 to 1e11 on that differ from draw to draw.
std::string random_budgets(RandomStream& random) {
  const double first = 1e10 * std::pow(10, random.uniform()), step = 2 + 6 * random.uniform();
  return fmt::format("flops = [{:.4g}, {:.4g}, {:.4g}]\n", first, first * step, first * step * step);
}

const std::vector<Sizes> kSizes = {{},
                                   {.aunet = kExplicitAunet, .bytes = kExplicit, .bpe = kExplicit},
                                   {.bytes = "{ same_as = \"aunet2\" }", .bpe = "{ same_as = \"aunet2\" }"}};

}  // namespace

TEST_CASE("match = flops: every cell spends its budget", "[sweep][match]") {
  RandomStream random(1, "flops");
  for (const Sizes& sizes : kSizes) {
    const Plan plan = plan_of(random_budgets(random), sizes);
    for (const Cell& cell : plan.cells) {
      CHECK(cell.match.quantity == "flops");
      CHECK(cell.match.target == cell.budget_flops);
      CHECK(std::abs(cell.flops_useful.total() / cell.budget_flops - 1) <= 1e-3);
    }
  }
}

TEST_CASE("match = bytes: every cell trains on the bytes of its partner", "[sweep][match]") {
  RandomStream random(2, "bytes");
  for (const Sizes& sizes : kSizes)
    for (const std::string reference : {"aunet2", "bpe"}) {
      // a reference that follows another family has no positions of its own to offer
      if (reference == "bpe" && sizes.bpe.find("same_as") != std::string::npos) continue;
      const Plan plan =
          plan_of(random_budgets(random) + "match = \"bytes\"\nreference = \"" + reference + "\"\n", sizes);
      // at the ladder's bottom two sizes may have the same nearest one
      CHECK(plan.cells.size() >= 3 * 3 * 3 * 2 - 2);
      for (const Cell& cell : plan.cells) {
        const Cell& partner = partner_of(cell, plan, reference);
        CHECK(std::abs(partner.flops_useful.total() / cell.budget_flops - 1) <= 1e-3);
        CHECK(std::abs(cell.text_bytes / partner.text_bytes - 1) <= 1e-3);
        CHECK(cell.match.error() <= 1e-3);
        CHECK(cell.match.target == partner.text_bytes);
      }
    }
}

TEST_CASE("match = seconds: rate times seconds of the partner", "[sweep][match]") {
  RandomStream random(3, "seconds");
  const double aunet = 6.1e10, bytes = 4e10, bpe = 9.2e10;
  const std::string rates = fmt::format(
      "match = \"seconds\"\nrates = {{ aunet2 = {}, bytes = {}, bpe = {} }}\n", aunet, bytes, bpe);
  for (const Sizes& sizes : kSizes) {
    const Plan plan = plan_of(random_budgets(random) + rates, sizes);
    for (const Cell& cell : plan.cells) {
      const double seconds = partner_of(cell, plan, "aunet2").flops_useful.total() / aunet;
      const double rate = cell.family == "aunet2" ? aunet : cell.family == "bpe" ? bpe : bytes;
      CHECK(std::abs(cell.flops_useful.total() / rate / seconds - 1) <= 1e-3);
      CHECK(cell.match.quantity == "seconds");
    }
  }
}

TEST_CASE("modes that match sizes take the nearest of the ladder and spend the budget", "[sweep][match]") {
  RandomStream random(4, "sizes");
  for (const std::string mode : {"params", "inference_flops_per_byte"}) {
    const auto size = [&](const Cell& cell) {
      return mode == "params" ? static_cast<double>(cell.params.total) : cell.inference_flops_per_byte;
    };
    for (int draw = 0; draw < 4; ++draw) {
      const Plan plan = plan_of(random_budgets(random) + "match = \"" + mode + "\"\n");
      for (const Cell& cell : plan.cells) {
        const Cell& partner = partner_of(cell, plan, "aunet2");
        CHECK(std::abs(cell.flops_useful.total() / cell.budget_flops - 1) <= 1e-3);
        CHECK(cell.match.quantity == mode);
        CHECK(cell.match.achieved == size(cell));
        CHECK(cell.match.target == size(partner));
        CHECK(std::abs(std::log(size(cell) / size(partner))) < std::log(2));
        const bool warned = std::any_of(cell.warnings.begin(), cell.warnings.end(), [](const std::string& w) {
          return w.find("reference's") != std::string::npos;
        });
        CHECK(warned == (cell.match.error() > 0.1));
      }
    }
  }
}

TEST_CASE("no size of the ladder has nearer parameters", "[sweep][match]") {
  const SweepSpec spec =
      parse_sweep_spec(sweep_text("flops = [1e10, 3e11]\nmatch = \"params\"\n", {}), "m.toml");
  FakeData data;
  const Plan plan = make_plan(spec, data.provider(), kNoLosses);
  for (const Cell& cell : plan.cells) {
    const FamilySpec& family = spec.families[cell.family == "aunet2" ? 0 : cell.family == "bytes" ? 1 : 2];
    if (cell.family == "aunet2") continue;
    double nearest = 1e9;
    for (const ModelConfig& model : ladder(family, spec))
      nearest = std::min(nearest, std::abs(std::log(double(count_params(model).total) / cell.match.target)));
    CHECK(std::abs(std::log(cell.match.achieved / cell.match.target)) <= nearest + 1e-12);
  }
}

TEST_CASE("matched sizes are nearer than the families' own optima", "[sweep][match]") {
  const auto misses = [](const Plan& plan) {
    double sum = 0;
    for (const Cell& cell : plan.cells) {
      const Cell& partner = partner_of(cell, plan, "aunet2");
      sum += std::abs(std::log(double(cell.params.total) / double(partner.params.total)));
    }
    return sum;
  };
  const std::string flops = "flops = [1e10, 1e11]\n";
  CHECK(misses(plan_of(flops + "match = \"params\"\n")) < 0.5 * misses(plan_of(flops)));
}

TEST_CASE("explicit sizes pair by position and are warned about when they differ", "[sweep][match]") {
  const Plan plan = plan_of("flops = [1e10]\nmatch = \"params\"\n",
                            {.aunet = kExplicitAunet, .bytes = kExplicit, .bpe = kExplicit});
  for (const Cell& cell : plan.cells) {
    const Cell& partner = partner_of(cell, plan, "aunet2");
    CHECK(cell.match.target == double(partner.params.total));
    CHECK(cell.match.achieved == double(cell.params.total));
  }
}

TEST_CASE("tuning trials follow the same rule", "[sweep][match]") {
  SweepSpec spec = parse_sweep_spec(sweep_text("flops = [1e10, 4e10]\nmatch = \"bytes\"\n", {}), "m.toml");
  spec.tune.axes = {"lr"};
  spec.tune.start_lr = 0.01;
  for (FamilySpec& family : spec.families) family.batch_bytes = 4096;
  FakeData data;
  const Plan plan = make_plan(spec, data.provider(), kNoLosses);
  std::map<std::string, double> bytes;
  for (const Cell& cell : plan.cells)
    if (cell.role == CellRole::Tune) bytes[cell.family] = cell.text_bytes;
  REQUIRE(bytes.size() == 3);
  CHECK(bytes["bpe"] == Approx(bytes["aunet2"]).epsilon(1e-3));
  CHECK(bytes["bytes"] == Approx(bytes["aunet2"]).epsilon(1e-3));
}

TEST_CASE("the reference's keys do not depend on the mode", "[sweep][match]") {
  const auto keys = [](const Plan& plan) {
    std::set<std::string> all;
    for (const Cell& cell : plan.cells)
      if (cell.family == "aunet2") all.insert(cell.key);
    return all;
  };
  const std::string flops = "flops = [1e10, 1e11]\n";
  const auto before = keys(plan_of(flops));
  for (const char* mode : {"bytes", "params", "inference_flops_per_byte"})
    CHECK(keys(plan_of(flops + "match = \"" + mode + "\"\n")) == before);
}

TEST_CASE("what cannot be matched is refused by name", "[sweep][match]") {
  CHECK_THROWS_WITH(
      plan_of("flops = [1e10]\nmatch = \"params\"\n",
              {.aunet = kExplicitAunet, .bpe = "{ dims = [64], layers = [2] }"}),
      "m.toml:19: family 'bpe': sizes: expected 3 entries to match parameters with the sizes of "
      "'aunet2' one by one at 1e10, got 1");
  CHECK_THROWS_WITH(
      plan_of("flops = [1e10]\nmatch = \"bytes\"\n", {.bpe = "{ per_budget = 5, around = \"optimum\" }"}),
      "m.toml:19: family 'bpe': sizes: expected at most the 3 sizes of 'aunet2' at 1e10 to match text "
      "bytes with, got a size 4");
  CHECK_THROWS_WITH(
      plan_of("flops = [1e10]\nmatch = \"seconds\"\nrates = { aunet2 = 1e10 }\n"),
      "m.toml:26:9: budget.rates: expected the useful FLOP/s of every family for match = \"seconds\", got "
      "none for bytes, bpe; no run measured any yet: run a few cells with match = \"flops\" first");
}
