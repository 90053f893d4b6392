#include "sweep/calibration.h"

#include "budget/memory.h"
#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"
#include "sweep/run_state.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <variant>

namespace aunet {

namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;                // of a row; others are measured anew
constexpr std::streamoff kEnd = 48 << 10;  // bytes read at each end of a journal: some 130 steps
constexpr size_t kFewestSteps = 12;

/// Whole records at both ends of a journal, in order; all of a short one.
std::vector<JournalRecord> both_ends(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) throw Error(fmt::format("{}: cannot be read", path));
  const std::streamoff size = in.tellg();
  std::vector<JournalRecord> records;
  const auto take = [&](std::streamoff from, std::streamoff to) {
    std::string text(static_cast<size_t>(to - from), '\0');
    in.seekg(from);
    in.read(text.data(), to - from);
    size_t begin = from == 0 ? 0 : text.find('\n') + 1;
    for (size_t end = text.find('\n', begin); end != std::string::npos; end = text.find('\n', begin)) {
      if (auto record = parse_journal_line(text.substr(begin, end - begin)))
        records.push_back(std::move(*record));
      begin = end + 1;
    }
  };
  if (size <= 2 * kEnd) {
    take(0, size);
  } else {
    take(0, kEnd);
    take(size - kEnd, size);
  }
  return records;
}

/// What the ends of a journal add up to.
struct Sums {
  std::vector<double> step_seconds;
  std::optional<StepRecord> last;
  double evaluation_seconds = 0;
  int64_t attempts = 0, from_step = 0;
  std::string hardware;
  std::optional<EndRecord> end;

  explicit Sums(const std::vector<JournalRecord>& records) {
    for (const JournalRecord& record : records) {
      if (const auto* attempt = std::get_if<AttemptRecord>(&record)) {
        attempts = std::max(attempts, attempt->attempt);
        from_step = attempt->from_step;
        hardware = attempt->device;
      } else if (const auto* step = std::get_if<StepRecord>(&record)) {
        attempts = std::max(attempts, step->attempt);
        step_seconds.push_back(step->seconds);
        last = *step;
      } else if (const auto* eval = std::get_if<EvalRecord>(&record)) {
        evaluation_seconds += eval->seconds;
      } else if (const auto* gate = std::get_if<GateRecord>(&record)) {
        if (gate->step > 0) evaluation_seconds += gate->seconds.value_or(0);
      } else if (const auto* ended = std::get_if<EndRecord>(&record)) {
        end = *ended;
      }
    }
  }

  /// Mean wall time of a step: with what lies between steps (checkpoints, journal) where the end record
  /// tells.
  double mean_step() const {
    if (attempts == 1 && end && end->seconds && end->start_seconds && last->step > from_step) {
      const double training = *end->seconds - *end->start_seconds - evaluation_seconds;
      if (training > 0) return training / static_cast<double>(last->step - from_step);
    }
    double sum = 0;
    for (const double seconds : step_seconds) sum += seconds;
    return sum / static_cast<double>(step_seconds.size());
  }
};

/// A model's training memory with the rows that step_work() assumes.
double nominal_model_bytes(const ModelConfig& model, double units) {
  std::vector<double> rows = {units};
  if (const auto* aunet = std::get_if<AunetConfig>(&model))
    for (size_t k = 1; k < aunet->dimensions.size(); ++k) rows.push_back(units * nominal_rows(k));
  return training_memory(model, rows).total();
}

Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }
std::optional<double> optional_of(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional<double>(json.get<double>());
}

Json to_json(const CalibrationRow& r) {
  return {{"version", kVersion},
          {"key", r.key},
          {"family", r.family},
          {"kind", r.kind},
          {"device", r.device},
          {"hardware", r.hardware},
          {"threads", r.threads},
          {"units_per_step", r.units_per_step},
          {"work", {r.work.blocks, r.work.flops, r.work.activations, r.work.logits}},
          {"step_seconds", r.step_seconds},
          {"evaluation_seconds", r.evaluation_seconds},
          {"start_seconds", or_null(r.start_seconds)},
          {"peak_bytes", or_null(r.peak_bytes)},
          {"model_bytes", r.model_bytes}};
}

