#include "analysis/sweep_tables.h"

#include "analysis/frontier.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace aunet {
namespace {

template <typename T>
std::string shown(const std::optional<T>& value, const char* format = "{:.4g}") {
  return value ? fmt::format(fmt::runtime(format), double(*value)) : std::string();
}

std::string flops_or_blank(const std::optional<double>& value) { return value ? human_flops(*value) : ""; }

}  // namespace

TextTable scaling_table(const std::vector<FitInputRow>& rows) {
  TextTable table;
  table.title = rows.empty() ? "Runs" : "Runs of sweep " + rows[0].row.sweep;
  table.columns = {"key",        "family",        "budget (FLOPs)", "widths",    "layers",
                   "parameters", "non-embedding", "text bytes",     "steps",     "batch (bytes)",
                   "rate",       "seed",          "epochs",         "bits/byte", "remark"};
  for (const FitInputRow& input : rows) {
    const FinalRow& row = input.row;
    if (input.exclusion == "tuning trial") continue;
    table.rows.push_back({row.key.substr(0, 8), row.family, flops_or_blank(row.budget_flops), row.dims,
                          row.layers, row.params ? human_count(double(*row.params)) : "",
                          row.params_non_embedding ? human_count(double(*row.params_non_embedding)) : "",
                          row.bytes ? human_count(*row.bytes) : "", shown(row.steps_planned, "{:.0f}"),
                          shown(row.batch_bytes, "{:.0f}"), shown(row.lr), shown(row.seed, "{:.0f}"),
                          shown(row.epochs, "{:.2f}") + (row.repeated.value_or(false) ? " repeated" : ""),
                          shown(row.loss_bpb, "{:.4f}"),
                          input.exclusion.empty() ? row.role == "replicate" ? "replicate" : ""
                                                  : "left out: " + input.exclusion});
  }
  table.note =
      "bits/byte: held-out. Rates are peaks. Parameters count every weight; non-embedding leaves out the "
      "input table.";
  return table;
}

TextTable tuning_table(const std::vector<TuningTrial>& trials) {
  TextTable table;
  table.title = trials.empty() ? "Tuning trials" : "Tuning trials of sweep " + trials[0].sweep;
  table.columns = {"family",    "budget (FLOPs)", "rate",   "batch (bytes)",
                   "bits/byte", "useful FLOPs",   "status", "best"};
  std::map<std::pair<std::string, double>, const TuningTrial*> best;
  for (const TuningTrial& trial : trials) {
    const TuningTrial*& here = best[{trial.family, trial.budget_flops}];
    if (trial.loss_bpb && (here == nullptr || *trial.loss_bpb < *here->loss_bpb)) here = &trial;
  }
  for (const TuningTrial& trial : trials) {
    table.rows.push_back({trial.family, human_flops(trial.budget_flops), shown(trial.lr),
                          shown(trial.batch_bytes, "{:.0f}"), shown(trial.loss_bpb, "{:.4f}"),
                          human_flops(trial.flops_useful),
                          trial.cause.empty() ? trial.status : trial.status + ": " + trial.cause,
                          best[{trial.family, trial.budget_flops}] == &trial ? "*" : ""});
  }
  return table;
}

TextTable isoflop_table(Db& db, const std::string& sweep) {
  TextTable table;
  table.title = "isoFLOP parabolas of sweep " + sweep;
  table.columns = {"family", "budget (FLOPs)", "sizes", "optimum (FLOPs/byte)", "remark"};
  const SweepCells cells = load_cells(db, sweep);
  for (const FamilyCells& family : cells.families) {
    for (const IsoflopParabola& parabola : isoflop_parabolas(family)) {
      const std::string remark = !parabola.refusal.empty() ? parabola.refusal
                                 : parabola.optimum        ? ""
                                                           : "no minimum inside the sizes tried";
      table.rows.push_back({family.name, human_flops(parabola.budget),
                            std::to_string(family.at(parabola.budget).size()),
                            parabola.optimum ? fmt::format("{:.4g}", *parabola.optimum) : "", remark});
    }
  }
  table.note =
      "A picture, not an estimate: a parabola's optimum is biased even without noise (arXiv 2603.22339).";
  return table;
}

namespace {

/// Both commands: the same options, another table.
int print_table(const Args& args, const std::string& usage, const std::string& example,
                const std::vector<std::string>& choices) {
  namespace po = boost::program_options;
  std::string which, db_path, sweep, format, path;
  bool as_json = false;
  po::options_description options("options");
  if (choices.size() > 1)
    options.add_options()("which", po::value(&which)->default_value(choices[0]),
                          join(choices, " or ").c_str());
  options.add_options()("db", po::value(&db_path)->default_value("./sweep.db"), "database")(
      "sweep", po::value(&sweep), "needed when the database holds several")(
      "format", po::value(&format)->default_value("text"), "text, markdown, csv, latex, html, json")(
      "json", po::bool_switch(&as_json), "the same as --format json")("output,o", po::value(&path),
                                                                      "file; without it stdout");
  po::variables_map values;
  const std::vector<std::string> positional =
      choices.size() > 1 ? std::vector<std::string>{"which"} : std::vector<std::string>{};
  if (!parse_command_line(args, usage, example, options, positional, values)) return 0;
  if (choices.size() == 1) which = choices[0];
  const TableFormat chosen = as_json ? TableFormat::Json : parse_table_format(format);
  if (std::find(choices.begin(), choices.end(), which) == choices.end()) {
    throw ConfigError(fmt::format("table: expected {}, got '{}'", join(choices, " or "), which));
  }
  Db db = open_for_analysis(db_path);
  const std::string name = choose_sweep(db, sweep);
  const TextTable table = which == "scaling"  ? scaling_table(fit_input(db, name))
                          : which == "tuning" ? tuning_table(tuning_trials(db, name))
                                              : isoflop_table(db, name);
  const std::string text = write_table(table, chosen);
  if (path.empty())
    fmt::print("{}", text);
  else
    write_file_atomic(path, text);
  return 0;
}

}  // namespace

int cmd_table(const Args& args) {
  return print_table(args, "aunet-analyze table [scaling|tuning] [options]",
                     "aunet-analyze table scaling --db sweep.db --format latex -o runs.tex",
                     {"scaling", "tuning"});
}

int cmd_isoflop(const Args& args) {
  return print_table(args, "aunet-analyze isoflop [options]", "aunet-analyze isoflop --db sweep.db",
                     {"isoflop"});
}

}  // namespace aunet
