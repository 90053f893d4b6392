// The one place that knows every model: an explicit list, no registry.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "model/language_model.h"

namespace aunet {

/// Builds a model and initialises it from the named streams of `init_seed` (paper.md 1.4: truncated normal at
/// 3 sigma, std d^-0.5, w2 f^-0.5; norms 1). The same seed gives the same weights whatever the device.
/// nullopt: a model of shapes only, without memory (meta device), to count and name its weights.
std::shared_ptr<LanguageModel> make_model(const ModelConfig& model, std::optional<uint64_t> init_seed);

}  // namespace aunet
