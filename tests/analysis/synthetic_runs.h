// A synthetic sweep written as run directories and a plan, so that the real ingest builds the database.
#pragma once

#include <string>

#include "synthetic_sweep.h"

namespace aunet {

struct SyntheticTuning {
  int trials_a = 5,
      trials_b = 5;  // of each family at the smallest budget; rates in steps of 2 around the best
  double lean = 0;   // steps by which the grid of rates misses the best: at 3 the best is at the edge
};

/// Writes RUNS/KEY/{run.toml,journal.jsonl} and RUNS/plans/synthetic.json, and ingests them into `db_path`.
void write_synthetic_database(const SyntheticSweep& sweep, const SyntheticTuning& tuning, uint64_t seed,
                              const std::string& runs, const std::string& db_path);

}  // namespace aunet
