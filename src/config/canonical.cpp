#include "config/run_config.h"

#include "config/rule_file.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace aunet {
namespace {

std::string render(int64_t value) { return fmt::format("{}", value); }
std::string render(uint64_t value) { return fmt::format("{}", value); }
std::string render(bool value) { return value ? "true" : "false"; }
std::string render(const std::string& text) { return nlohmann::json(text).dump(); }
std::string render(const char* text) { return render(std::string(text)); }

// std::to_chars: the shortest text that reads back as the same double, fixed by the C++ standard, whatever
// the locale and library version. nlohmann's own writer is not always the shortest.
std::string render(double value) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  require(error == std::errc(), "canonical: a number that does not fit");
  return std::string(buffer, end);
}

template <class T>
std::string render(const std::vector<T>& values) {
  std::vector<std::string> parts;
  for (const T& value : values) parts.push_back(render(static_cast<T>(value)));
  return fmt::format("[{}]", join(parts, ","));
}

/// One JSON object with sorted keys, its values already rendered.
class Object {
 public:
  template <class T>
  void set(const char* key, const T& value) {
    fields_[key] = render(value);
  }
  /// Left out while it has its neutral value: how a key of a later release keeps old hashes.
  template <class T>
  void set_unless(const char* key, const T& value, const T& neutral) {
    if (!(value == neutral)) set(key, value);
  }
  void set_object(const char* key, const Object& object) { fields_[key] = object.text(); }
  std::string text() const {
    std::vector<std::string> parts;
    for (const auto& [key, value] : fields_) parts.push_back(render(key) + ":" + value);
    return fmt::format("{{{}}}", join(parts, ","));
  }

 private:
  std::map<std::string, std::string> fields_;
};

Object canonical_model(const AunetConfig& c) {
  Object o;
  o.set("kind", "aunet");
  o.set("dimensions", c.dimensions);
  o.set("layers", c.layers);
  o.set("head_dims", c.head_dims);
  o.set_unless("residuals", c.residuals, std::vector<bool>(c.residuals.size(), true));
  o.set("sliding_windows", c.sliding_windows);
  o.set_unless("max_seqlens", c.max_seqlens, std::vector<int64_t>(c.max_seqlens.size(), -1));
  o.set_unless("lambda_level", c.lambda_level, 0.0);
  o.set("pooling_type", c.pooling_type);
  o.set_unless("n_kv_heads", c.n_kv_heads, {});
  o.set_unless("upsampling", c.upsampling, {});
  o.set_unless<std::string>("skip", c.skip, "add");
  o.set_unless("weight_tying", c.weight_tying, false);
  if (!c.lambda_units.empty()) {
    o.set("lambda_units", c.lambda_units);
    o.set("unit_targets", c.unit_targets);
    o.set("unit_reach", c.unit_reach);
  }
  o.set("rope_theta", c.rope_theta);
  o.set("multiple_of", c.multiple_of);
  o.set("norm_eps", c.norm_eps);
  o.set("vocab_size", c.vocab_size);
  o.set("split", to_string(without_names(without_paths(c.split))));
  o.set_unless("split_patterns", user_patterns(c.split), {});
  o.set("split_mode", to_string(c.split_mode));
  return o;
}

Object canonical_model(const TransformerConfig& c) {
  Object o;
  o.set("kind", kind_of(c));
  o.set("dim", c.dim);
  o.set("n_layers", c.n_layers);
  o.set("head_dim", c.head_dim);
  o.set_unless<int64_t>("n_kv_heads", c.n_kv_heads, 0);
  o.set("vocab_size", c.vocab_size);
  o.set_unless<int64_t>("sliding_window", c.sliding_window, 0);
  o.set("rope_theta", c.rope_theta);
  o.set("multiple_of", c.multiple_of);
  o.set("norm_eps", c.norm_eps);
  o.set_unless("weight_tying", c.weight_tying, false);
  // The ranks and the pattern decide the ids; the fingerprint stands for both (baselines/bpe.h).
  if (c.tokenizer.kind == "bpe") o.set("tokenizer", c.tokenizer.fingerprint);
  return o;
}

Object canonical_training(const RunConfig& run) {
  Object optim, schedule, horizon, seeds, all;
  optim.set("lr", run.optim.lr);
  optim.set("beta1", run.optim.beta1);
  optim.set("beta2", run.optim.beta2);
  optim.set("eps", run.optim.eps);
  optim.set("weight_decay", run.optim.weight_decay);
  optim.set("clip", run.optim.clip);
  schedule.set("kind", run.schedule.kind);
  // A warm-up in steps makes its share meaningless; a cosine has neither it nor a decay.
  const bool wsd = run.schedule.kind == "wsd";
  if (wsd && run.schedule.warmup_steps >= 0)
    schedule.set("warmup_steps", run.schedule.warmup_steps);
  else
    schedule.set("warmup", run.schedule.warmup);
  if (wsd) schedule.set("decay", run.schedule.decay);
  schedule.set("floor", run.schedule.floor);
  horizon.set("windows", run.horizon.windows);
  horizon.set("batch_windows", run.horizon.batch_windows);
  horizon.set_unless<int64_t>("last_window_bytes", run.horizon.last_window_bytes, 0);
  seeds.set("init", run.seeds.init);
  seeds.set("data", run.seeds.data);
  all.set_object("optim", optim);
  all.set_object("schedule", schedule);
  all.set_object("horizon", horizon);
  all.set_object("seeds", seeds);
  return all;
}

}  // namespace

std::string canonical(const RunConfig& run) {
  Object all = canonical_training(run);
  all.set("numerics", kNumericsVersion);
  all.set_object("model", std::visit([](const auto& model) { return canonical_model(model); }, run.model));
  Object data;
  data.set("train", run.data.train_fingerprint);
  data.set("context_bytes", run.data.context_bytes);
  data.set_unless("document_mask", run.data.document_mask, false);
  all.set_object("data", data);
  return all.text();
}

std::string train_key(const RunConfig& run) {
  require(!run.data.train_fingerprint.empty(), "train_key: the training data have no fingerprint");
  if (const auto* aunet = std::get_if<AunetConfig>(&run.model)) {
    for (const SplitRule& rule : aunet->split)
      require(!reads_file(rule) || !rule.fingerprint.empty(),
              "train_key: a split rule's file has no fingerprint");
  }
  if (const auto* transformer = std::get_if<TransformerConfig>(&run.model)) {
    require(transformer->tokenizer.kind == "bytes" || !transformer->tokenizer.fingerprint.empty(),
            "train_key: the tokenizer has no fingerprint");
  }
  return hash_hex(canonical(run)).substr(0, 16);
}

std::string eval_key(const RunConfig& run) {
  require(!run.data.heldout_fingerprint.empty(), "eval_key: the held-out data have no fingerprint");
  return hash_hex(fmt::format("{}|{}|{}|{}", train_key(run), run.data.heldout_fingerprint,
                              run.data.context_bytes, kScorerVersion))
      .substr(0, 16);
}

}  // namespace aunet
