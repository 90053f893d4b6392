// Compares our models with vectors of another implementation, laid out as golden/README.md says.
#pragma once

#include "config/model_config.h"

#include <string>

namespace aunet {

/// Largest absolute errors against the file's output.loss, output.logits and grad.*.
struct GoldenErrors {
  double loss = 0, logits = 0, grads = 0;
  std::string worst_grad;  // name of the parameter with the largest gradient error
};

/// The model that the JSON text of a file's metadata key `config` describes. Throws Error with `where` in
/// front.
ModelConfig golden_model_config(const std::string& config_json, const std::string& where);

/// Loads the file's weights into a fresh fp32 model on `device`, runs its inputs as one packed batch, and
/// compares. Every parameter of the model must be in the file with its shape, and the reverse. Throws Error
/// for a file that is broken, incomplete or holds a model we do not have.
GoldenErrors compare_with_golden(const std::string& path, const std::string& device);

}  // namespace aunet
