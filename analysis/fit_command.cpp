#include "analysis/fit_command.h"

#include "analysis/cells.h"
#include "analysis/csv.h"
#include "analysis/frontier.h"
#include "core/error.h"
#include "core/text.h"
#include "db/queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace aunet {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

struct FitRequest {
  std::string csv, n, d, flops, loss, stratum, cluster, db, sweep, family, form;
  double huber = 1e-3;
  int64_t drop_highest = 0, bootstrap = 0;
  uint64_t seed = 0;
  bool as_json = false, include_leaky = false, include_repeated = false;
};

struct FitResult {
  std::string name;
  ChinchillaFit fit;
  std::optional<FitBootstrap> bootstrap;
  std::vector<std::string> warnings;
};

po::options_description fit_options(FitRequest& request) {
  po::options_description options("options");
  options.add_options()("csv", po::value(&request.csv),
                        "table of runs; without it the families of --db are fitted")(
      "n", po::value(&request.n), "column of the model size")("d", po::value(&request.d),
                                                              "column of the training data")(
      "flops", po::value(&request.flops), "column of training FLOPs: without --d, D = FLOPs / (6 N)")(
      "loss", po::value(&request.loss), "column of the loss")(
      "form", po::value(&request.form)->default_value("chinchilla"),
      "chinchilla: E + A / N^alpha + B / D^beta")("huber",
                                                  po::value(&request.huber)->default_value(1e-3, "1e-3"),
                                                  "delta of the Huber loss on log residuals")(
      "drop-highest", po::value(&request.drop_highest)->default_value(0), "leave out the K highest losses")(
      "bootstrap", po::value(&request.bootstrap)->default_value(0),
      "replicates for the 95 % intervals; each restarts the whole search")(
      "stratum", po::value(&request.stratum), "column (a budget): replicates redraw rows within its values")(
      "cluster", po::value(&request.cluster), "column (a run): replicates draw its rows together")(
      "seed", po::value(&request.seed)->default_value(0), "of the bootstrap")(
      "db", po::value(&request.db)->default_value("./sweep.db"), "database, when there is no --csv")(
      "sweep", po::value(&request.sweep), "sweep in the database; needed when it holds several")(
      "family", po::value(&request.family), "one family only")(
      "include-leaky", po::bool_switch(&request.include_leaky), "also runs whose causality gate said leak")(
      "include-repeated", po::bool_switch(&request.include_repeated),
      "also runs that read a training source more than 4 times")("json", po::bool_switch(&request.as_json),
                                                                 "one JSON value on stdout");
  return options;
}

void check_request(const FitRequest& request) {
  if (request.form != "chinchilla")
    throw ConfigError(fmt::format("--form: expected chinchilla, got '{}'", request.form));
  if (!(request.huber > 0) || !std::isfinite(request.huber))
    throw ConfigError(fmt::format("--huber: expected a number above 0, got {}", request.huber));
  if (request.drop_highest < 0)
    throw ConfigError(fmt::format("--drop-highest: expected 0 or more, got {}", request.drop_highest));
  if (request.bootstrap < 0 || request.bootstrap > 1000000)
    throw ConfigError(fmt::format("--bootstrap: expected 0 to 1000000, got {}", request.bootstrap));
  if (request.csv.empty()) return;
  if (request.n.empty() || request.loss.empty())
    throw ConfigError("fit --csv: expected --n and --loss with column names");
  if (request.d.empty() && request.flops.empty())
    throw ConfigError("fit --csv: expected --d or --flops with a column name");
}

/// Row labels -> small numbers in order of appearance.
int64_t number_of(std::map<std::string, int64_t>& numbers, const std::string& label) {
  return numbers.try_emplace(label, int64_t(numbers.size())).first->second;
}

std::vector<LossPoint> points_from_csv(const FitRequest& request, std::vector<std::string>& warnings) {
  const CsvTable table = read_csv(request.csv);
  const auto place = [&](const std::string& name) {
    return name.empty() ? std::optional<size_t>() : table.column(name);
  };
  const size_t n_column = table.column(request.n), loss_column = table.column(request.loss);
  const auto d_column = place(request.d), flops_column = place(request.flops),
             stratum = place(request.stratum), cluster = place(request.cluster);
  std::vector<LossPoint> points;
  std::map<std::string, int64_t> strata, clusters;
  std::set<std::tuple<double, double, double>> seen;
  int64_t n_empty = 0, n_repeated = 0;
  double worst_6nd = 0;
  for (size_t i = 0; i < table.rows.size(); ++i) {
    const auto n = table.positive(i, n_column), loss = table.positive(i, loss_column);
    const auto flops = table.positive(i, flops_column);
    std::optional<double> d = table.positive(i, d_column);
    if (!d_column && n && flops) d = *flops / (6 * *n);
    if (!n || !loss || !d) {
      ++n_empty;
      continue;
    }
    if (d_column && flops) worst_6nd = std::max(worst_6nd, std::abs(6 * *n * *d / *flops - 1));
    n_repeated += !seen.insert({*n, *d, *loss}).second;
    points.push_back({.n = *n,
                      .d = *d,
                      .loss = *loss,
                      .weight = 1,
                      .stratum = stratum ? number_of(strata, table.rows[i][*stratum]) : 0,
                      .cluster = cluster ? number_of(clusters, table.rows[i][*cluster]) : int64_t(i)});
  }
  if (n_empty > 0)
    warnings.push_back(fmt::format("{} rows left out: an empty cell in a column of the fit", n_empty));
  if (n_repeated > 0)
    warnings.push_back(
        fmt::format("{} rows repeat another row exactly; they count as often as they occur", n_repeated));
  if (worst_6nd > 0.05)
    warnings.push_back(
        fmt::format("6 N D differs from the FLOPs column by up to {:.0f} %: a frontier that assumes C = 6 N "
                    "D would be off",
                    100 * worst_6nd));
  return points;
}

