#include "data/profile.h"

#include "core/error.h"

namespace aunet {

DataProfile profile(const Corpus& corpus, const DataConfig& data, const ModelConfig& model,
                    const Tokenizer& tokenizer, uint64_t data_seed, int64_t n_windows) {
  require(n_windows >= 0, "profile: negative number of windows");
  const TrainingStream stream(corpus, data, data_seed);
  const SequenceBuilder builder(model, tokenizer);
  const auto* aunet = std::get_if<AunetConfig>(&model);
  DataProfile out;
  out.n_stages = aunet ? static_cast<int64_t>(aunet->dimensions.size()) : 1;
  out.epoch_bytes = static_cast<double>(corpus.n_bytes());
  for (int64_t s = 0; s < corpus.n_sources(); ++s)
    out.source_bytes.push_back(static_cast<double>(corpus.bytes_of(s)));
  double text_bytes = 0, units = 0;
  for (int64_t i = 0; i < n_windows; ++i) {
    const auto window = stream.window(i);
    const auto sequence = builder.training(corpus, window);
    for (const int64_t rows : builder.rows(sequence)) out.rows.push_back(static_cast<int32_t>(rows));
    out.text_bytes.push_back(static_cast<int32_t>(sequence.text_bytes));
    out.source.push_back(corpus.source(window.spans[0].document));
    text_bytes += static_cast<double>(sequence.text_bytes);
    units += static_cast<double>(sequence.targets.size());
  }
  out.bytes_per_token = units > 0 ? text_bytes / units : 0;
  return out;
}

}  // namespace aunet
