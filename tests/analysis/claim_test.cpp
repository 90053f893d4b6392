// Worlds with a known truth: each verdict is reached when it should be, and errors stay within their rates.
#include "analysis/claim_judge.h"
#include "analysis/frontier.h"
#include "analysis/multiplier.h"
#include "synthetic_sweep.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <map>

using namespace aunet;

namespace {

constexpr double kFactor = 1.2;

SyntheticSweep sweep_with(double multiplier, double noise = 0.002) {
  SyntheticSweep sweep;
  sweep.families = families_with_multiplier(multiplier);
  sweep.noise = noise;
  return sweep;
}

/// b's exponents differ by this share, and it is as good as a at the centre of the grid: M grows with compute
/// when its exponents are smaller.
SyntheticSweep sweep_with_slope(double change, double noise) {
  SyntheticSweep sweep = sweep_with(1, noise);
  const ChinchillaParams& a = sweep.families[0].surface;
  ChinchillaParams& b = sweep.families[1].surface;
  const SurfaceOptimum centre = surface_optimum(a, sweep.budgets[2]);
  b.alpha *= 1 + change;
  b.beta *= 1 + change;
  b.A *= std::pow(centre.n, b.alpha - a.alpha);
  b.B *= std::pow(centre.d, b.beta - a.beta);
  return sweep;
}

ClaimData data_of(const SyntheticSweep& sweep, uint64_t seed) {
  RandomStream stream(seed, "claim test");
  ClaimData data;
  data.known = true;
  data.convention = "useful";
  data.rows = synthetic_rows(sweep, stream);
  for (const SyntheticFamily& family : sweep.families) {
    TuningEffort& effort = data.effort.emplace_back();
    effort.family = family.name;
    effort.trials = 5;
    effort.flops_useful = 1e12;
  }
  return data;
}

ClaimSpec claim_of(const std::string& estimand, const std::string& decision, double margin,
                   const std::string& more = "") {
  return parse_claim(fmt::format(R"([claim]
id = "c"
statement = "s"
source = "s"
sweep = "synthetic"
[[test]]
estimand = "{}"
families = ["aunet2", "bpe"]
decision = "{}"
margin = {}
margin_words = "w"
{}
)",
                                 estimand, decision, margin, more),
                     "c.toml");
}

ClaimSpec tie() { return claim_of("log_multiplier", "equivalence", std::log(kFactor)); }

ClaimVerdict judge(const ClaimSpec& claim, const ClaimData& data, int64_t replicates = 500) {
  return aunet::judge(claim, data, {.replicates = replicates, .seed = 1});
}

/// Evaluations of every run: held-out loss times exp(a family's own change, and noise).
std::vector<EvalRow> evaluations(const ClaimData& data, const std::string& split,
                                 const std::map<std::string, double>& log_change, double noise,
                                 uint64_t seed) {
  RandomStream stream(seed, "evaluations " + split);
  std::vector<EvalRow> rows;
  for (const FitInputRow& input : data.rows) {
    rows.push_back(
        {input.row.key, split, 5000,
         *input.row.loss_bpb * std::exp(log_change.at(input.row.family) + noise * stream.normal())});
  }
  return rows;
}

