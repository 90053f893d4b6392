#include "analysis/check.h"
#include "synthetic_sweep.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>

using namespace aunet;

namespace {

std::vector<FitInputRow> rows_of(const SyntheticSweep& sweep) {
  RandomStream stream(0, "check test");
  return synthetic_rows(sweep, stream);
}

SyntheticSweep good_sweep() {
  SyntheticSweep sweep;
  sweep.families = families_with_multiplier(1.3);
  return sweep;
}

const Finding* find(const std::vector<Finding>& findings, const std::string& name,
                    const std::string& family = "") {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.name == name && (family.empty() || finding.family == family);
  });
  return found == findings.end() ? nullptr : &*found;
}

TuningTrial trial(const char* family, double lr, double batch, double loss, double flops = 1e11) {
  TuningTrial one;
  one.family = family;
  one.status = "done";
  one.budget_flops = 1e11;
  one.lr = lr;
  one.batch_windows = int64_t(batch) / 256;
  one.loss_bpb = loss;
  one.flops_useful = flops;
  return one;
}

}  // namespace

TEST_CASE("a sound sweep has no findings", "[check]") {
  CHECK(check_runs(rows_of(good_sweep())).empty());
  CHECK(check_grid(group_cells(rows_of(good_sweep()))).empty());
}

TEST_CASE("every fault of a run is found by its name", "[check]") {
  struct Fault {
    const char* name;
    Severity severity;
    void (*plant)(FitInputRow&);
  };
  const std::vector<Fault> faults = {
      {"failed_runs", Severity::Warning,
       [](FitInputRow& r) {
         r.row.status = "failed";
         r.row.cause = "nan";
         r.exclusion = "failed: nan";
       }},
      {"unfinished_runs", Severity::Warning,
       [](FitInputRow& r) {
         r.row.status = "";
         r.exclusion = "not started";
       }},
      {"leaky_runs", Severity::Warning,
       [](FitInputRow& r) {
         r.row.gate_verdict = "leak";
         r.row.gate_causal = false;
       }},
      {"gate_failed", Severity::Error,
       [](FitInputRow& r) {
         r.row.gate_verdict = "fail";
         r.row.gate_causal = false;
       }},
      {"ungated_runs", Severity::Warning, [](FitInputRow& r) { r.row.gate_causal.reset(); }},
      {"many_epochs", Severity::Warning,
       [](FitInputRow& r) {
         r.row.epochs = 4.5;
         r.row.repeated = true;
       }},
      {"repeated_data", Severity::Warning, [](FitInputRow& r) { r.row.epochs = 2; }},
      {"few_steps", Severity::Warning, [](FitInputRow& r) { r.row.steps_planned = 40; }},
      {"long_warmup", Severity::Warning, [](FitInputRow& r) { r.row.warmup = 0.3; }},
      {"budget_missed", Severity::Error, [](FitInputRow& r) { *r.row.flops_useful *= 1.01; }},
      {"unequal_evaluation", Severity::Error, [](FitInputRow& r) { r.row.heldout_bytes = 1; }},
      {"unequal_data", Severity::Error, [](FitInputRow& r) { r.row.train_fingerprint = "other"; }},
      {"unequal_context", Severity::Warning, [](FitInputRow& r) { r.row.context_bytes = 64; }},
      {"mixed_code", Severity::Info, [](FitInputRow& r) { r.row.commit = "other"; }},
  };
  for (const Fault& fault : faults) {
    std::vector<FitInputRow> rows = rows_of(good_sweep());
    for (FitInputRow& input : rows) {
      input.row.train_fingerprint = "text";
      input.row.commit = "c0ffee";
      input.row.context_bytes = 512;
    }
    fault.plant(rows[5]);
    const std::vector<Finding> findings = check_runs(rows);
    INFO(fault.name);
    REQUIRE(findings.size() == 1);
    CHECK(findings[0].name == fault.name);
    CHECK(findings[0].severity == fault.severity);
    CHECK_FALSE(findings[0].cure.empty());
  }
}

TEST_CASE("failure rates that differ between families are found", "[check]") {
  std::vector<FitInputRow> rows = rows_of(good_sweep());
  for (size_t i = 0; i < 6; ++i) rows[i].row.status = "failed";
  CHECK(find(check_runs(rows), "unequal_failures") != nullptr);
}

