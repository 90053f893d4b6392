#include "sweep/machine_spec.h"

#include "config/slurm_profile.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace aunet {

namespace {

constexpr const char* kSlurm = "slurm:";

MachineSpec of_slurm(const std::string& words) {
  const SlurmProfile slurm = read_slurm_profile(words.substr(std::string(kSlurm).size()));
  const bool gpu = slurm.gpus > 0;
  MachineSpec machine{.words = words, .profile = gpu ? "h100" : "cpu"};
  machine.devices_per_run = gpu ? slurm.gpus : slurm.cpus;
  machine.devices = slurm.at_once * std::max<int64_t>(1, machine.devices_per_run);
  machine.limit_seconds =
      slurm.time_seconds > 0 ? std::max(0.0, slurm.time_seconds - slurm.margin_seconds) : 0;
  return machine;
}

}  // namespace

MachineSpec parse_machine(const std::string& words) {
  if (words.starts_with(kSlurm)) return of_slurm(words);
  const std::vector<std::string> parts = split_on(words, ':');
  int64_t count = 1;
  bool ok = parts.size() <= 2;
  if (parts.size() == 2) {
    const std::string& number = parts[1];
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), count);
    ok = error == std::errc() && end == number.data() + number.size() && count > 0;
  }
  ok = ok && (parts[0] == "cpu" || parts[0] == "h100" || parts[0] == "h200");
  if (!ok)
    throw ConfigError(fmt::format("--on: expected cpu:N, h100:N, h200:N or slurm:PROFILE, got '{}'", words));
  return {.words = words, .profile = parts[0], .devices = count};
}

int64_t devices_of_run(const MachineSpec& machine, int64_t threads) {
  if (machine.devices_per_run > 0) return machine.devices_per_run;
  return machine.profile == "cpu" ? std::max<int64_t>(1, threads) : 1;
}

int64_t slots_of(const MachineSpec& machine, int64_t threads) {
  if (machine.devices == 0) return 0;
  return std::max<int64_t>(1, machine.devices / devices_of_run(machine, threads));
}

}  // namespace aunet
