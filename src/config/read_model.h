// Reads `model = { kind = ... }` of experiments and sweeps. The only place that reads model keys.
#pragma once

#include "config/model_config.h"
#include "config/reader.h"

namespace aunet {

enum class ModelScope {
  Complete,  // an experiment or run.toml: widths and layers are there, every default is filled in
  Family,    // a sweep's family: widths and layers may come from `sizes`; what the text does not say stays
             // empty or 0
};

/// Reads the table at `key`, which must be there. A tokenizer's path is resolved against `base_folder`; where
/// its vocab is not written, the lines of the rank file are counted. `user`: the split rules that the file
/// defines.
///
/// Throws   ConfigError; list lengths are held against `stages` (or the length of `dimensions`)
ModelConfig read_model(const Table& parent, std::string_view key, ModelScope scope,
                       const std::string& base_folder, const UserRules& user);

/// Throws ConfigError at `key` of `table` unless every width is a multiple of its even head width.
void check_heads(const std::vector<int64_t>& dims, const std::vector<int64_t>& head_dims, const Table& table,
                 std::string_view key);

inline constexpr Range kWidthRange = within(2, 1 << 20);
inline constexpr Range kLayersRange = within(1, 10000);

}  // namespace aunet
