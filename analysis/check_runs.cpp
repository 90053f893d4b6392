#include "analysis/check.h"

#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

namespace aunet {
namespace {

constexpr double kBudgetTolerance = 1e-3;  // DESIGN section 4: budgets are met within 0.1 %
constexpr double kFailureGap = 0.1;        // between families' failure rates
constexpr int64_t kFewSteps = 100;
constexpr double kWarmupBar = 0.1;

using Rows = std::vector<const FinalRow*>;

/// One finding a family for the rows that satisfy `bad`; the message is made from their number and one
/// example.
void per_family(const std::map<std::string, Rows>& families, std::vector<Finding>& findings,
                const std::string& name, Severity severity, const std::function<bool(const FinalRow&)>& bad,
                const std::function<std::string(size_t, const FinalRow&)>& message, const std::string& cure) {
  for (const auto& [family, rows] : families) {
    Rows caught;
    for (const FinalRow* row : rows) {
      if (bad(*row)) caught.push_back(row);
    }
    if (!caught.empty())
      findings.push_back({name, severity, family, message(caught.size(), *caught[0]), cure});
  }
}

/// Runs that were begun, those too that an override has replaced: mending a cell does not undo its failure.
std::map<std::string, Rows> begun_runs(const std::vector<FitInputRow>& inputs) {
  std::map<std::string, Rows> begun;
  for (const FitInputRow& input : inputs) {
    const bool planned_out =
        input.exclusion.starts_with("plan:") && !input.exclusion.starts_with("plan: superseded by ");
    if (!planned_out && !input.row.status.empty()) begun[input.row.family].push_back(&input.row);
  }
  return begun;
}

/// "3 of 24 runs failed (12 %): 2 nan, 1 oom; e.g. KEY": each family's own rate.
void check_failures(const std::map<std::string, Rows>& begun, std::vector<Finding>& findings) {
  double lowest = 1, highest = 0;
  for (const auto& [family, rows] : begun) {
    std::map<std::string, int64_t> causes;
    const FinalRow* example = nullptr;
    int64_t n_failed = 0;
    for (const FinalRow* row : rows) {
      if (row->status != "failed") continue;
      if (!example) example = row;
      ++n_failed;
      ++causes[row->cause.empty() ? "unknown cause" : row->cause];
    }
    const double rate = double(n_failed) / double(rows.size());
    lowest = std::min(lowest, rate);
    highest = std::max(highest, rate);
    if (n_failed == 0) continue;
    std::vector<std::string> words;
    for (const auto& [cause, n] : causes) words.push_back(fmt::format("{} {}", n, cause));
    findings.push_back(
        {"failed_runs", Severity::Warning, family,
         fmt::format("{} of {} runs failed ({:.0f} %): {}; e.g. {}", n_failed, rows.size(), 100 * rate,
                     join(words, ", "), example->key),
         "aunet why KEY; a diverged rate is a result, a crash is not: run `aunet sweep` again"});
  }
  if (highest - lowest > kFailureGap) {
    findings.push_back(
        {"unequal_failures", Severity::Warning, "",
         fmt::format("failure rates of the families differ by {:.0f} points", 100 * (highest - lowest)),
         "the surviving runs of the worse family are a selection; find the cause"});
  }
}

void check_status(const std::map<std::string, Rows>& families, std::vector<Finding>& findings) {
  per_family(
      families, findings, "unfinished_runs", Severity::Warning,
      [](const FinalRow& row) { return row.status != "done" && row.status != "failed"; },
      [](size_t n, const FinalRow& row) {
        return fmt::format("{} planned runs are not finished, e.g. {}", n, row.key);
      },
      "run `aunet sweep` again: it continues where it stopped");
}

void check_gates(const std::map<std::string, Rows>& families, std::vector<Finding>& findings) {
  const auto done = [](const FinalRow& row) { return row.status == "done"; };
  per_family(
      families, findings, "leaky_runs", Severity::Warning,
      [](const FinalRow& row) { return row.gate_verdict == "leak"; },
      [](size_t n, const FinalRow& row) {
        std::string bought;
        if (row.bpb_leaky && row.bpb_clean)
          bought = fmt::format("; there {:.4f} bits per byte with the leak's help, {:.4f} elsewhere",
                               *row.bpb_leaky, *row.bpb_clean);
        return fmt::format(
            "{} runs leak future bytes (rate {:.2g} in {}{}) and enter a fit only with --include-leaky", n,
            row.leak_rate.value_or(0), row.key, bought);
      },
      "use the causal split mode");
  per_family(
      families, findings, "gate_failed", Severity::Error,
      [](const FinalRow& row) { return row.gate_verdict == "fail"; },
      [](size_t n, const FinalRow& row) {
        return fmt::format("{} runs fail the causality gate, e.g. {}", n, row.key);
      },
      "the model sees the future: a bug, not a result");
  per_family(
      families, findings, "ungated_runs", Severity::Warning,
      [&](const FinalRow& row) { return done(row) && !row.gate_causal; },
      [](size_t n, const FinalRow&) { return fmt::format("{} finished runs have no causality verdict", n); },
      "train with gates.causal = \"pass\"");
}

void check_training(const std::map<std::string, Rows>& families, std::vector<Finding>& findings) {
  per_family(
      families, findings, "many_epochs", Severity::Warning,
      [](const FinalRow& row) { return row.repeated.value_or(false); },
      [](size_t n, const FinalRow& row) {
        return fmt::format(
            "{} runs read a training source {:.1f} times or so and enter a fit only with --include-repeated",
            n, row.epochs.value_or(0));
      },
      "more training text, or smaller budgets; above 4 epochs a byte is worth less (arXiv 2305.16264)");
  per_family(
      families, findings, "repeated_data", Severity::Warning,
      [](const FinalRow& row) { return row.epochs.value_or(0) > 1.001 && !row.repeated.value_or(false); },
      [](size_t n, const FinalRow& row) {
        return fmt::format("{} runs read their data more than once, e.g. {:.1f} epochs", n, *row.epochs);
      },
      "more training text");
  per_family(
      families, findings, "few_steps", Severity::Warning,
      [](const FinalRow& row) { return row.steps_planned && *row.steps_planned < kFewSteps; },
      [](size_t n, const FinalRow& row) {
        return fmt::format("{} runs have fewer than {} steps, e.g. {}", n, kFewSteps, *row.steps_planned);
      },
      "a smaller batch: the schedule is hardly one at so few steps");
  per_family(
      families, findings, "long_warmup", Severity::Warning,
      [](const FinalRow& row) { return row.warmup.value_or(0) > kWarmupBar + 1e-9; },
      [](size_t n, const FinalRow& row) {
        return fmt::format("{} runs warm up for {:.0f} % of their steps", n, 100 * *row.warmup);
      },
      "warm-up of at most 10 %: a long one bends the exponents (arXiv 2406.19146)");
  const auto miss = [](const FinalRow& row) {
    const auto spent = row.convention == "paper"      ? row.flops_paper
                       : row.convention == "executed" ? row.flops_executed
                                                      : row.flops_useful;
    return row.budget_flops && spent && row.status == "done" ? std::abs(*spent / *row.budget_flops - 1) : 0.0;
  };
  per_family(
      families, findings, "budget_missed", Severity::Error,
      [&](const FinalRow& row) { return miss(row) > kBudgetTolerance; },
      [&](size_t n, const FinalRow& row) {
        return fmt::format("{} runs miss their budget, e.g. {} by {:.2f} %", n, row.key, 100 * miss(row));
      },
      "these runs are not matched; plan again");
}

void check_sameness(const std::vector<FitInputRow>& rows, std::vector<Finding>& findings) {
  std::set<std::string> heldout, train, commits, schedules;
  std::set<int64_t> heldout_bytes, contexts;
  for (const FitInputRow& input : rows) {
    const FinalRow& row = input.row;
    if (row.status != "done") continue;
    if (!row.heldout_fingerprint.empty()) heldout.insert(row.heldout_fingerprint);
    if (!row.train_fingerprint.empty()) train.insert(row.train_fingerprint);
    if (!row.commit.empty()) commits.insert(row.commit);
    if (row.heldout_bytes) heldout_bytes.insert(*row.heldout_bytes);
    if (!row.schedule.empty()) schedules.insert(row.schedule);
    if (row.context_bytes) contexts.insert(*row.context_bytes);
  }
  if (heldout.size() > 1 || heldout_bytes.size() > 1) {
    findings.push_back({"unequal_evaluation", Severity::Error, "",
                        fmt::format("finished runs were scored on {} different held-out texts",
                                    std::max(heldout.size(), heldout_bytes.size())),
                        "evaluate every run on the same files"});
  }
  if (train.size() > 1) {
    findings.push_back({"unequal_data", Severity::Error, "",
                        fmt::format("finished runs trained on {} different corpora", train.size()),
                        "one sweep, one training corpus"});
  }
  if (contexts.size() > 1) {
    findings.push_back({"unequal_context", Severity::Warning, "",
                        fmt::format("finished runs have {} different contexts in bytes", contexts.size()),
                        "match the context in bytes"});
  }
  if (schedules.size() > 1) {
    findings.push_back(
        {"unequal_schedules", Severity::Warning, "",
         fmt::format("finished runs follow {} schedules: {}", schedules.size(),
                     join({schedules.begin(), schedules.end()}, ", ")),
         "one [schedule] for all families: a cosine and a decay branch do not end at the same loss"});
  }
  if (commits.size() > 1) {
    findings.push_back(
        {"mixed_code", Severity::Info, "", fmt::format("finished runs come from {} commits", commits.size()),
         "see v_provenance; `aunet train` a cell's run.toml into a new folder and compare the losses"});
  }
}

}  // namespace

std::vector<Finding> check_runs(const std::vector<FitInputRow>& rows) {
  std::map<std::string, Rows> families;
  for (const FitInputRow& input : rows) {
    if (!input.exclusion.starts_with("plan:")) families[input.row.family].push_back(&input.row);
  }
  std::vector<Finding> findings;
  check_failures(begun_runs(rows), findings);
  check_status(families, findings);
  check_gates(families, findings);
  check_training(families, findings);
  check_sameness(rows, findings);
  return findings;
}

}  // namespace aunet
