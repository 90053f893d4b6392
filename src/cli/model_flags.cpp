#include "cli/model_flags.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <charconv>

namespace aunet {

std::vector<int64_t> positive_integers(const std::string& text, const char* option) {
  std::vector<int64_t> list;
  for (const std::string& part : split_on(text, ',')) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value < 1)
      throw ConfigError(
          fmt::format("--{}: expected positive integers separated by commas, got \"{}\"", option, text));
    list.push_back(value);
  }
  return list;
}

ModelConfig model_from_flags(const boost::program_options::variables_map& v) {
  const auto list = [&](const char* name) { return positive_integers(v[name].as<std::string>(), name); };
  const int64_t vocab = v["vocab"].as<int64_t>();
  if (v["model"].as<std::string>() == "llama") {
    TransformerConfig c;
    c.dim = list("dims")[0], c.n_layers = list("layers")[0], c.head_dim = list("head-dims")[0];
    c.vocab_size = vocab ? vocab : 128256;
    c.sliding_window = list("windows")[0];
    c.multiple_of = v["multiple-of"].as<int64_t>();
    return c;
  }
  if (v["model"].as<std::string>() != "aunet")
    throw ConfigError(
        fmt::format("--model: expected aunet or llama, got \"{}\"", v["model"].as<std::string>()));
  AunetConfig c;
  c.dimensions = list("dims"), c.layers = list("layers"), c.head_dims = list("head-dims");
  c.sliding_windows = list("windows");
  c.max_seqlens.assign(c.dimensions.size(), -1);
  c.residuals.assign(c.dimensions.size() - 1, true);
  for (const auto* other : {&c.layers, &c.head_dims, &c.sliding_windows})
    if (other->size() != c.dimensions.size())
      throw ConfigError(
          fmt::format("--dims has {} stages, another list has {}", c.dimensions.size(), other->size()));
  c.vocab_size = vocab ? vocab : 258;
  c.multiple_of = v["multiple-of"].as<int64_t>();
  return c;
}

}  // namespace aunet
