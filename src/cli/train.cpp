#include "cli/train.h"

#include "cli/facts.h"
#include "cli/find_run.h"
#include "cli/torch_binary.h"
#include "config/experiment.h"
#include "core/log.h"
#include "core/run_dir.h"
#include "core/text.h"
#include "sweep/experiment_plan.h"
#include "sweep/prepare_run.h"
#include "sweep/run_state.h"
#include "sweep/stop_request.h"

#include <fmt/format.h>

namespace aunet {
namespace po = boost::program_options;

int cmd_train(const Args& args) {
  po::options_description options("options");
  std::string experiment, run_dir, runs = "runs";
  std::vector<std::string> overrides;
  options.add_options()("experiment", po::value(&experiment)->required(), "experiment file, or a run.toml")(
      "run-dir", po::value(&run_dir), "run directory (default: RUNS/KEY)")(
      "runs", po::value(&runs)->default_value(runs), "folder of run directories and of the tokenizer cache")(
      "set", po::value(&overrides), "a.b=c: override a key of the file");
  po::variables_map values;
  if (!parse_command_line(args, "aunet train EXPERIMENT.toml [options]",
                          "aunet train experiments/aunet2_small.toml --set horizon.flops=1e11", options,
                          {"experiment"}, values)) {
    return 0;
  }
  torch_binary();  // before any work: is there something to train with
  const ExperimentSpec spec = read_experiment(experiment, overrides);
  FactsCache facts({.data = spec.run.data, .declared = std::nullopt, .evals = spec.run.evals}, runs);
  const Cell cell = resolve_experiment(spec, facts.provider());
  const RunDir run = run_dir.empty() ? RunsRoot{runs}.run(cell.key) : RunDir{run_dir};
  prepare_run_directory(run, cell.run);
  withdraw_stop(run.stop());
  log_info(fmt::format("{}: {} parameters, {} FLOPs, {} steps", run.path,
                       human_count(static_cast<double>(cell.params.total)),
                       human_flops(cell.flops_useful.total()), cell.steps));
  exec_torch("train-run", {run.path});
}

int cmd_resume(const Args& args) {
  po::options_description options("options");
  std::string name, runs = "runs";
  bool allow_numerics = false;
  options.add_options()("run", po::value(&name)->required(),
                        "run directory, or the beginning of a key in RUNS")(
      "runs", po::value(&runs)->default_value(runs), "folder of run directories")(
      "allow-numerics", po::bool_switch(&allow_numerics),
      "also with other threads or device (not bitwise any more)");
  po::variables_map values;
  if (!parse_command_line(args, "aunet resume RUN_DIR [options]", "aunet resume runs/0123456789abcdef",
                          options, {"run"}, values)) {
    return 0;
  }
  const RunDir run = find_run(runs, name);
  if (read_run_state(run).status == "done") {
    fmt::print("{}: done already\n", run.path);
    return 0;
  }
  withdraw_stop(run.stop());
  Args passed = {run.path};
  if (allow_numerics) passed.push_back("--allow-numerics");
  exec_torch("train-run", passed);
}

}  // namespace aunet
