// The sections that experiments and sweeps share: [data], [optim], [schedule], [run], [checkpoints], [gates].
#pragma once

#include "config/reader.h"
#include "config/run_config.h"

namespace aunet {

/// `base_folder` is put before relative paths; "" leaves them.
std::string resolve_path(const std::string& path, const std::string& base_folder);

/// train, heldout, context_bytes, document_mask. Held-out and training sources are demanded unless
/// `may_be_empty`. Fingerprints are read by the caller that allows them.
/// `resolved`: a run that knows its fingerprint; there a source without weight among weighted ones has 1.
DataConfig read_data(const Table& data, const std::string& base_folder, bool may_be_empty,
                     bool resolved = false);

/// [optim] without lr, which an experiment must have and a sweep may not.
OptimConfig read_optim(const Table& optim);
inline constexpr const char* kOptimKeys[] = {"beta1", "beta2", "eps", "weight_decay", "clip"};

/// [schedule]. A sweep (`branches` is not null) may say `branches`, default true for wsd, and leaves the
/// warm-up's steps to the planner; an experiment may say `warmup_steps` instead of `warmup`.
ScheduleConfig read_schedule(const Table& root, bool* branches = nullptr);
/// [run], [checkpoints] and [gates] of `root`. `of_one_run`: with the parent and the pin, which belong to a run
/// and not to a sweep.
RuntimeConfig read_runtime(const Table& root, bool of_one_run = false);

/// Letters, digits, '-', '_' and '.': a name becomes part of paths, override keys and tables.
void check_name(const Table& table, std::string_view key, const std::string& name);

/// The folder of a file as paths in it are resolved: absolute, so that a run.toml works from any folder.
std::string folder_of_file(const std::string& path);
/// The bytes of a configuration file. Throws ConfigError when there is none.
std::string read_config_text(const std::string& path);

}  // namespace aunet