void drop_highest(std::vector<LossPoint>& points, int64_t k, std::vector<std::string>& warnings) {
  if (k == 0) return;
  std::stable_sort(points.begin(), points.end(),
                   [](const LossPoint& a, const LossPoint& b) { return a.loss < b.loss; });
  const size_t keep = points.size() - std::min(points.size(), size_t(k));
  warnings.push_back(
      fmt::format("{} rows with the highest losses left out on request", points.size() - keep));
  points.resize(keep);
}

FitResult run_fit(const std::string& name, std::vector<LossPoint> points, const FitRequest& request,
                  std::vector<std::string> warnings) {
  FitResult result;
  result.name = name;
  drop_highest(points, request.drop_highest, warnings);
  const FitOptions options{.huber_delta = request.huber};
  result.fit = fit_chinchilla(points, options);
  if (request.bootstrap > 0 && result.fit.certificate.converged) {
    result.bootstrap = bootstrap_chinchilla(points, request.bootstrap, request.seed, options);
  }
  result.warnings = std::move(warnings);
  for (std::string& warning : fit_warnings(result.fit, result.bootstrap ? &*result.bootstrap : nullptr)) {
    result.warnings.push_back(std::move(warning));
  }
  return result;
}

void print_fit(const FitResult& result, const FitRequest& request) {
  const ChinchillaFit& fit = result.fit;
  const Certificate& certificate = fit.certificate;
  if (!result.name.empty()) fmt::print("{}\n", result.name);
  if (!certificate.converged) {
    fmt::print("NOT CONVERGED, {} points: {}\n", fit.n_points, certificate.reason);
  } else {
    fmt::print("L(N, D) = E + A / N^alpha + B / D^beta, {} points, Huber delta {:g} on log residuals\n",
               fit.n_points, request.huber);
    const std::vector<std::pair<const char*, double>> values = {
        {"E", fit.params.E},       {"A", fit.params.A},
        {"B", fit.params.B},       {"alpha", fit.params.alpha},
        {"beta", fit.params.beta}, {"a", fit.params.beta / (fit.params.alpha + fit.params.beta)}};
    for (const auto& [name, value] : values) {
      fmt::print("  {:<6} {:.17g}", name, value);
      if (result.bootstrap && result.bootstrap->intervals.contains(name)) {
        const Interval& interval = result.bootstrap->intervals.at(name);
        fmt::print("   95 % [{:.5g}, {:.5g}]", interval.low, interval.high);
      }
      fmt::print("\n");
    }
    fmt::print("  objective {:.10g}, rms of log residuals {:.4g}\n", fit.objective, fit.rmse_log);
    fmt::print(
        "CONVERGED: newton decrement {:.1e}, hessian condition {:.1e}, basins {}{}, second solver off by "
        "{:.1e} of the objective\n",
        certificate.newton_decrement, certificate.hessian_condition, certificate.basins,
        certificate.runner_up_gap ? fmt::format(" (runner-up +{:.2g} %)", 100 * *certificate.runner_up_gap)
                                  : "",
        certificate.second_solver_gap.value_or(0));
  }
  for (const std::string& warning : result.warnings) fmt::print("warning: {}\n", warning);
}

std::vector<FitResult> fit_database(const FitRequest& request) {
  Db db = open_for_analysis(request.db);
  const SweepCells cells =
      load_cells(db, choose_sweep(db, request.sweep), request.include_leaky, request.include_repeated);
  if (!request.family.empty()) cells.family(request.family);
  std::vector<FitResult> results;
  for (const FamilyCells& family : cells.families) {
    if (!request.family.empty() && family.name != request.family) continue;
    results.push_back(run_fit(family.name, surface_points(family), request, {}));
  }
  return results;
}

json number_or_null(double value) { return std::isfinite(value) ? json(value) : json(); }

}  // namespace

