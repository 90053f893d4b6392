// The real `aunet-analyze` on databases that the real ingest built from synthetic run directories.
#pragma once

#include "../db/synthetic.h"
#include "synthetic_runs.h"

#include <nlohmann/json.hpp>

#include <functional>
#include <string>

namespace aunet {

struct Analyzed {
  int code = 0;
  std::string out;
};

/// stdout and exit code of `aunet-analyze ARGS`, run in the folder; stderr goes to the folder's err.txt.
Analyzed analyze(const testing::TempDir& folder, const std::string& args);

/// Two families whose multiplier is planted, as FOLDER/runs and FOLDER/sweep.db.
void make_database(const testing::TempDir& folder, double multiplier, const SyntheticTuning& tuning = {});

/// Changes the synthetic plan and ingests it again.
void edit_plan(const testing::TempDir& folder, const std::function<void(nlohmann::json&)>& edit);

}  // namespace aunet
