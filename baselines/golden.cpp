#include "baselines/golden.h"

#include "baselines/make_model.h"
#include "core/error.h"
#include "data/batch.h"
#include "nn/safetensors.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace aunet {

namespace {

using Json = nlohmann::json;

template <class T>
T value_or(const Json& j, const char* key, T otherwise) {
  const auto it = j.find(key);
  return it == j.end() || it->is_null() ? otherwise : it->get<T>();
}

/// Official names carry the class: simple_indexed_matmul, simple_repeat, simple (scatter).
std::string pooling_name(const std::string& official) {
  if (official == "simple") return "scatter";
  const std::string prefix = "simple_";
  return official.rfind(prefix, 0) == 0 ? official.substr(prefix.size()) : official;
}

AunetConfig aunet_config(const Json& j) {
  AunetConfig c;
  c.dimensions = j.at("dimensions").get<std::vector<int64_t>>();
  c.layers = j.at("layers").get<std::vector<int64_t>>();
  c.head_dims = j.at("head_dims").get<std::vector<int64_t>>();
  c.sliding_windows = j.at("sliding_windows").get<std::vector<int64_t>>();
  c.max_seqlens = j.at("max_seqlens").get<std::vector<int64_t>>();
  c.residuals = value_or(j, "residuals", std::vector<bool>(c.dimensions.size() - 1, true));
  c.lambda_level = value_or(j, "lambda_level", 0.0);
  c.pooling_type = pooling_name(j.at("pooling_type").get<std::string>());
  c.rope_theta = j.at("rope_theta").get<double>();
  c.multiple_of = j.at("multiple_of").get<int64_t>();
  c.norm_eps = j.at("norm_eps").get<double>();
  c.vocab_size = j.at("vocab_size").get<int64_t>();
  return c;
}

TransformerConfig transformer_config(const Json& j) {
  TransformerConfig c;
  c.dim = j.at("dim").get<int64_t>();
  c.n_layers = j.at("n_layers").get<int64_t>();
  c.head_dim = c.dim / j.at("n_heads").get<int64_t>();
  c.n_kv_heads = value_or<int64_t>(j, "n_kv_heads", 0);
  c.vocab_size = j.at("vocab_size").get<int64_t>();
  c.sliding_window = value_or<int64_t>(j, "sliding_window", 0);
  c.rope_theta = j.at("rope_theta").get<double>();
  c.multiple_of = j.at("multiple_of").get<int64_t>();
  c.norm_eps = j.at("norm_eps").get<double>();
  c.weight_tying = value_or(j, "weight_tying", false);
  return c;
}

const at::Tensor& tensor(const SafeTensors& file, const std::string& name, const std::string& path) {
  const auto it = file.tensors.find(name);
  if (it == file.tensors.end()) throw Error(fmt::format("{}: tensor \"{}\" is missing", path, name));
  return it->second;
}

std::vector<int32_t> row(const SafeTensors& file, const std::string& name, int64_t sequence) {
  const auto it = file.tensors.find(name);
  if (it == file.tensors.end()) return {};
  const at::Tensor values = it->second.select(0, sequence).to(at::kInt).contiguous();
  const int32_t* p = values.const_data_ptr<int32_t>();
  return {p, p + values.numel()};
}

void load_weights(LanguageModel& model, const SafeTensors& file, const std::string& path) {
  const at::NoGradGuard no_grad;
  size_t used = 0;
  for (auto& [name, weight] : model.official_parameters()) {
    const at::Tensor& value = tensor(file, "param." + name, path);
    if (value.sizes() != weight.sizes())
      throw Error(fmt::format("{}: param.{}: expected {} values in the model's shape, got {}", path, name,
                              weight.numel(), value.numel()));
    weight.copy_(value);
    ++used;
  }
  const auto given = std::count_if(file.tensors.begin(), file.tensors.end(),
                                   [](const auto& t) { return t.first.rfind("param.", 0) == 0; });
  if (static_cast<size_t>(given) != used)
    throw Error(fmt::format("{}: expected {} parameters, got {}", path, used, given));
}

double largest_error(const at::Tensor& ours, const at::Tensor& theirs) {
  return (ours.detach().cpu().to(at::kDouble).flatten() - theirs.to(at::kDouble).flatten())
      .abs()
      .max()
      .item<double>();
}

}  // namespace

ModelConfig golden_model_config(const std::string& config_json, const std::string& where) {
  try {
    const Json j = Json::parse(config_json);
    if (j.contains("dimensions")) return aunet_config(j);
    return transformer_config(j);
  } catch (const Json::exception& e) {
    throw Error(fmt::format("{}: config: {}", where, e.what()));
  }
}

GoldenErrors compare_with_golden(const std::string& path, const std::string& device) {
  const SafeTensors file = read_safetensors(path);
  const auto config = file.metadata.find("config");
  if (config == file.metadata.end()) throw Error(fmt::format("{}: metadata key \"config\" is missing", path));
  const ModelConfig model_config = golden_model_config(config->second, path);
  const std::shared_ptr<LanguageModel> model = make_model(model_config, 0);
  load_weights(*model, file, path);
  model->to(at::Device(device));

  std::vector<Sequence> sequences;
  for (int64_t s = 0; s < tensor(file, "input.tokens", path).size(0); ++s) {
    Sequence& q = sequences.emplace_back();
    q.inputs = row(file, "input.tokens", s);
    q.targets = row(file, "input.targets", s);
    q.input_levels = row(file, "input.levels", s);
    q.target_levels = row(file, "input.target_levels", s);
  }
  const DeviceBatch batch = to_device(pack(sequences, model_config), at::Device(device));
  const double count = static_cast<double>(batch.target_units);
  const LossSums sums = model->loss(batch);
  at::Tensor total = sums.nats / count;
  GoldenErrors errors;
  errors.loss = largest_error(total, tensor(file, "output.loss", path));
  if (sums.level_nats.defined()) {
    const at::Tensor level = sums.level_nats / count;
    errors.loss = std::max(errors.loss, largest_error(level, tensor(file, "output.level_loss", path)));
    total = total + model->lambda_level() * level;
  }
  total.backward();
  errors.logits = largest_error(model->logits(batch), tensor(file, "output.logits", path));
  for (const auto& [name, gradient] : model->official_gradients()) {
    const double error = largest_error(gradient, tensor(file, "grad." + name, path));
    if (error >= errors.grads) errors.grads = error, errors.worst_grad = name;
  }
  return errors;
}

}  // namespace aunet
