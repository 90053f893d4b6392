#include "baselines/make_model.h"

#include "baselines/transformer.h"
#include "model/aunet.h"

namespace aunet {

std::shared_ptr<LanguageModel> make_model(const ModelConfig& model, std::optional<uint64_t> init_seed) {
  if (const auto* aunet = std::get_if<AunetConfig>(&model)) return std::make_shared<AUNet>(*aunet, init_seed);
  return std::make_shared<Transformer>(std::get<TransformerConfig>(model), init_seed);
}

}  // namespace aunet
