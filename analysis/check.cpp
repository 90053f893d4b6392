#include "analysis/check.h"

#include "analysis/frontier.h"
#include "analysis/loss_curve.h"
#include "analysis/tuned_settings.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

namespace aunet {
namespace {

constexpr size_t kMinBudgets = 3, kGoodBudgets = 5, kMinSizes = 3, kSurfaceCells = 7;
constexpr double kGoodDecades = 1.5;
constexpr double kEffortTolerance = 0.10;

std::string list_budgets(const std::vector<double>& budgets) {
  std::vector<std::string> words;
  for (const double budget : budgets) words.push_back(human_flops(budget));
  return join(words, ", ");
}

void check_budgets(const FamilyCells& family, std::vector<Finding>& findings) {
  const std::vector<double> budgets = family.budgets();
  if (budgets.size() < kMinBudgets) {
    findings.push_back(
        {"few_budgets", Severity::Error, family.name,
         fmt::format("{} finished budgets: no curve can be fitted below {}", budgets.size(), kMinBudgets),
         "finish or add budgets"});
    return;
  }
  const double decades = std::log10(budgets.back() / budgets.front());
  if (budgets.size() < kGoodBudgets || decades < kGoodDecades) {
    findings.push_back(
        {"narrow_budgets", Severity::Warning, family.name,
         fmt::format("{} budgets over {:.2f} decades: exponents are soft below {} budgets and {:g} decades",
                     budgets.size(), decades, kGoodBudgets, kGoodDecades),
         "add budgets at the ends"});
  }
  if (family.cells.size() < kSurfaceCells) {
    findings.push_back({"few_cells", Severity::Warning, family.name,
                        fmt::format("{} cells: L(N, D) has 5 parameters and needs at least {}",
                                    family.cells.size(), kSurfaceCells),
                        "add sizes"});
  }
}

void check_sizes(const FamilyCells& family, const SeedNoise& noise, std::vector<Finding>& findings) {
  std::vector<double> few, edge;
  size_t inside = 0;
  std::set<std::string> sides;
  for (const EnvelopePoint& point : envelope(family, noise)) {
    if (point.n_sizes < kMinSizes) few.push_back(point.budget);
    if (point.at_edge) {
      edge.push_back(point.budget);
      sides.insert(point.edge);
    } else {
      ++inside;
    }
  }
  if (!few.empty()) {
    findings.push_back(
        {"few_sizes", Severity::Warning, family.name,
         fmt::format("fewer than {} sizes at {} FLOPs: no minimum can be seen", kMinSizes, list_budgets(few)),
         "three sizes or more at every budget"});
  }
  if (!edge.empty()) {
    findings.push_back(
        {"edge_size", inside < kMinBudgets ? Severity::Error : Severity::Warning, family.name,
         fmt::format("the best size is the {} tried at {} FLOPs; {} budgets have it inside",
                     join({sides.begin(), sides.end()}, " or the "), list_budgets(edge), inside),
         "add sizes beyond that edge"});
  }
}

/// How well the curve without its largest budget foresees it, against the noise.
void check_curve(const FamilyCells& family, const SeedNoise& noise, std::vector<Finding>& findings) {
  std::vector<CurvePointXY> points;
  for (const EnvelopePoint& point : envelope(family, noise)) {
    points.push_back({.flops = point.best->flops_useful, .loss = point.best->loss_bpb, .weight = 1});
  }
  if (points.size() < kMinBudgets) return;
  const CurveFit whole = fit_curve(points);
  if (!whole.refusal.empty()) {
    findings.push_back({"no_trend", Severity::Error, family.name, whole.refusal,
                        "budgets further apart; look at the training curves"});
    return;
  }
  const CurvePointXY largest = points.back();
  points.pop_back();
  const CurveFit without = fit_curve(points, whole.floor ? CurveForm::Floor : CurveForm::Power);
  if (!without.refusal.empty()) return;
  const double error = without.curve.loss(largest.flops) / largest.loss - 1;
  const double bar = 3 * std::max(noise.sd, whole.residual_sd);
  if (std::abs(error) > bar) {
    findings.push_back(
        {"poor_foresight", Severity::Warning, family.name,
         fmt::format("the curve without the largest budget misses it by {:+.1f} % (3 x noise: {:.1f} %)",
                     100 * error, 100 * bar),
         "do not extrapolate from these budgets"});
  }
}

/// The best trial of a family and budget must have worse ones on both sides of every axis.
void check_edges(const std::vector<TuningTrial>& trials, const std::vector<std::string>& families,
                 std::vector<Finding>& findings) {
  static const std::map<std::string, std::pair<const char*, const char*>> kWords = {
      {"lr", {"edge_rate", "learning rate"}},
      {"batch", {"edge_batch", "batch in windows"}},
      {"weight_decay", {"edge_weight_decay", "weight decay"}},
      {"vocab", {"edge_vocab", "vocabulary"}},
      {"byte_width", {"edge_byte_width", "width of stage 1 over stage 2"}},
      {"split", {"edge_split", "split rule"}}};
  for (const TunedAxis& axis : tuned_axes(trials)) {
    if (axis.interior() || std::find(families.begin(), families.end(), axis.family) == families.end())
      continue;
    const auto& [name, word] = kWords.at(axis.axis);
    findings.push_back({name, Severity::Warning, axis.family,
                        fmt::format("the best {} at {} FLOPs, {}, is at an {}", word,
                                    human_flops(axis.budget_flops), axis.value, axis.verdict()),
                        "more trials beyond that edge (tune.max_trials)"});
  }
}

}  // namespace

std::string to_string(Severity severity) {
  return severity == Severity::Error ? "error" : severity == Severity::Warning ? "warning" : "info";
}

std::vector<Finding> check_tuning(const std::vector<TuningTrial>& trials,
                                  const std::vector<std::string>& families) {
  std::map<std::string, std::map<double, std::vector<const TuningTrial*>>> by_family;
  for (const TuningTrial& trial : trials) by_family[trial.family][trial.budget_flops].push_back(&trial);
  std::vector<Finding> findings;
  check_edges(trials, families, findings);
  double fewest = 1e300, most = 0, least_flops = 1e300, most_flops = 0;
  for (const std::string& family : families) {
    double n = 0, flops = 0;
    for (const auto& [_, list] : by_family[family]) {
      n += double(list.size());
      for (const TuningTrial* trial : list) flops += trial->flops_useful;
    }
    if (n == 0) {
      findings.push_back({"not_tuned", Severity::Warning, family,
                          "no tuning trials: rate and batch come from a law or by hand",
                          "[tune] axes = [\"lr\", \"batch\"]"});
    }
    fewest = std::min(fewest, n);
    most = std::max(most, n);
    least_flops = std::min(least_flops, flops);
    most_flops = std::max(most_flops, flops);
  }
  const bool unequal =
      most > fewest * (1 + kEffortTolerance) || most_flops > least_flops * (1 + kEffortTolerance);
  if (families.size() > 1 && most > 0 && unequal) {
    findings.push_back(
        {"unequal_tuning", Severity::Error, "",
         fmt::format(
             "tuning effort differs by more than {:.0f} %: {:.0f} to {:.0f} trials, {} to {} useful FLOPs",
             100 * kEffortTolerance, fewest, most, human_flops(least_flops), human_flops(most_flops)),
         "the same stopping rule and number of trials for every family"});
  }
  return findings;
}

std::vector<Finding> check_grid(const SweepCells& cells) {
  std::vector<Finding> findings;
  if (cells.families.empty()) {
    findings.push_back({"no_runs", Severity::Error, "", "no finished run may enter a fit",
                        "aunet sweep, then aunet ingest"});
  }
  for (const FamilyCells& family : cells.families) {
    check_budgets(family, findings);
    check_sizes(family, cells.noise, findings);
    check_curve(family, cells.noise, findings);
  }
  if (cells.noise.assumed && !cells.families.empty()) {
    findings.push_back({"noise_assumed", Severity::Warning, "",
                        "no cell has two seeds: seed noise is assumed, not measured",
                        "[replicates] seeds = 3"});
  }
  return findings;
}

std::vector<Finding> check_sweep(Db& db, const std::string& sweep) {
  const std::vector<FitInputRow> rows = fit_input(db, sweep);
  const SweepCells cells = group_cells(rows);
  std::set<std::string> families;
  for (const FitInputRow& input : rows) families.insert(input.row.family);
  std::vector<Finding> findings = check_runs(rows);
  for (const auto& part :
       {check_grid(cells), check_tuning(tuning_trials(db, sweep), {families.begin(), families.end()})}) {
    findings.insert(findings.end(), part.begin(), part.end());
  }
  if (const size_t stale = stale_journals(db).size(); stale > 0) {
    findings.push_back({"stale_database", Severity::Warning, "",
                        fmt::format("{} journals are newer than the database", stale), "aunet ingest RUNS"});
  }
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tuple(-int(a.severity), a.name, a.family) < std::tuple(-int(b.severity), b.name, b.family);
  });
  return findings;
}