CalibrationRow row_of(const Json& j) {
  const Json& work = j.at("work");
  return {.key = j.at("key"),
          .family = j.at("family"),
          .kind = j.at("kind"),
          .device = j.at("device"),
          .hardware = j.at("hardware"),
          .threads = j.at("threads"),
          .units_per_step = j.at("units_per_step"),
          .work = {work.at(0), work.at(1), work.at(2), work.at(3)},
          .step_seconds = j.at("step_seconds"),
          .evaluation_seconds = j.at("evaluation_seconds"),
          .start_seconds = optional_of(j.at("start_seconds")),
          .peak_bytes = optional_of(j.at("peak_bytes")),
          .model_bytes = j.at("model_bytes")};
}

std::map<std::string, CalibrationRow> read_table(const std::string& path) {
  std::map<std::string, CalibrationRow> table;
  if (!exists(path)) return table;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    try {
      const Json json = Json::parse(line);
      if (json.at("version") != kVersion) continue;
      CalibrationRow row = row_of(json);
      table[row.key] = std::move(row);
    } catch (const Json::exception&) {  // only a cache: what is damaged is measured again
    }
  }
  return table;
}

void write_table(const std::string& path, const std::map<std::string, CalibrationRow>& table) {
  std::string lines;
  for (const auto& [key, row] : table) lines += to_json(row).dump() + "\n";
  try {
    make_directories(path.substr(0, path.rfind('/')));
    write_file_atomic(path, lines);
  } catch (const Error&) {  // a reader's folder, a full disk: the estimate is made all the same
  }
}

}  // namespace

std::optional<CalibrationRow> measure_run(const RunDir& run) {
  const Sums sums(both_ends(run.journal()));
  if (sums.step_seconds.size() < kFewestSteps || !sums.last || sums.last->step < 1) return std::nullopt;
  const RunConfig config = read_run_config(run.run_toml());
  const auto steps = static_cast<double>(sums.last->step);
  CalibrationRow row;
  row.key = run.path.substr(run.path.rfind('/') + 1);
  row.family = config.origin.family;
  row.kind = kind_of(config.model);
  row.device = config.runtime.device;
  row.hardware = sums.hardware;
  row.threads = config.runtime.threads;
  row.units_per_step = static_cast<double>(sums.last->units) / steps;
  row.work = step_work(config.model, row.units_per_step, sums.last->flops_useful / steps);
  row.step_seconds = sums.mean_step();
  row.evaluation_seconds = sums.evaluation_seconds;
  const bool whole = sums.attempts == 1 && sums.end && sums.end->status == "done";
  if (whole) row.start_seconds = sums.end->start_seconds;
  if (whole && sums.end->peak_bytes) row.peak_bytes = static_cast<double>(*sums.end->peak_bytes);
  row.model_bytes = nominal_model_bytes(
      config.model, row.units_per_step / static_cast<double>(config.horizon.accumulation));
  if (!(row.step_seconds > 0) || !(row.units_per_step > 0)) return std::nullopt;
  return row;
}

std::vector<CalibrationRow> refresh_calibration(const RunsRoot& runs, int64_t max_new) {
  const std::string path = runs.cache() + "/calibration.jsonl";
  std::map<std::string, CalibrationRow> table = read_table(path);
  std::vector<CalibrationRow> rows;
  int64_t n_new = 0, n_kept = 0;
  for (const std::string& key : list_directory(runs.path)) {
    if (table.count(key) > 0) continue;
    const RunDir run = runs.run(key);
    if (n_new >= max_new || !exists(run.journal())) continue;
    ++n_new;
    try {
      std::optional<CalibrationRow> row = measure_run(run);
      if (!row) continue;
      const bool done = read_run_state(run).status == "done";
      if (done) {
        table[key] = std::move(*row);
        ++n_kept;
      } else {
        rows.push_back(std::move(*row));
      }
    } catch (const std::runtime_error&) {  // a half-written or foreign folder says nothing about speed
    }
  }
  if (n_kept > 0) write_table(path, table);
  for (auto& [key, row] : table) rows.push_back(std::move(row));
  return rows;
}

}  // namespace aunet
