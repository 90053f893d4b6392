// aunet-torch: the verbs that need tensors. `aunet` executes it; people rarely do.
#include "cli/bench_step.h"
#include "cli/command.h"
#include "cli/eval.h"
#include "cli/train_run.h"
#include "cli/verify.h"
#include "core/error.h"

#include <fmt/format.h>

namespace aunet {

namespace {

int cmd_bench(const Args& args) {
  if (args.empty() || args[0] != "step") {
    throw ConfigError(fmt::format("bench: expected \"step\", got \"{}\"", args.empty() ? "" : args[0]));
  }
  return cmd_bench_step(Args(args.begin() + 1, args.end()));
}

}  // namespace

}  // namespace aunet

int main(int argc, char** argv) {
  using namespace aunet;
  return run_commands(argc, argv, "aunet-torch",
                      "aunet-lab, the torch side: trains, evaluates and measures models",
                      {{"train-run", "train the run of a run directory, from where it stands", cmd_train_run},
                       {"eval", "held-out bits per byte and causality gate of a run", cmd_eval},
                       {"verify", "compare models with golden vectors of the official code", cmd_verify},
                       {"bench", "bench step: time of a training step", cmd_bench}});
}
