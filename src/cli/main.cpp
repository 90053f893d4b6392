// aunet: everything a user types, but for the analysis. Links no LibTorch.
#include "cli/bpe.h"
#include "cli/command.h"
#include "cli/ingest.h"
#include "cli/inspect.h"
#include "cli/plan.h"
#include "cli/split.h"
#include "cli/status.h"
#include "cli/sweep.h"
#include "cli/torch_binary.h"
#include "cli/train.h"
#include "cli/why.h"

int main(int argc, char** argv) {
  using namespace aunet;
  return run_commands(
      argc, argv, "aunet", "aunet-lab: compares AU-Net with BPE transformers at equal training compute",
      {{"plan", "what a sweep would run, what it costs, where it stands", cmd_plan},
       {"sweep", "run a sweep to its end; the same command resumes it", cmd_sweep},
       {"status", "one row a run: state, step, loss, speed", cmd_status},
       {"why", "what happened to a run, and what to do about it", cmd_why},
       {"diff", "what makes two runs different", cmd_diff},
       {"ingest", "run directories into the database", cmd_ingest},
       {"train", "run one experiment", cmd_train},
       {"resume", "go on with an interrupted run", cmd_resume},
       {"split", "stage boundaries of a text", cmd_split},
       {"bpe", "train a tokenizer, encode, decode", cmd_bpe},
       {"eval", "held-out bits per byte and causality gate of a run", cmd_torch_eval},
       {"verify", "compare models with golden vectors of the official code", cmd_torch_verify},
       {"bench", "time of a training step", cmd_torch_bench}});
}
