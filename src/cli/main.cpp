// aunet: everything a user types, but for the analysis. Links no LibTorch.
#include "baselines/bpe_rule.h"
#include "cli/bench_bpe.h"
#include "cli/bench_loader.h"
#include "cli/bench_split.h"
#include "cli/bpe.h"
#include "cli/bundle.h"
#include "cli/command.h"
#include "cli/data.h"
#include "cli/gc.h"
#include "cli/ingest.h"
#include "cli/inspect.h"
#include "cli/plan.h"
#include "cli/split.h"
#include "cli/status.h"
#include "cli/stop.h"
#include "cli/sweep.h"
#include "cli/torch_binary.h"
#include "cli/train.h"
#include "cli/why.h"
#include "cli/work.h"

namespace aunet {
namespace {

/// What needs no tensors is timed here.
int cmd_bench(const Args& args) {
  if (!args.empty() && args[0] == "bpe") return cmd_bench_bpe(Args(args.begin() + 1, args.end()));
  if (!args.empty() && args[0] == "split") return cmd_bench_split(Args(args.begin() + 1, args.end()));
  if (!args.empty() && args[0] == "loader") return cmd_bench_loader(Args(args.begin() + 1, args.end()));
  return cmd_torch_bench(args);
}

}  // namespace
}  // namespace aunet

int main(int argc, char** argv) {
  using namespace aunet;
  install_bpe_rule();
  return run_commands(
      argc, argv, "aunet", "aunet-lab: compares AU-Net with BPE transformers at equal training compute",
      {{"plan", "what a sweep would run, what it costs, where it stands", cmd_plan},
       {"sweep", "run a sweep to its end; the same command resumes it", cmd_sweep},
       {"status", "one row a run: state, step, loss, speed", cmd_status},
       {"why", "what happened to a run, and what to do about it", cmd_why},
       {"stop", "ask sweeps and runs to checkpoint and end", cmd_stop},
       {"retry", "mark failed runs as to be tried again", cmd_retry},
       {"gc", "delete checkpoints and leftovers that no run needs", cmd_gc},
       {"work", "one prepared run to its end, as a job of a cluster does it", cmd_work},
       {"bundle", "a finished run as one file to repeat it from", cmd_bundle},
       {"repeat", "run a cell again, and say whether it came to the same", cmd_repeat},
       {"diff", "what makes two runs different", cmd_diff},
       {"ingest", "run directories into the database", cmd_ingest},
       {"train", "run one experiment", cmd_train},
       {"resume", "go on with an interrupted run", cmd_resume},
       {"split", "stage boundaries of a text", cmd_split},
       {"data", "prepare a corpus for training, or look into it", cmd_data},
       {"bpe", "train a tokenizer, encode, decode, convert", cmd_bpe},
       {"eval", "held-out bits per byte and causality gate of a run", cmd_torch_eval},
       {"generate", "text from a run's model", cmd_torch_generate},
       {"verify", "compare models with golden vectors of the official code", cmd_torch_verify},
       {"bench",
        "time of a training step (step), of generation (generate), of split rules (split), of BPE (bpe), of "
        "batches (loader)",
        cmd_bench}});
}