std::vector<std::string> fit_warnings(const ChinchillaFit& fit, const FitBootstrap* bootstrap) {
  std::vector<std::string> warnings;
  const Certificate& certificate = fit.certificate;
  if (!certificate.converged) return warnings;
  if (std::find(certificate.bounds_hit.begin(), certificate.bounds_hit.end(), "E") !=
      certificate.bounds_hit.end()) {
    warnings.push_back("E is 0, its bound: the irreducible loss is not identified");
  }
  if (certificate.runner_up_gap && *certificate.runner_up_gap < 0.01) {
    warnings.push_back(
        fmt::format("a second basin is only {:.2g} % worse", 100 * *certificate.runner_up_gap));
  }
  if (bootstrap == nullptr) return warnings;
  if (bootstrap->refused > 0) {
    warnings.push_back(fmt::format("{} of {} bootstrap replicates did not converge{}", bootstrap->refused,
                                   bootstrap->replicates,
                                   bootstrap->intervals.empty() ? ": no intervals" : " and are left out"));
  }
  const auto E = bootstrap->intervals.find("E");
  if (E != bootstrap->intervals.end() && E->second.high - E->second.low > 0.5 * fit.params.E) {
    warnings.push_back(fmt::format("the interval of E is wide, [{:.3g}, {:.3g}]: do not extrapolate",
                                   E->second.low, E->second.high));
  }
  return warnings;
}

json fit_to_json(const ChinchillaFit& fit, const FitBootstrap* bootstrap,
                 const std::vector<std::string>& warnings) {
  const Certificate& c = fit.certificate;
  const auto params_json = [](const ChinchillaParams& p) {
    return json{{"A", p.A}, {"B", p.B}, {"E", p.E}, {"alpha", p.alpha}, {"beta", p.beta}};
  };
  const bool fitted = fit.params.alpha > 0;  // refused before the fit: there are no parameters
  json ci = json::object();
  for (const char* name : {"A", "B", "E", "alpha", "beta", "a", "b"}) {
    ci[name] = nullptr;
    if (bootstrap == nullptr || !bootstrap->intervals.contains(name)) continue;
    const Interval& interval = bootstrap->intervals.at(name);
    ci[name] = json::array({interval.low, interval.high});
  }
  json certificate{{"converged", c.converged}, {"reason", c.reason}};
  if (fitted) {
    certificate["newton_decrement"] = number_or_null(c.newton_decrement);
    certificate["hessian_condition"] = number_or_null(c.hessian_condition);
    certificate["bounds_hit"] = c.bounds_hit;
    certificate["basins"] = c.basins;
    certificate["runner_up_gap"] = c.runner_up_gap ? number_or_null(*c.runner_up_gap) : json();
    certificate["runner_up"] = c.runner_up ? params_json(*c.runner_up) : json();
    certificate["second_solver_gap"] = c.second_solver_gap ? number_or_null(*c.second_solver_gap) : json();
    certificate["second_solver_distance"] =
        c.second_solver_distance ? number_or_null(*c.second_solver_distance) : json();
  }
  json result{{"form", "chinchilla"},
              {"params", fitted ? params_json(fit.params) : json()},
              {"objective", fitted ? number_or_null(fit.objective) : json()},
              {"n", fit.n_points},
              {"ci95", ci},
              {"certificate", certificate},
              {"warnings", warnings}};
  if (fitted) {
    const double a = fit.params.beta / (fit.params.alpha + fit.params.beta);
    result["exponents"] = {{"a", a}, {"b", 1 - a}};
    result["rmse_log"] = number_or_null(fit.rmse_log);
  }
  if (bootstrap != nullptr) {
    result["bootstrap"] = {{"replicates", bootstrap->replicates},
                           {"refused", bootstrap->refused},
                           {"standard_errors", bootstrap->standard_errors}};
  }
  return result;
}

int cmd_fit(const Args& args) {
  FitRequest request;
  po::options_description options = fit_options(request);
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet-analyze fit --csv F --n COL (--d COL | --flops COL) --loss COL [options]\n"
          "       aunet-analyze fit [--db F] [--sweep S] [--family X] [options]",
          "aunet-analyze fit --csv runs.csv --n params --d tokens --loss loss --bootstrap 4000 --json",
          options, {}, values)) {
    return 0;
  }
  check_request(request);
  std::vector<FitResult> results;
  if (request.csv.empty()) {
    results = fit_database(request);
  } else {
    std::vector<std::string> warnings;
    std::vector<LossPoint> points = points_from_csv(request, warnings);
    results.push_back(run_fit("", std::move(points), request, std::move(warnings)));
  }
  if (!request.as_json) {
    for (const FitResult& result : results) print_fit(result, request);
    return 0;
  }
  json output = json::array();
  for (const FitResult& result : results) {
    output.push_back(
        fit_to_json(result.fit, result.bootstrap ? &*result.bootstrap : nullptr, result.warnings));
    if (!result.name.empty()) output.back()["family"] = result.name;
  }
  fmt::print("{}\n", (request.csv.empty() ? output : output[0]).dump(2));
  return 0;
}

}  // namespace aunet
