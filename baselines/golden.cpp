#include "baselines/golden.h"

#include "baselines/make_model.h"
#include "core/error.h"
#include "data/batch.h"
#include "nn/safetensors.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace aunet {

namespace {

const at::Tensor& tensor(const SafeTensors& file, const std::string& name, const std::string& path) {
  const auto it = file.tensors.find(name);
  if (it == file.tensors.end()) throw Error(fmt::format("{}: tensor \"{}\" is missing", path, name));
  return it->second;
}

/// A tensor that must have this shape.
const at::Tensor& tensor(const SafeTensors& file, const std::string& name, const std::string& path,
                         at::IntArrayRef shape) {
  const at::Tensor& value = tensor(file, name, path);
  if (value.sizes() != shape)
    throw Error(fmt::format("{}: {}: expected shape [{}], got [{}]", path, name, fmt::join(shape, ", "),
                            fmt::join(value.sizes(), ", ")));
  return value;
}

/// The one value of a tensor.
const at::Tensor& one_value(const SafeTensors& file, const std::string& name, const std::string& path) {
  const at::Tensor& value = tensor(file, name, path);
  if (value.numel() != 1)
    throw Error(fmt::format("{}: {}: expected one value, got {}", path, name, value.numel()));
  return value;
}

/// Integers [B, S] in 0 .. n - 1.
at::Tensor ids(const SafeTensors& file, const std::string& name, const std::string& path,
               at::IntArrayRef shape, int64_t n) {
  const at::Tensor& value = tensor(file, name, path, shape);
  if (value.is_floating_point())
    throw Error(fmt::format("{}: {}: expected integers, got {}", path, name, toString(value.scalar_type())));
  const at::Tensor all = value.to(at::kInt).contiguous();
  if (all.min().item<int32_t>() < 0 || all.max().item<int32_t>() >= n)
    throw Error(fmt::format("{}: {}: expected values in 0 .. {}, got {} .. {}", path, name, n - 1,
                            all.min().item<int32_t>(), all.max().item<int32_t>()));
  return all;
}

std::vector<int32_t> row(const at::Tensor& values, int64_t sequence) {
  const int32_t* p = values.const_data_ptr<int32_t>() + sequence * values.size(1);
  return {p, p + values.size(1)};
}

std::vector<Sequence> read_sequences(const SafeTensors& file, const ModelConfig& config,
                                     const std::string& path) {
  const auto shape = tensor(file, "input.tokens", path).sizes().vec();
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1)
    throw Error(
        fmt::format("{}: input.tokens: expected shape [B, S], got [{}]", path, fmt::join(shape, ", ")));
  const auto* aunet = std::get_if<AunetConfig>(&config);
  const int64_t vocab = aunet ? aunet->vocab_size : std::get<TransformerConfig>(config).vocab_size;
  const at::Tensor tokens = ids(file, "input.tokens", path, shape, vocab),
                   targets = ids(file, "input.targets", path, shape, vocab);
  at::Tensor levels, target_levels;
  if (aunet) {
    const auto n_levels = std::ssize(aunet->dimensions);
    levels = ids(file, "input.levels", path, shape, n_levels);
    target_levels = ids(file, "input.target_levels", path, shape, n_levels);
  }
  std::vector<Sequence> sequences(static_cast<size_t>(shape[0]));
  for (int64_t s = 0; s < shape[0]; ++s) {
    Sequence& q = sequences[static_cast<size_t>(s)];
    q.inputs = row(tokens, s);
    q.targets = row(targets, s);
    if (!aunet) continue;
    q.input_levels = row(levels, s);
    q.target_levels = row(target_levels, s);
  }
  return sequences;
}

void load_weights(LanguageModel& model, const SafeTensors& file, const std::string& path) {
  const at::NoGradGuard no_grad;
  size_t used = 0;
  for (auto& [name, weight] : model.official_parameters()) {
    weight.copy_(tensor(file, "param." + name, path, weight.sizes()));
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

GoldenErrors compare_with_golden(const std::string& path, const std::string& device) {
  const SafeTensors file = read_safetensors(path);
  const auto config = file.metadata.find("config");
  if (config == file.metadata.end()) throw Error(fmt::format("{}: metadata key \"config\" is missing", path));
  const ModelConfig model_config = golden_model_config(config->second, path);
  const std::shared_ptr<LanguageModel> model = make_model(model_config, 0);
  load_weights(*model, file, path);
  model->to(at::Device(device));

  const std::vector<Sequence> sequences = read_sequences(file, model_config, path);
  const DeviceBatch batch = to_device(pack(sequences, model_config), at::Device(device));
  const double count = static_cast<double>(batch.target_units);
  const LossSums sums = model->loss(batch);
  at::Tensor total = sums.nats / count;
  GoldenErrors errors;
  errors.loss = largest_error(total, one_value(file, "output.loss", path));
  if (sums.level_nats.defined()) {
    const at::Tensor level = sums.level_nats / count;
    errors.loss = std::max(errors.loss, largest_error(level, one_value(file, "output.level_loss", path)));
    total = total + model->lambda_level() * level;
  }
  total.backward();
  const at::Tensor logits = model->logits(batch);
  errors.logits =
      largest_error(logits, tensor(file, "output.logits", path,
                                   {std::ssize(sequences), std::ssize(sequences[0].inputs), logits.size(1)}));
  for (const auto& [name, gradient] : model->official_gradients()) {
    const double error = largest_error(gradient, tensor(file, "grad." + name, path, gradient.sizes()));
    if (error >= errors.grads) errors.grads = error, errors.worst_grad = name;
  }
  return errors;
}

}  // namespace aunet
