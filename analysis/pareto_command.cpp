#include "analysis/pareto_command.h"

#include "analysis/pareto.h"

#include <fmt/format.h>

namespace aunet {

int cmd_pareto(const Args& args) {
  namespace po = boost::program_options;
  std::string db_path, sweep, against;
  bool include_leaky = false, include_repeated = false, as_json = false;
  po::options_description options("options");
  options.add_options()("db", po::value(&db_path)->default_value("./sweep.db"), "database")(
      "sweep", po::value(&sweep), "needed when the database holds several")(
      "against", po::value(&against)->default_value("inference"),
      "what bits per byte are weighed against: inference (FLOPs per byte), params, memory")(
      "include-leaky", po::bool_switch(&include_leaky), "also runs whose causality gate said leak")(
      "include-repeated", po::bool_switch(&include_repeated),
      "also runs that read a training source more than 4 times")("json", po::bool_switch(&as_json),
                                                                 "one JSON value on stdout");
  po::variables_map values;
  if (!parse_command_line(args, "aunet-analyze pareto [options]",
                          "aunet-analyze pareto --db sweep.db --against params", options, {}, values))
    return 0;
  const Against chosen = parse_against(against);
  Db db = open_for_analysis(db_path);
  const SweepCells cells = load_cells(db, choose_sweep(db, sweep), include_leaky, include_repeated);
  const ParetoView view = pareto_view(cells, chosen);
  if (as_json) {
    nlohmann::json value = pareto_to_json(view);
    value["sweep"] = cells.sweep;
    fmt::print("{}\n", value.dump(2));
    return 0;
  }
  fmt::print("{}\n", pareto_summary(view));
  if (view.refusal.empty()) fmt::print("\n{}", write_table(pareto_table(view), TableFormat::Text));
  return 0;
}

}  // namespace aunet