int cmd_check(const Args& args) {
  namespace po = boost::program_options;
  std::string db_path, sweep;
  bool as_json = false;
  po::options_description options("options");
  options.add_options()("db", po::value(&db_path)->default_value("./sweep.db"), "database")(
      "sweep", po::value(&sweep), "needed when the database holds several")("json", po::bool_switch(&as_json),
                                                                            "one JSON value on stdout");
  po::variables_map values;
  if (!parse_command_line(args, "aunet-analyze check [--db F] [--sweep S] [--json]",
                          "aunet-analyze check --db sweep.db", options, {}, values))
    return 0;
  Db db = Db::open_read(db_path);
  const std::vector<Finding> findings = check_sweep(db, choose_sweep(db, sweep));
  const bool failed = !findings.empty() && findings.front().severity == Severity::Error;
  if (as_json) {
    nlohmann::json output = nlohmann::json::array();
    for (const Finding& finding : findings) {
      output.push_back({{"name", finding.name},
                        {"severity", to_string(finding.severity)},
                        {"family", finding.family},
                        {"message", finding.message},
                        {"cure", finding.cure}});
    }
    fmt::print("{}\n", output.dump(2));
  } else {
    for (const Finding& finding : findings) {
      fmt::print("{:<8} {}{}: {}\n         cure: {}\n", to_string(finding.severity), finding.name,
                 finding.family.empty() ? "" : " (" + finding.family + ")", finding.message, finding.cure);
    }
    const auto count = [&](Severity severity) {
      return std::count_if(findings.begin(), findings.end(),
                           [&](const Finding& finding) { return finding.severity == severity; });
    };
    fmt::print("{} errors, {} warnings, {} remarks\n", count(Severity::Error), count(Severity::Warning),
               count(Severity::Info));
  }
  return failed ? static_cast<int>(ExitCode::WorldFailed) : 0;
}

}  // namespace aunet
