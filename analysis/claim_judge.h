// From a claim and the runs of its sweep to a verdict, by rules that were fixed before the runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/estimand.h"
#include "config/claim.h"

namespace aunet {

inline constexpr const char* kSupported = "supported";
inline constexpr const char* kContradicted = "contradicted";
inline constexpr const char* kUndetermined = "undetermined";
inline constexpr const char* kNotTestable = "not testable at this scale";

/// What is known of one sweep when its claims are judged.
struct ClaimData {
  bool known = false;  // the database has such a sweep
  std::string convention;
  std::vector<FitInputRow> rows;  // with the reasons of those that never enter
  std::vector<EvalRow> evals;
  std::vector<TuningEffort> effort;
  std::optional<RegisteredClaim> registered;
  std::vector<std::string> started;  // first attempt of every grid run, ISO 8601 UTC; "" unknown
};

struct TestVerdict {
  ClaimTest test;
  Measured measured;
  Interval interval;     // 95 %; valid with an estimate
  Interval interval_90;  // of the equivalence test
  double p_zero = 1;     // two-sided, of "the truth is 0"
  std::string verdict, why;
  std::optional<double> needs_flops;  // useful, beyond what was spent
  std::string needs;                  // the same in words, or the cure of a refusal
};

struct ClaimVerdict {
  ClaimSpec claim;
  std::string verdict, why;
  std::optional<double> needs_flops;  // the most any undecided test needs
  std::string needs;
  std::vector<std::string> marks;  // empty: the verdict may be quoted bare
  std::vector<TestVerdict> tests;
  std::optional<RegisteredClaim> registered;
  std::string inputs_hash;  // of the rows that entered
};

/// Applies a decision rule to an estimate. `n_tests` of the claim: the claim is contradicted when any test
/// is, so that interval is widened to 1 - 0.05 / n_tests (Bonferroni); supported needs all of them, which
/// needs no correction (intersection-union, Berger 1982).
///
/// equivalence   supported: two one-sided tests at 5 % put the truth within the margin of 0;
///               contradicted: the 95 % interval lies outside the margin on one side
/// superiority   supported: the 95 % interval lies above 0 and the estimate reaches the margin;
///               contradicted: the 95 % interval lies below the margin
std::string decide(const ClaimTest& test, const Estimate& estimate, int64_t n_tests);

/// The useful FLOPs beyond those spent at which an undecided test would be decided, were the estimate the
/// truth. Intervals shrink with 1 / sqrt(seeds of the same grid); that of a slope also with the spread of
/// ln C as budgets are added above at the grid's ratio; the cheaper way counts. nullopt: neither does within
/// 1000 seeds or 20 budgets.
struct Need {
  std::optional<double> flops;
  std::string words;
};
Need needed(const TestVerdict& test);

/// The verdict. In this order: the claim's own word that it is not testable; no such sweep; fewer budgets,
/// less compute or a shorter range than [scale] asks for; tuning efforts of its families more than 10 % apart
/// (undetermined: tuning effort passes for a difference); what the estimand refuses; the decision rule. Runs
/// that failed, leak, repeat data more than 4 times or fall under `exclude` never enter.
ClaimVerdict judge(const ClaimSpec& claim, const ClaimData& data, const MeasureOptions& options);

}  // namespace aunet
