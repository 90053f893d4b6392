#include "sweep/plan_files.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "sweep/cell_json.h"
#include "sweep/claim_register.h"
#include "sweep/tuning_lock.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace aunet {

namespace {

constexpr double kDiskReserve = 64e6;  // bytes left free for the database and logs

}  // namespace

void write_plan_files(const RunsRoot& runs, const Plan& plan) {
  const std::string path = runs.plan(plan.sweep);
  nlohmann::json json = plan_to_json(plan);
  json["claims"] = registered_claims(path, plan.claims);
  write_file_atomic(path, json.dump(1));
  if (plan.lock_text.empty()) return;
  const std::string lock = tuning_lock_path(runs, plan.sweep);
  if (!exists(lock) || read_file(lock) != plan.lock_text) write_file_atomic(lock, plan.lock_text);
}

void refuse_declared_data(const Plan& plan) {
  for (const Cell& cell : plan.cells) {
    if (cell.key.empty()) {
      throw ConfigError(
          fmt::format("{}: data.declared: expected data to train on, got declared data, which can only "
                      "be planned",
                      plan.sweep));
    }
  }
}

void refuse_full_disk(const RunsRoot& runs, double needed) {
  const auto free = static_cast<double>(free_bytes_on_disk(runs.path));
  if (free >= needed + kDiskReserve) return;
  throw Error(fmt::format("{}: disk: the runs may need {}, {} are free", runs.path,
                          human_bytes(needed + kDiskReserve), human_bytes(free)));
}

}  // namespace aunet
