#include "analysis/compare_command.h"

#include "analysis/conclusion.h"
#include "analysis/store_conclusion.h"
#include "core/error.h"

#include <fmt/format.h>

#include <cmath>

namespace aunet {
namespace {

namespace po = boost::program_options;

void print_conclusion(const Conclusion& conclusion) {
  fmt::print("{}\n\n", summary(conclusion));
  if (const std::string conflict = sign_warning(conclusion); !conflict.empty())
    fmt::print("warning: {}.\n\n", conflict);
  if (conclusion.equivalence) fmt::print("{}\n\n", show_equivalence(*conclusion.equivalence));
  if (!conclusion.main.points.empty())
    fmt::print("{}\n", write_table(multiplier_table(conclusion), TableFormat::Text));
  fmt::print("{}\n", write_table(costs_table(conclusion), TableFormat::Text));
  fmt::print("{}\n", write_table(conclusion.unmatched, TableFormat::Text));
  for (const std::string& line : conclusion.pareto) fmt::print("{}\n", line);
  fmt::print("\n{}\n", write_table(effort_table(conclusion), TableFormat::Text));
  fmt::print("{}", write_table(tuned_table(conclusion.tuned), TableFormat::Text));
  const std::vector<std::string> warnings = all_warnings(conclusion);
  if (!warnings.empty()) fmt::print("\n");
  for (const std::string& warning : warnings) fmt::print("note: {}\n", warning);
}

}  // namespace

int cmd_compare(const Args& args) {
  std::string db_path, sweep, convention;
  ConclusionOptions request;
  bool include_leaky = false, include_repeated = false, as_json = false, store = false;
  po::options_description options("options");
  options.add_options()("db", po::value(&db_path)->default_value("./sweep.db"), "database")(
      "sweep", po::value(&sweep), "needed when the database holds several")(
      "a", po::value(&request.family_a), "the family that is asked about")("b", po::value(&request.family_b),
                                                                           "the family it is compared with")(
      "convention", po::value(&convention)->default_value("useful"),
      "what compute is counted in: useful, paper, executed, seconds")(
      "margin", po::value(&request.margin),
      "test equivalence too: is M within this factor of 1, like 1.2 (two one-sided tests at 5 %)")(
      "bootstrap", po::value(&request.replicates)->default_value(2000), "replicates behind the intervals")(
      "seed", po::value(&request.seed)->default_value(0), "of the replicates")(
      "include-leaky", po::bool_switch(&include_leaky),
      "also runs whose causality gate said leak; marks the result")(
      "include-repeated", po::bool_switch(&include_repeated),
      "also runs that read a training source more than 4 times; marks the result")(
      "store", po::bool_switch(&store),
      "keep fits and multipliers in the database, for `export fits` and `export multiplier`")(
      "json", po::bool_switch(&as_json), "one JSON value on stdout");
  po::variables_map values;
  if (!parse_command_line(args, "aunet-analyze compare [options]",
                          "aunet-analyze compare --db sweep.db --a aunet2 --b bpe", options, {}, values))
    return 0;
  if (request.replicates < 100 || request.replicates > 1000000) {
    throw ConfigError(fmt::format("--bootstrap: expected 100 to 1000000, got {}", request.replicates));
  }
  if (values.count("margin") && !(request.margin > 1 && std::isfinite(request.margin)))
    throw ConfigError(fmt::format("--margin: expected a factor above 1, got {}", request.margin));
  request.cost = parse_cost(convention);
  Db db = open_for_analysis(db_path);
  const SweepCells cells = load_cells(db, choose_sweep(db, sweep), include_leaky, include_repeated);
  const Conclusion conclusion = conclude(db, cells, request);
  if (store) store_conclusion(db_path, conclusion, cells);
  if (as_json)
    fmt::print("{}\n", conclusion_to_json(conclusion).dump(2));
  else
    print_conclusion(conclusion);
  return 0;
}

}  // namespace aunet