TEST_CASE("a family's failure rate names its causes and counts what an override replaced", "[check]") {
  std::vector<FitInputRow> rows = rows_of(good_sweep());
  std::vector<FitInputRow*> family;
  for (FitInputRow& input : rows)
    if (input.row.family == rows[0].row.family) family.push_back(&input);
  REQUIRE(family.size() >= 4);
  for (size_t i : {0, 1, 2}) {
    family[i]->row.status = "failed";
    family[i]->row.cause = i == 2 ? "oom" : "nan";
    family[i]->exclusion = "failed: " + family[i]->row.cause;
  }
  family[1]->exclusion = "plan: superseded by 0123456789abcdef: it diverged";
  family[3]->exclusion = "plan: more than four epochs";
  const auto findings = check_runs(rows);
  const Finding* found = find(findings, "failed_runs");
  REQUIRE(found != nullptr);
  const size_t n = family.size() - 1;
  CHECK(found->message == fmt::format("3 of {} runs failed ({:.0f} %): 2 nan, 1 oom; e.g. {}", n,
                                      300.0 / double(n), family[0]->row.key));
}

TEST_CASE("a grid too small or off the optimum is found", "[check]") {
  SyntheticSweep sweep = good_sweep();
  SECTION("two budgets") {
    sweep.budgets = {1e11, 1e12};
    CHECK(find(check_grid(group_cells(rows_of(sweep))), "few_budgets")->severity == Severity::Error);
  }
  SECTION("three budgets close together") {
    sweep.budgets = {1e11, 2e11, 4e11};
    CHECK(find(check_grid(group_cells(rows_of(sweep))), "narrow_budgets")->severity == Severity::Warning);
  }
  SECTION("two sizes") {
    sweep.sizes = 2;
    CHECK(find(check_grid(group_cells(rows_of(sweep))), "few_sizes") != nullptr);
  }
  SECTION("sizes far above the optimum") {
    sweep.centre_shift = 12;
    const std::vector<Finding> findings = check_grid(group_cells(rows_of(sweep)));
    CHECK(find(findings, "edge_size", "bpe")->severity == Severity::Error);
    CHECK(find(findings, "edge_size", "bpe")
              ->message.starts_with("the best size is the smallest tried at 1e11, 2.6e11"));
  }
  SECTION("one seed") {
    sweep.seeds_at_ends = 1;
    CHECK(find(check_grid(group_cells(rows_of(sweep))), "noise_assumed") != nullptr);
  }
  SECTION("nothing finished") {
    CHECK(find(check_grid(group_cells({})), "no_runs")->severity == Severity::Error);
  }
  SECTION("a broken largest budget") {
    std::vector<FitInputRow> rows = rows_of(sweep);
    for (FitInputRow& input : rows) {
      if (input.row.family == "bpe" && input.row.budget_flops == 4.7e12) *input.row.loss_bpb *= 1.08;
    }
    CHECK(find(check_grid(group_cells(rows)), "poor_foresight", "bpe") != nullptr);
  }
}

TEST_CASE("a rate or batch whose best trial is at the edge is found", "[check]") {
  const std::vector<TuningTrial> trials = {trial("bpe", 0.01, 1024, 2.7), trial("bpe", 0.02, 1024, 2.6),
                                           trial("bpe", 0.04, 1024, 2.5), trial("bpe", 0.04, 512, 2.6),
                                           trial("bpe", 0.04, 2048, 2.6)};
  const std::vector<Finding> findings = check_tuning(trials, {"bpe"});
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].name == "edge_rate");
  CHECK(findings[0].message == "the best learning rate at 1e11 FLOPs, 0.04, is at an edge: nothing above");
}

TEST_CASE("unequal or missing tuning is found, and ten per cent is allowed", "[check]") {
  std::vector<TuningTrial> trials;
  for (int i = 0; i < 10; ++i) {
    trials.push_back(trial("a", 0.01 * (1 + i), 256, 2 + (i - 4) * (i - 4)));
    trials.push_back(trial("b", 0.01 * (1 + i), 256, 2 + (i - 4) * (i - 4)));
  }
  CHECK(check_tuning(trials, {"a", "b"}).empty());
  trials.push_back(trial("b", 0.2, 256, 90));
  CHECK(check_tuning(trials, {"a", "b"}).empty());
  trials.push_back(trial("b", 0.3, 256, 90));
  CHECK(find(check_tuning(trials, {"a", "b"}), "unequal_tuning")->severity == Severity::Error);
  CHECK(find(check_tuning(trials, {"a", "b", "c"}), "not_tuned", "c") != nullptr);
}
