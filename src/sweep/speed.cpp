#include "sweep/speed.h"

#include "core/text.h"
#include "sweep/device_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <variant>

namespace aunet {

namespace {

/// A measured run beside the cell that is asked about.
struct Sample {
  double distance = 0;   // in factors of two of what a step computes, and of what a unit costs
  double log_ratio = 0;  // log(measured / predicted)
};

struct Correction {
  double factor = 1, error = 0;
};

/// Runs twice as large or small count 0.6 of one of the same size, four times 0.1.
double weight_of(const Sample& sample) { return std::exp(-0.5 * sample.distance * sample.distance); }

/// Weighted median of log_ratio: a run that shared its core with a build says little.
double median(std::vector<std::pair<double, double>> values) {  // log ratio, weight
  std::sort(values.begin(), values.end());
  double all = 0, below = 0;
  for (const auto& [value, weight] : values) all += weight;
  for (const auto& [value, weight] : values) {
    below += weight;
    if (below >= all / 2) return value;
  }
  return 0;
}

/// Far samples pull towards the general level of this place, none at all leaves the profile as it is.
Correction correct(const std::vector<Sample>& samples, double prior_error) {
  if (samples.empty()) return {1, prior_error};
  std::vector<std::pair<double, double>> values;
  for (const Sample& sample : samples) values.emplace_back(sample.log_ratio, 1e-3 + weight_of(sample));
  const double centre = median(values);
  constexpr double kPrior = 0.5;  // the profile's own error counts as half a run
  double sum = kPrior * prior_error * prior_error, weights = kPrior;
  for (const auto& [value, weight] : values) {
    const double off = std::clamp(value - centre, -0.7, 0.7);
    sum += weight * off * off;
    weights += weight;
  }
  return {std::exp(centre), std::sqrt(sum / weights)};
}

double log2_ratio(double a, double b) { return std::log2(std::max(a, 1e-300) / std::max(b, 1e-300)); }

double median_of(std::vector<double> values, double otherwise) {
  if (values.empty()) return otherwise;
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) / 2];
}

std::string measured_words(size_t n_runs, const std::string& nearest) {
  return fmt::format("measured: {} run{} of this kind here, nearest {}", n_runs, n_runs == 1 ? "" : "s",
                     nearest);
}

/// Rows at stage 1 of one step.
double units_per_step(const Cell& cell) {
  const double units = cell.rows.empty() ? cell.batch_units : cell.rows[0] / static_cast<double>(cell.steps);
  return std::max(1.0, units);
}

StepWork work_of(const Cell& cell) {
  return step_work(cell.run.model, units_per_step(cell),
                   cell.flops_useful.total() / static_cast<double>(std::max<int64_t>(1, cell.steps)));
}

}  // namespace

SpeedBook::SpeedBook(const RunsRoot& runs, int64_t max_runs)
    : measured_(refresh_calibration(runs, max_runs)) {}

void SpeedBook::assume_machine(const std::string& machine) { machine_ = parse_machine(machine); }

std::string SpeedBook::profile_name(const Cell& cell) const {
  return machine_ ? machine_->profile : cell.run.runtime.device;
}

/// Measured runs that tell of the cell: kind of model, kind of device, threads.
std::vector<const CalibrationRow*> SpeedBook::like(const Cell& cell) const {
  const std::string profile = profile_name(cell);
  const std::string kind = kind_of(cell.run.model);
  std::vector<const CalibrationRow*> runs;
  for (const CalibrationRow& row : measured_) {
    if (row.kind != kind || row.threads != cell.run.runtime.threads) continue;
    if (profile == "cpu" || profile == "cuda") {
      if (row.device != profile) continue;
    } else {  // a named GPU: only runs on that one
      const std::string wanted = profile == "h100" ? "H100" : "H200";
      if (row.device != "cuda" || row.hardware.find(wanted) == std::string::npos) continue;
    }
    runs.push_back(&row);
  }
  return runs;
}

