#include "analyze_binary.h"

#include "core/file.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>

#include <cstdio>

namespace aunet {

Analyzed analyze(const testing::TempDir& folder, const std::string& args) {
  const std::string command =
      "cd " + folder.path() + " && " + AUNET_BIN_DIR + "/aunet-analyze " + args + " 2> err.txt";
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Analyzed result;
  char buffer[4096];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) result.out.append(buffer, n);
  result.code = WEXITSTATUS(pclose(pipe));
  return result;
}

void make_database(const testing::TempDir& folder, double multiplier, const SyntheticTuning& tuning) {
  SyntheticSweep sweep;
  sweep.families = families_with_multiplier(multiplier);
  write_synthetic_database(sweep, tuning, 3, folder / "runs", folder / "sweep.db");
}

void edit_plan(const testing::TempDir& folder, const std::function<void(nlohmann::json&)>& edit) {
  const std::string path = folder / "runs/plans/synthetic.json";
  auto plan = nlohmann::json::parse(read_file(path));
  edit(plan);
  write_file_atomic(path, plan.dump());
  REQUIRE(ingest_file(folder / "sweep.db", {folder / "runs"}).problems.empty());
}

}  // namespace aunet
