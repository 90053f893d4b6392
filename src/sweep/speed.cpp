#include "sweep/speed.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "sweep/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

namespace aunet {

namespace {

/// "7.1 GFLOP/s"
std::string human_speed(double flops_per_second) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P", "E"};
  size_t i = 0;
  for (; flops_per_second >= 1000 && i + 1 < std::size(kPrefixes); ++i) flops_per_second /= 1000;
  return fmt::format("{:.3g} {}FLOP/s", flops_per_second, kPrefixes[i]);
}

}  // namespace

SpeedBook::SpeedBook(const RunsRoot& runs, int64_t max_runs) {
  for (const std::string& key : list_directory(runs.path)) {
    const RunDir run = runs.run(key);
    if (static_cast<int64_t>(measured_.size()) >= max_runs) break;
    if (!exists(run.journal())) continue;
    try {
      const RunState state = read_run_state(run);
      if (!state.last || !(state.flops_per_second > 0)) continue;
      const RunConfig config = read_run_config(run.run_toml());
      measured_.push_back({key, config.origin.family, kind_of(config.model), config.runtime.device,
                           state.last->flops_useful, state.flops_per_second});
    } catch (const std::runtime_error&) {  // a half-written or foreign folder says nothing about speed
      continue;
    }
  }
}

void SpeedBook::assume_machine(const std::string& machine) {
  const std::vector<std::string> parts = split_on(machine, ':');
  int64_t count = 1;
  bool ok = parts.size() <= 2;
  if (parts.size() == 2) {
    const std::string& number = parts[1];
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
    ok = error == std::errc() && end == number.data() + number.size() && count > 0;
  }
  double each = 0;
  if (parts[0] == "cpu") each = kAssumedFlopsPerThread;
  if (parts[0] == "h100" || parts[0] == "h200")
    each = kAssumedMfu * 989.4e12;  // NVIDIA data sheet, dense bf16
  if (!ok || each == 0) {
    throw ConfigError(fmt::format("--on: expected cpu:N, h100:N or h200:N, got '{}'", machine));
  }
  machine_ = machine;
  machine_flops_per_second_ = each * static_cast<double>(count);
}

TimeEstimate SpeedBook::estimate(const Cell& cell) const {
  const double flops = cell.incremental_useful();
  if (machine_flops_per_second_ > 0) {
    return {flops / machine_flops_per_second_,
            fmt::format("assumed {}: {}", machine_, human_speed(machine_flops_per_second_))};
  }
  const Measured* nearest = nullptr;
  double distance = 0;
  for (const Measured& run : measured_) {
    if (run.kind != kind_of(cell.run.model) || run.device != cell.run.runtime.device) continue;
    const double ratio = std::abs(std::log(run.flops / flops));
    if (nearest && ratio >= distance) continue;
    nearest = &run;
    distance = ratio;
  }
  if (nearest) {
    return {flops / nearest->flops_per_second,
            fmt::format("measured: {} of run {}", human_speed(nearest->flops_per_second), nearest->key)};
  }
  const bool cpu = cell.run.runtime.device == "cpu";
  const double speed =
      cpu ? kAssumedFlopsPerThread * static_cast<double>(cell.run.runtime.threads) : kAssumedMfu * 989.4e12;
  return {flops / speed, fmt::format("assumed: {}, no run of this kind measured", human_speed(speed))};
}

std::map<std::string, double> SpeedBook::family_rates() const {
  std::map<std::string, std::vector<double>> all;
  for (const Measured& run : measured_)
    if (!run.family.empty()) all[run.family].push_back(run.flops_per_second);
  std::map<std::string, double> rates;
  for (auto& [family, speeds] : all) {
    std::sort(speeds.begin(), speeds.end());
    rates[family] = speeds[(speeds.size() - 1) / 2];
  }
  return rates;
}

}  // namespace aunet
