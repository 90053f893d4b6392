// aunet-torch: the verbs that need tensors. `aunet` executes it; people rarely do.
#include "baselines/bpe_rule.h"
#include "cli/bench_generate.h"
#include "cli/bench_step.h"
#include "cli/command.h"
#include "cli/eval.h"
#include "cli/generate.h"
#include "cli/train_run.h"
#include "cli/verify.h"
#include "core/error.h"

#include <fmt/format.h>

namespace aunet {

namespace {

int cmd_bench(const Args& args) {
  const std::string what = args.empty() ? "" : args[0];
  if (what == "step") return cmd_bench_step(Args(args.begin() + 1, args.end()));
  if (what == "generate") return cmd_bench_generate(Args(args.begin() + 1, args.end()));
  throw ConfigError(fmt::format("bench: expected \"step\" or \"generate\", got \"{}\"", what));
}

}  // namespace

}  // namespace aunet

int main(int argc, char** argv) {
  using namespace aunet;
  install_bpe_rule();
  return run_commands(
      argc, argv, "aunet-torch", "aunet-lab, the torch side: trains, evaluates and measures models",
      {{"train-run", "train the run of a run directory, from where it stands", cmd_train_run},
       {"eval", "held-out bits per byte and causality gate of a run", cmd_eval},
       {"generate", "text from a run's model", cmd_generate},
       {"verify", "compare models with golden vectors of the official code", cmd_verify},
       {"bench", "time of a training step (step), speed of generation (generate)", cmd_bench}});
}