TimeEstimate SpeedBook::estimate(const Cell& cell) const {
  const DeviceProfile& profile = device_profile(profile_name(cell));
  const int64_t threads = cell.run.runtime.threads;
  const StepWork work = work_of(cell);
  const double units = units_per_step(cell);
  const std::vector<const CalibrationRow*> runs = like(cell);
  std::vector<Sample> steps, evaluations;  // evaluations: of the units that they would have trained on
  std::vector<double> starts;
  const CalibrationRow* nearest = nullptr;
  double nearest_distance = 0;
  for (const CalibrationRow* row : runs) {
    const double distance = std::hypot(log2_ratio(row->units_per_step, units),
                                       log2_ratio(row->work.flops / row->units_per_step, work.flops / units));
    steps.push_back(
        {distance, std::log(row->step_seconds / profile_step_seconds(profile, row->work, threads))});
    const double evaluated = row->evaluation_seconds * row->units_per_step / row->step_seconds;
    if (evaluated > 0) evaluations.push_back({distance, std::log(evaluated / kAssumedEvaluationUnits)});
    if (row->start_seconds) starts.push_back(*row->start_seconds);
    if (nearest && distance >= nearest_distance) continue;
    nearest = row;
    nearest_distance = distance;
  }
  const Correction correction = correct(steps, profile.log_error);
  const double step = profile_step_seconds(profile, work, threads) * correction.factor;
  const double evaluation_units = kAssumedEvaluationUnits * correct(evaluations, 0).factor;
  TimeEstimate estimate;
  estimate.seconds = median_of(std::move(starts), profile.start_seconds) +
                     step * static_cast<double>(cell.incremental_steps()) + step / units * evaluation_units;
  estimate.error = correction.error;
  estimate.source = nearest ? measured_words(runs.size(), nearest->key)
                            : fmt::format("assumed: profile {}, no run of this kind measured ({})",
                                          profile.name, profile.source);
  return estimate;
}

MemoryEstimateOfRun SpeedBook::estimate_memory(const Cell& cell) const {
  const std::string name = profile_name(cell);
  const DeviceProfile& profile = device_profile(name);
  double texts = 0;
  for (const SourceUse& source : cell.sources) texts += source.size_bytes;
  const bool cpu = name == "cpu";
  const auto* transformer = std::get_if<TransformerConfig>(&cell.run.model);
  const bool tokens = transformer && transformer->tokenizer.kind == "bpe";
  const double process = profile.process_bytes + (cpu ? texts + (tokens ? kTokenizerBytes : 0) : 0);
  const double predicted = process + cell.memory_bytes;
  std::vector<Sample> samples;
  const CalibrationRow* nearest = nullptr;
  double nearest_distance = 0;
  const std::vector<const CalibrationRow*> runs = cpu ? like(cell) : std::vector<const CalibrationRow*>();
  size_t n_known = 0;
  for (const CalibrationRow* row : runs) {
    if (!row->peak_bytes) continue;
    ++n_known;
    const double then = process + row->model_bytes;  // the same sweep's texts, as a rule
    const double distance = log2_ratio(then, predicted);
    samples.push_back({distance, std::log(*row->peak_bytes / then)});
    if (nearest && std::abs(distance) >= nearest_distance) continue;
    nearest = row;
    nearest_distance = std::abs(distance);
  }
  constexpr double kError = 0.2;  // of the count alone: temporaries and the heap's slack are not in it
  const Correction correction = correct(samples, kError);
  return {predicted * correction.factor,
          nearest ? measured_words(n_known, nearest->key)
                  : "counted: process, texts, weights, gradients, moments, activations",
          correction.error};
}

std::map<std::string, double> SpeedBook::family_rates() const {
  std::map<std::string, std::vector<double>> all;
  for (const CalibrationRow& run : measured_)
    if (!run.family.empty()) all[run.family].push_back(run.work.flops / run.step_seconds);
  std::map<std::string, double> rates;
  for (auto& [family, speeds] : all) rates[family] = median_of(std::move(speeds), 0);
  return rates;
}

}  // namespace aunet
