#include "analysis/report.h"

#include "analysis/check.h"
#include "analysis/checklist.h"
#include "analysis/claims_command.h"
#include "analysis/figures.h"
#include "analysis/sweep_tables.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

namespace aunet {
namespace {

const char* const kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; border-bottom: 1px solid #ddd; }
.verdict { background: #f3f6f9; border-left: 4px solid #0072B2; padding: .7rem 1rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; margin: .8rem 0; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #e4e4e4; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #999; } .n { text-align: right; font-variant-numeric: tabular-nums; }
.note, figcaption { color: #555; font-size: 13px; } figure { margin: 1.2rem 0; } svg { max-width: 100%; height: auto; }
.error { color: #b00020; font-weight: 600; } .warning { color: #8a5a00; font-weight: 600; } .info { color: #555; }
</style>
)";

class Page {
 public:
  Page(std::string directory, const std::string& title)
      : directory_(std::move(directory)), figures_(have_gnuplot()) {
    html_ = kHead + fmt::format("<title>{0}</title></head><body>\n<h1>{0}</h1>\n", escape_html(title));
    if (!figures_) log_warn("gnuplot is not on PATH: the report has no figures (install gnuplot-nox)");
  }

  void heading(const std::string& text) { html_ += "<h2>" + escape_html(text) + "</h2>\n"; }
  void paragraph(const std::string& text, const char* style = "") {
    html_ += fmt::format("<p class=\"{}\">{}</p>\n", style, escape_html(text));
  }

  /// Into the page, and as DIR/tables/NAME.csv.
  void table(const TextTable& table, const std::string& name) {
    html_ += "<div class=\"scroll\">" + write_table(table, TableFormat::Html) + "</div>\n";
    write_file_atomic(directory_ + "/tables/" + name + ".csv", write_table(table, TableFormat::Csv));
  }

  void figure(const Figure& figure) {
    if (figure.script.empty()) return;
    const std::string stem = directory_ + "/figures/" + figure.name;
    write_file_atomic(stem + ".gp", figure.script);
    if (!figures_) {
      paragraph("Figure '" + figure.name + "' is missing: gnuplot was not found.", "note");
      return;
    }
    const std::string svg = render_svg(figure);
    write_file_atomic(stem + ".svg", svg);
    const size_t start = svg.find("<svg");  // the XML declaration may not stand inside HTML
    require(start != std::string::npos, "report: gnuplot wrote no <svg>");
    html_ += "<figure>\n" + svg.substr(start) + "<figcaption>" + escape_html(figure.caption) +
             "</figcaption></figure>\n";
  }

  void findings(const std::vector<Finding>& findings) {
    if (findings.empty()) paragraph("Nothing found.");
    html_ += "<ul>\n";
    for (const Finding& finding : findings) {
      const std::string severity = to_string(finding.severity);
      html_ += fmt::format(
          "<li><span class=\"{0}\">{0}</span> <b>{1}</b>{2}: {3}. <span class=\"note\">Cure: "
          "{4}.</span></li>\n",
          severity, escape_html(finding.name),
          finding.family.empty() ? "" : " (" + escape_html(finding.family) + ")",
          escape_html(finding.message), escape_html(finding.cure));
    }
    html_ += "</ul>\n";
  }

  std::string finish() {
    const std::string path = directory_ + "/report.html";
    write_file_atomic(path, html_ + "</body></html>\n");
    return path;
  }

 private:
  std::string directory_;
  bool figures_;
  std::string html_;
};

std::string list(const std::set<std::string>& values) {
  return values.empty() ? "not recorded" : join({values.begin(), values.end()}, ", ");
}

TextTable provenance_table(const std::vector<FitInputRow>& rows) {
  std::set<std::string> commits, devices, train, heldout, tokenizers;
  for (const FitInputRow& input : rows) {
    const auto add = [](std::set<std::string>& set, const std::string& value) {
      if (!value.empty()) set.insert(value);
    };
    add(commits, input.row.commit);
    add(devices, input.row.device);
    add(train, input.row.train_fingerprint);
    add(heldout, input.row.heldout_fingerprint);
    add(tokenizers, input.row.tokenizer_fingerprint);
  }
  TextTable table;
  table.title = "Where the numbers come from";
  table.columns = {"what", "value"};
  table.rows = {{"code (commits of the runs)", list(commits)},
                {"devices", list(devices)},
                {"training text (fingerprint)", list(train)},
                {"held-out text (fingerprint)", list(heldout)},
                {"tokenizers (fingerprint)", list(tokenizers)}};
  table.note =
      "Each run's attempts, host, command and full configuration: aunet-analyze sql \"select * from "
      "v_provenance\".";
  return table;
}

void add_comparison(Page& page, const SweepCells& cells, const Conclusion& conclusion) {
  if (conclusion.main.refusal.empty()) page.figure(multiplier_figure(cells, conclusion));
  if (!conclusion.main.points.empty()) page.table(multiplier_table(conclusion), "multiplier");
  page.table(costs_table(conclusion), "multiplier_by_cost");
  page.table(conclusion.unmatched, "unmatched");
  for (const std::string& line : conclusion.pareto) page.paragraph(line);
  page.table(effort_table(conclusion), "tuning_effort");
  page.table(tuned_table(conclusion.tuned), "tuned_settings");
  for (const std::string& warning : all_warnings(conclusion)) page.paragraph(warning, "note");
}

TextTable surfaces_table(const Conclusion& conclusion) {
  TextTable table;
  table.title = "Surfaces L(N, D) = E + A / N^alpha + B / D^beta";
  table.columns = {"family", "E", "A", "B", "alpha", "beta", "points", "rms log residual", "certificate"};
  for (const auto& [name, fit] : {std::pair{conclusion.family_a, &conclusion.surface.a},
                                  {conclusion.family_b, &conclusion.surface.b}}) {
    const ChinchillaParams& p = fit->params;
    const auto shown = [&](double value) {
      return fit->certificate.converged ? fmt::format("{:.5g}", value) : "";
    };
    table.rows.push_back({name, shown(p.E), shown(p.A), shown(p.B), shown(p.alpha), shown(p.beta),
                          std::to_string(fit->n_points), shown(fit->rmse_log),
                          fit->certificate.converged ? "converged"
                          : fit->n_points == 0       ? "not fitted"
                                                     : "not converged: " + fit->certificate.reason});
  }
  table.note = "N = useful FLOPs / (6 D), D = text bytes, Huber delta 1e-3 on log residuals.";
  return table;
}

/// The comparison, when the sweep has two families or the user named them.
std::optional<Conclusion> comparison_of(Db& db, const SweepCells& cells, const ReportOptions& options) {
  const bool named = !options.comparison.family_a.empty() || !options.comparison.family_b.empty();
  if (!named && cells.families.size() != 2) return std::nullopt;
  return conclude(db, cells, options.comparison);
}

}  // namespace

std::string write_report(Db& db, const std::string& sweep, const std::string& directory,
                         const ReportOptions& options) {
  const SweepCells cells = load_cells(db, sweep, options.include_leaky, options.include_repeated);
  const std::vector<FitInputRow> rows = fit_input(db, sweep, options.include_leaky, options.include_repeated);
  const std::optional<Conclusion> conclusion = comparison_of(db, cells, options);
  make_directories(directory + "/figures");
  make_directories(directory + "/tables");
  Page page(directory, "Sweep " + sweep);
  page.paragraph(conclusion
                     ? summary(*conclusion)
                     : fmt::format("{} families have finished runs: no pair to compare was named (--a, --b).",
                                   cells.families.size()),
                 "verdict");
  if (const std::string conflict = conclusion ? sign_warning(*conclusion) : ""; !conflict.empty())
    page.paragraph("Warning: " + conflict + ".", "verdict");
  page.heading("Loss against compute");
  if (!cells.families.empty()) page.figure(loss_figure(cells));
  if (conclusion) {
    page.heading("The comparison");
    add_comparison(page, cells, *conclusion);
  }
  page.heading("Pareto views");
  for (const Against against : {Against::Inference, Against::Params}) {
    const ParetoView view = pareto_view(cells, against);
    page.paragraph(pareto_summary(view));
    if (!view.refusal.empty()) continue;
    page.figure(pareto_figure(cells, view));
    page.table(pareto_table(view), "pareto_" + to_string(against));
  }
  const MeasureOptions measure{options.comparison.replicates, options.comparison.seed};
  if (const auto claims = registered_specs(db, sweep); !claims.empty()) {
    page.heading("Claims");
    page.table(claims_table(judge_all(db, claims, measure)), "claims");
  }
  page.heading("What may be wrong");
  page.findings(check_sweep(db, sweep));
  page.heading("Sizes at equal budgets");
  for (size_t f = 0; f < cells.families.size(); ++f) page.figure(isoflop_figure(cells, f));
  if (conclusion && conclusion->surface.a.n_points > 0) page.table(surfaces_table(*conclusion), "surfaces");
  page.heading("Training");
  page.figure(training_figure(db, cells));
  page.heading("Runs");
  page.table(scaling_table(rows), "scaling");
  if (!conclusion) page.table(tuned_table(tuned_settings(db, sweep)), "tuned_settings");
  page.table(tuning_table(tuning_trials(db, sweep)), "tuning");
  page.heading("Checklist and provenance");
  page.table(misfitting_checklist(cells, conclusion ? &*conclusion : nullptr), "checklist");
  page.table(provenance_table(rows), "provenance");
  return page.finish();
}

int cmd_report(const Args& args) {
  namespace po = boost::program_options;
  std::string db_path, sweep, directory;
  bool as_json = false;
  ReportOptions request;
  po::options_description options("options");
  options.add_options()("output,o", po::value(&directory)->default_value("report"),
                        "folder; made when absent")("db", po::value(&db_path)->default_value("./sweep.db"),
                                                    "database")("sweep", po::value(&sweep),
                                                                "needed when the database holds several")(
      "a", po::value(&request.comparison.family_a), "the family that is asked about")(
      "b", po::value(&request.comparison.family_b), "the family it is compared with")(
      "bootstrap", po::value(&request.comparison.replicates)->default_value(2000),
      "replicates behind the intervals")("seed", po::value(&request.comparison.seed)->default_value(0),
                                         "of the replicates")(
      "include-leaky", po::bool_switch(&request.include_leaky),
      "also runs whose causality gate said leak; marks the result")(
      "include-repeated", po::bool_switch(&request.include_repeated),
      "also runs that read a training source more than 4 times; marks the result")(
      "json", po::bool_switch(&as_json), "one JSON value on stdout: {\"report\": path}");
  po::variables_map values;
  if (!parse_command_line(args, "aunet-analyze report [-o DIR] [options]",
                          "aunet-analyze report --db sweep.db -o report", options, {}, values))
    return 0;
  if (request.comparison.replicates < 100 || request.comparison.replicates > 1000000) {
    throw ConfigError(
        fmt::format("--bootstrap: expected 100 to 1000000, got {}", request.comparison.replicates));
  }
  Db db = open_for_analysis(db_path);
  const std::string path = write_report(db, choose_sweep(db, sweep), directory, request);
  fmt::print("{}\n", as_json ? nlohmann::json{{"report", path}}.dump() : path);
  return 0;
}

}  // namespace aunet