bool has_mark(const ClaimVerdict& verdict, const std::string& words) {
  for (const std::string& mark : verdict.marks) {
    if (mark.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a tie is supported when it is one and contradicted when it is none", "[claims]") {
  const ClaimVerdict yes = judge(tie(), data_of(sweep_with(1.0), 1));
  CHECK(yes.verdict == kSupported);
  CHECK_FALSE(yes.needs_flops);
  const ClaimVerdict no = judge(tie(), data_of(sweep_with(2.0), 1));
  CHECK(no.verdict == kContradicted);
  CHECK(no.tests[0].interval.contains(std::log(2.0)));
  const ClaimVerdict better = judge(tie(), data_of(sweep_with(0.5), 1));
  CHECK(better.verdict == kContradicted);  // whichever side
}

TEST_CASE("families that share no loss cannot tie: the bound on M decides", "[claims]") {
  const ClaimVerdict worse = judge(tie(), data_of(sweep_with(0.005), 1));
  CHECK(worse.verdict == kContradicted);
  CHECK(std::isinf(worse.tests[0].interval.low));
  CHECK(worse.tests[0].measured.estimate->value == Approx(std::log(1e11 / 4.7e12)));
  CHECK(has_mark(worse, "M is at most 0.021"));
  CHECK(judge(tie(), data_of(sweep_with(200), 1)).verdict == kContradicted);
  const ClaimSpec better = claim_of("log_multiplier", "superiority", std::log(kFactor));
  CHECK(judge(better, data_of(sweep_with(200), 1)).verdict == kSupported);
  CHECK(judge(better, data_of(sweep_with(0.005), 1)).verdict == kContradicted);
  const ClaimSpec gains = claim_of("log_multiplier_slope", "superiority", 0.04);
  CHECK(judge(gains, data_of(sweep_with(200), 1)).verdict == kUndetermined);
}

TEST_CASE("noise that hides the answer is undetermined, with its price", "[claims]") {
  const ClaimVerdict open = judge(tie(), data_of(sweep_with(1.0, 0.02), 3));
  REQUIRE(open.verdict == kUndetermined);
  REQUIRE(open.needs_flops);
  // 1 / sqrt(seeds): the price brings the 90 % half-width down to what is left of the margin.
  const TestVerdict& t = open.tests[0];
  const double left = std::abs(std::log(kFactor) - std::abs(t.measured.estimate->value));
  const Interval& used =
      std::abs(t.measured.estimate->value) < std::log(kFactor) ? t.interval_90 : t.interval;
  const double half = 0.5 * (used.high - used.low);
  CHECK(*open.needs_flops == Approx((half * half / left / left - 1) * t.measured.flops()));
  CHECK(open.needs.find("FLOPs more") != std::string::npos);
}

TEST_CASE("superiority needs an interval above 0 and an estimate that matters", "[claims]") {
  const auto verdict = [](double multiplier, double margin, double noise = 0.002) {
    return judge(claim_of("log_multiplier", "superiority", margin), data_of(sweep_with(multiplier, noise), 5))
        .verdict;
  };
  CHECK(verdict(1.5, std::log(1.2)) == kSupported);
  CHECK(verdict(1.0, std::log(1.2)) == kContradicted);
  CHECK(verdict(0.6, std::log(1.2)) == kContradicted);
  CHECK(verdict(1.2, std::log(1.2), 0.02) == kUndetermined);
}

TEST_CASE("the slope of ln M over ln C is found where it is planted, and swaps its sign", "[claims]") {
  const ClaimSpec gains = claim_of("log_multiplier_slope", "superiority", 0.05);
  for (const double change : {-0.25, 0.0}) {
    const SyntheticSweep sweep = sweep_with_slope(change, 0.001);
    const ClaimVerdict verdict = judge(gains, data_of(sweep, 2));
    REQUIRE(verdict.tests[0].measured.estimate);
    // Truth from the planted frontiers, at the ends of the shared losses.
    const Comparison comparison = compare_families(group_cells(data_of(sweep, 2).rows), "aunet2", "bpe",
                                                   {.cost = Cost::Useful, .replicates = 100, .seed = 1});
    const double first =
                     std::log(true_multiplier(sweep.families[0], sweep.families[1], {comparison.losses[0]})),
                 last =
                     std::log(true_multiplier(sweep.families[0], sweep.families[1], {comparison.losses[8]}));
    const double a0 = std::log(comparison.a.fit.curve.flops_at(comparison.losses[0])),
                 a1 = std::log(comparison.a.fit.curve.flops_at(comparison.losses[8]));
    const double truth = (last - first) / (a1 - a0 + 0.5 * (last - first));
    INFO(change << ": " << truth << " against " << verdict.tests[0].measured.estimate->value);
    CHECK(verdict.tests[0].interval.contains(truth));
    CHECK(verdict.verdict == (change < 0 ? kSupported : kContradicted));
    const Comparison swapped = compare_families(group_cells(data_of(sweep, 2).rows), "bpe", "aunet2",
                                                {.cost = Cost::Useful, .replicates = 100, .seed = 1});
    CHECK(*swapped.slope == Approx(-*comparison.slope).epsilon(1e-6).margin(1e-9));
  }
}

TEST_CASE("a difference of losses is paired by budget, size and seed", "[claims]") {
  SyntheticSweep sweep = sweep_with(1.0, 0);
  ClaimData data = data_of(sweep, 1);
  RandomStream stream(7, "shared noise");
  std::map<std::string, double> shared;  // what both families see at one place: pairing takes it out
  for (FitInputRow& input : data.rows) {
    const std::string place = input.row.key.substr(input.row.key.find('-'));
    if (!shared.count(place)) shared[place] = 0.3 * stream.normal();
    *input.row.loss_bpb += shared[place] + (input.row.family == "bpe" ? 0.05 : 0) + 0.002 * stream.normal();
  }
  const ClaimVerdict verdict = judge(claim_of("loss_difference", "superiority", 0.02), data);
  CHECK(verdict.verdict == kSupported);
  CHECK(verdict.tests[0].measured.n == 20);  // 5 budgets x 4 sizes, seeds averaged
  CHECK(verdict.tests[0].interval.contains(0.05));
  CHECK(verdict.tests[0].interval.high - verdict.tests[0].interval.low < 0.01);
}

TEST_CASE("helps at one depth and not at the other is a conjunction with its interaction", "[claims]") {
  SyntheticSweep sweep;
  const ChinchillaParams surface = families_with_multiplier(1)[0].surface;
  for (const char* name : {"deep", "deep_plain", "flat", "flat_plain"})
    sweep.families.push_back({name, "aunet", surface});
  sweep.noise = 0.002;
  ClaimData data = data_of(sweep, 4);
  const ClaimSpec claim = parse_claim(R"([claim]
id = "c"
statement = "s"
source = "s"
sweep = "synthetic"
[[test]]
estimand = "loss_difference"
families = ["deep", "deep_plain"]
decision = "superiority"
margin = 0.02
margin_words = "w"
[[test]]
estimand = "loss_difference"
families = ["flat", "flat_plain"]
decision = "equivalence"
margin = 0.02
margin_words = "w"
[[test]]
estimand = "loss_difference"
families = ["deep", "deep_plain"]
minus = ["flat", "flat_plain"]
decision = "superiority"
margin = 0.02
margin_words = "w"
)",
                                      "c.toml");
  CHECK(judge(claim, data).verdict == kContradicted);  // it helps nowhere
  for (FitInputRow& input : data.rows) {
    if (input.row.family == "deep_plain") *input.row.loss_bpb += 0.05;
  }
  const ClaimVerdict helps = judge(claim, data);
  CHECK(helps.verdict == kSupported);
  CHECK(helps.tests[2].interval.contains(0.05));
  for (FitInputRow& input : data.rows) {
    if (input.row.family == "flat_plain") *input.row.loss_bpb += 0.05;
  }
  CHECK(judge(claim, data).verdict == kContradicted);  // it helps at both
}

TEST_CASE("robustness is the change from clean to corrupted text, between families", "[claims]") {
  ClaimData data = data_of(sweep_with(1.5), 6);
  const ClaimSpec claim = claim_of("robustness", "superiority", 0.05, "splits = [\"typos\", \"no_spaces\"]");
  CHECK(
      judge(claim, data).why.starts_with("0 pairs of cells: wanted at least 3; 72 runs have no evaluation"));
  data.evals = evaluations(data, "typos", {{"aunet2", 0.10}, {"bpe", 0.15}}, 0.002, 1);
  for (const EvalRow& row : evaluations(data, "no_spaces", {{"aunet2", 0.2}, {"bpe", 0.3}}, 0.002, 1))
    data.evals.push_back(row);
  CHECK(judge(claim, data).verdict == kSupported);
  ClaimData other = data;
  other.evals[0].bytes = 4999;
  CHECK(judge(claim, other).why == "the runs were evaluated on 2 different texts called 'typos'");
  // The same loss more on both: no family is more robust, although aunet2 is better on either text.
  data.evals.clear();
  for (const char* split : {"typos", "no_spaces"}) {
    for (const FitInputRow& input : data.rows)
      data.evals.push_back({input.row.key, split, 5000, *input.row.loss_bpb + 0.3});
  }
  CHECK(judge(claim, data).verdict == kContradicted);
}

TEST_CASE("transfer is relative to the training language, in ratios", "[claims]") {
  ClaimData data = data_of(sweep_with(1.5), 6);
  const ClaimSpec claim = claim_of("transfer", "superiority", 0.02, "splits = [\"dutch\"]");
  data.evals = evaluations(data, "dutch", {{"aunet2", 1.00}, {"bpe", 1.05}}, 0.002, 1);
  const ClaimVerdict gains = judge(claim, data);
  CHECK(gains.verdict == kSupported);
  CHECK(gains.tests[0].interval.contains(0.05));
  data.evals = evaluations(data, "dutch", {{"aunet2", 1.0}, {"bpe", 1.0}}, 0.002, 1);
  CHECK(judge(claim, data).verdict == kContradicted);  // better in both languages by the same ratio
}

TEST_CASE("a scale too small is not testable, and says what it would take", "[claims]") {
  ClaimSpec claim = tie();
  claim.scale.min_flops = 1e14;
  const ClaimVerdict small = judge(claim, data_of(sweep_with(1.0), 1));
  CHECK(small.verdict == kNotTestable);
  CHECK(small.why == "largest shared budget 4.7e12 FLOPs, 1e14 asked for");
  REQUIRE(small.needs_flops);
  CHECK(*small.needs_flops > 1e14);
  claim = tie();
  claim.scale.min_budgets = 6;
  CHECK(judge(claim, data_of(sweep_with(1.0), 1)).why == "5 shared budgets, 6 asked for");
  claim = tie();
  claim.scale.min_decades = 2;
  CHECK(judge(claim, data_of(sweep_with(1.0), 1)).why == "1.67 decades of compute, 2 asked for");
  ClaimData half = data_of(sweep_with(1.0), 1);
  for (FitInputRow& input : half.rows) {
    if (*input.row.budget_flops > 1e12) input.exclusion = "not started";
  }
  claim = tie();
  claim.scale.min_budgets = 5;
  CHECK(judge(claim, half).verdict == kUndetermined);
  CHECK(judge(claim, half).why == "3 shared budgets, 5 asked for so far");
  CHECK(has_mark(judge(claim, half), "32 planned runs have not finished"));
}

TEST_CASE("a claim that says so is not testable, without any data", "[claims]") {
  const ClaimSpec claim = parse_claim(
      "[claim]\nid = \"m\"\nstatement = \"s\"\nsource = \"s\"\ntestable = false\nreason = \"needs 1e22 "
      "FLOPs\"\n",
      "c.toml");
  const ClaimVerdict verdict = judge(claim, {});
  CHECK(verdict.verdict == kNotTestable);
  CHECK(verdict.why == "needs 1e22 FLOPs");
}

TEST_CASE("unequal tuning decides nothing, whatever the estimate", "[claims]") {
  ClaimData data = data_of(sweep_with(1.0), 1);
  data.effort[1].trials = 3;
  const ClaimVerdict verdict = judge(tie(), data);
  CHECK(verdict.verdict == kUndetermined);
  CHECK(verdict.why == "unequal tuning: aunet2 5 trials, 1e12 FLOPs against bpe 3 trials, 1e12 FLOPs");
  data.effort.clear();
  CHECK(judge(tie(), data).verdict == kSupported);
  CHECK(has_mark(judge(tie(), data), "no family was tuned"));
}

TEST_CASE("a claim that changed, came late or was never registered is marked", "[claims]") {
  ClaimData data = data_of(sweep_with(1.0), 1);
  CHECK(has_mark(judge(tie(), data), "not registered before the runs"));
  data.registered = RegisteredClaim{"synthetic", "c", claim_hash(tie()), tie().text, "2026-01-02T00:00:00Z"};
  data.started = {"2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z"};
  CHECK(judge(tie(), data).marks.empty());
  data.started.push_back("2026-01-01T00:00:00Z");
  CHECK(has_mark(judge(tie(), data), "registered after 1 of 3 runs had started"));
  data.registered->hash = "0000000000000000";
  CHECK(has_mark(judge(tie(), data), "changed after launch: registered as 0000000000000000"));
}

TEST_CASE("a verdict far below the source's scale says so", "[claims]") {
  ClaimSpec claim = tie();
  claim.scale.source_flops = {1e19, 1e22};
  CHECK(has_mark(judge(claim, data_of(sweep_with(1.0), 1)),
                 "measured at 1e11 to 4.7e12 FLOPs; the source speaks of 1e19 to 1e22"));
}

namespace {

constexpr int kSweeps = 200;

/// Share of 200 sweeps that reach the verdict, printed beside what the rule promises.
double rate(const char* rule, const char* truth, const ClaimSpec& claim, const SyntheticSweep& sweep,
            const char* verdict, double nominal) {
  int hits = 0;
  for (uint64_t i = 0; i < kSweeps; ++i)
    hits += judge(claim, data_of(sweep, 5000 + i), 200).verdict == verdict;
  const double found = double(hits) / kSweeps;
  std::cout << fmt::format("{:24} {:10} {:13} promised {:5.1f} %  found {:5.1f} %\n", rule, truth, verdict,
                           100 * nominal, 100 * found);
  return found;
}

/// The promised rate and what 200 sweeps scatter above it.
double allowed(double p) { return p + 3 * std::sqrt(p * (1 - p) / kSweeps); }

const double kMargin = std::log(kFactor);

}  // namespace

TEST_CASE("errors of the decision rules stay within their rates", "[claims]") {
  const ClaimSpec any = claim_of("log_multiplier", "superiority", 1e-6);
  const ClaimSpec lower = claim_of("loss_difference", "superiority", 1e-6);
  CHECK(rate("equivalence within 1.2", "M = 1.2", tie(), sweep_with(1.2, 0.005), kSupported, 0.05) <=
        allowed(0.05));
  CHECK(rate("superiority, any", "M = 1", any, sweep_with(1.0, 0.005), kSupported, 0.025) <= allowed(0.025));
  CHECK(rate("loss difference, any", "equal", lower, sweep_with(1.0, 0.005), kSupported, 0.025) <=
        allowed(0.025));
}

TEST_CASE("errors of the other rules, and how often a truth is found", "[claims][slow]") {
  const ClaimSpec better = claim_of("log_multiplier", "superiority", kMargin);
  const ClaimSpec gains = claim_of("log_multiplier_slope", "superiority", 1e-6);
  CHECK(rate("equivalence within 1.2", "M = 1", tie(), sweep_with(1.0, 0.005), kContradicted, 0) <=
        allowed(0.0005));
  CHECK(rate("superiority by 1.2", "M = 1", better, sweep_with(1.0, 0.005), kSupported, 0.025) <=
        allowed(0.025));
  CHECK(rate("superiority by 1.2", "M = 1.2", better, sweep_with(1.2, 0.005), kContradicted, 0.025) <=
        allowed(0.025));
  CHECK(rate("slope, any", "slope 0", gains, sweep_with(1.5, 0.005), kSupported, 0.025) <= allowed(0.025));
  CHECK(rate("equivalence within 1.2", "M = 1", tie(), sweep_with(1.0, 0.002), kSupported, 1) > 0.8);
  CHECK(rate("superiority by 1.2", "M = 1.5", better, sweep_with(1.5, 0.005), kSupported, 1) > 0.8);
}
