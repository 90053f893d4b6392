// An experiment file: one run, whose horizon may still be a budget. A resolved run.toml is an experiment too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/run_config.h"

namespace aunet {

/// [horizon] as written. Exactly one of flops, bytes, steps, run.horizon.windows says how far to train, and
/// exactly one of run.horizon.batch_windows, batch_bytes how large a step is. What needs data to resolve is
/// left at 0 in `run`.
struct ExperimentSpec {
  RunConfig run;
  std::optional<double> flops;   // training FLOPs, counted by run.origin.convention
  std::optional<double> bytes;   // text bytes to train on
  std::optional<int64_t> steps;  // optimizer steps; beside batch_windows, run.horizon.windows is filled in
  std::optional<double> batch_bytes;  // text bytes of a step
  bool resolved() const { return run.horizon.windows > 0 && run.horizon.batch_windows > 0; }
};

/// Reads an experiment or a run.toml; relative paths become absolute, seen from the file's folder.
///
/// Throws   ConfigError as read_run_config
ExperimentSpec read_experiment(const std::string& path, const std::vector<std::string>& overrides = {});

/// The same from a text. Paths stay relative unless `file_name` has a folder, which is then put before them.
ExperimentSpec parse_experiment(const std::string& toml_text, const std::string& file_name,
                                const std::vector<std::string>& overrides = {});

}  // namespace aunet
