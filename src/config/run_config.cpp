#include "config/run_config.h"

#include "config/experiment.h"
#include "config/rule_file.h"
#include "core/error.h"
#include "core/text.h"

#include <fmt/format.h>

#include <map>
#include <string>
#include <type_traits>

namespace aunet {
namespace {

// Shortest text that reads back as the same double; fmt writes 1 for 1.0, which the reader takes as a number.
std::string toml_value(double value) { return fmt::format("{}", value); }
std::string toml_value(int64_t value) { return fmt::format("{}", value); }
std::string toml_value(uint64_t value) { return fmt::format("{}", value); }
std::string toml_value(bool value) { return value ? "true" : "false"; }

std::string toml_value(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04X}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

template <class T>
std::string toml_value(const std::vector<T>& values) {
  std::vector<std::string> parts;
  for (const T& value : values) parts.push_back(toml_value(static_cast<T>(value)));
  return fmt::format("[{}]", join(parts, ", "));
}

/// Lines "key = value" under headers.
class Writer {
 public:
  void section(const std::string& name) { text_ += fmt::format("\n[{}]\n", name); }
  void list_section(const char* name) { text_ += fmt::format("\n[[{}]]\n", name); }
  template <class T>
  void set(const char* key, const T& value) {
    text_ += fmt::format("{} = {}\n", key, toml_value(value));
  }
  void set_raw(const char* key, const std::string& value) { text_ += fmt::format("{} = {}\n", key, value); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void write_model(Writer& w, const AunetConfig& c) {
  w.set("kind", std::string("aunet"));
  w.set("dimensions", c.dimensions);
  w.set("layers", c.layers);
  w.set("head_dims", c.head_dims);
  if (!c.n_kv_heads.empty()) w.set("n_kv_heads", c.n_kv_heads);
  w.set("residuals", c.residuals);
  w.set("sliding_windows", c.sliding_windows);
  w.set("max_seqlens", c.max_seqlens);
  w.set("lambda_level", c.lambda_level);
  w.set("pooling_type", c.pooling_type);
  if (!c.upsampling.empty()) w.set("upsampling", c.upsampling);
  if (c.skip != "add") w.set("skip", c.skip);
  if (c.weight_tying) w.set("weight_tying", c.weight_tying);
  if (!c.lambda_units.empty()) {
    w.set("lambda_units", c.lambda_units);
    w.set("unit_targets", c.unit_targets);
    w.set("unit_reach", c.unit_reach);
  }
  w.set("rope_theta", c.rope_theta);
  w.set("multiple_of", c.multiple_of);
  w.set("norm_eps", c.norm_eps);
  w.set("vocab_size", c.vocab_size);
  w.set("split", to_string(c.split));
  if (const auto fingerprints = rule_fingerprints(c.split); !fingerprints.empty())
    w.set("split_fingerprints", fingerprints);
  w.set("split_mode", to_string(c.split_mode));
}

/// The [split.NAME] tables that the model's split names.
void write_user_rules(Writer& w, const ModelConfig& model) {
  const auto* aunet = std::get_if<AunetConfig>(&model);
  if (!aunet) return;
  std::map<std::string, SplitRule> rules;
  for (const SplitRule& rule : aunet->split) {
    if (is_user_rule(rule)) rules.emplace(rule.name, rule);
  }
  for (const auto& [name, rule] : rules) {
    w.section("split." + name);
    if (!rule.start.empty()) w.set("start", rule.start);
    if (!rule.end.empty()) w.set("end", rule.end);
  }
}

std::string tokenizer_table(const TokenizerConfig& c) {
  std::vector<std::string> parts = {"train = " + toml_value(c.train)};
  if (c.vocab > 0) parts.push_back("vocab = " + toml_value(c.vocab));
  if (!c.path.empty()) parts.push_back("path = " + toml_value(c.path));
  parts.push_back("pattern = " + toml_value(c.pattern));
  if (!c.fingerprint.empty()) parts.push_back("fingerprint = " + toml_value(c.fingerprint));
  return fmt::format("{{ {} }}", join(parts, ", "));
}

void write_model(Writer& w, const TransformerConfig& c) {
  w.set("kind", kind_of(c));
  w.set("dim", c.dim);
  w.set("n_layers", c.n_layers);
  w.set("head_dim", c.head_dim);
  w.set("n_kv_heads", c.n_kv_heads);
  w.set("sliding_window", c.sliding_window);
  w.set("rope_theta", c.rope_theta);
  w.set("multiple_of", c.multiple_of);
  w.set("norm_eps", c.norm_eps);
  w.set("weight_tying", c.weight_tying);
  if (c.tokenizer.kind == "bpe") w.set_raw("tokenizer", tokenizer_table(c.tokenizer));
}

void write_data(Writer& w, const DataConfig& c) {
  std::vector<std::string> sources;
  for (const SourceConfig& source : c.train) {
    sources.push_back(source.weight == 0 ? toml_value(source.path)
                                         : fmt::format("{{ path = {}, weight = {} }}",
                                                       toml_value(source.path), toml_value(source.weight)));
  }
  w.set_raw("train", fmt::format("[{}]", join(sources, ", ")));
  w.set("heldout", c.heldout);
  w.set("context_bytes", c.context_bytes);
  w.set("document_mask", c.document_mask);
  if (c.invalid != "refuse") w.set("invalid", c.invalid);
  if (c.overlap != "refuse") w.set("overlap", c.overlap);
  if (!c.train_fingerprint.empty()) w.set("train_fingerprint", c.train_fingerprint);
  if (!c.heldout_fingerprint.empty()) w.set("heldout_fingerprint", c.heldout_fingerprint);
}

void write_training(Writer& w, const RunConfig& run) {
  w.section("optim");
  w.set("lr", run.optim.lr);
  w.set("beta1", run.optim.beta1);
  w.set("beta2", run.optim.beta2);
  w.set("eps", run.optim.eps);
  w.set("weight_decay", run.optim.weight_decay);
  w.set("clip", run.optim.clip);
  w.section("schedule");
  w.set("kind", run.schedule.kind);
  const bool in_steps = run.schedule.warmup_steps >= 0;
  if (in_steps) w.set("warmup_steps", run.schedule.warmup_steps);
  if (!in_steps) w.set("warmup", run.schedule.warmup);
  if (run.schedule.kind == "wsd") w.set("decay", run.schedule.decay);
  w.set("floor", run.schedule.floor);
  w.section("horizon");
  w.set("windows", run.horizon.windows);
  w.set("batch_windows", run.horizon.batch_windows);
  w.set("last_window_bytes", run.horizon.last_window_bytes);
  w.set("accumulation", run.horizon.accumulation);
  w.section("seeds");
  w.set("init", run.seeds.init);
  w.set("data", run.seeds.data);
}

void write_runtime(Writer& w, const RunConfig& run) {
  w.section("run");
  w.set("threads", run.runtime.threads);
  if (run.runtime.loader_workers != 1) w.set("loader_workers", run.runtime.loader_workers);
  w.set("device", run.runtime.device);
  if (!run.runtime.parent_key.empty())
    w.set("parent", fmt::format("{}@{}", run.runtime.parent_key, run.runtime.parent_step));
  w.section("checkpoints");
  w.set("every", run.runtime.checkpoint_seconds);
  w.set("steps", run.runtime.checkpoint_steps);
  w.set("keep", run.runtime.checkpoint_keep);
  if (run.runtime.checkpoint_pin > 0) w.set("pin", run.runtime.checkpoint_pin);
  w.section("gates");
  w.set("causal", run.runtime.gate_causal);
  w.set("perturbations", run.runtime.gate_perturbations);
  w.section("origin");
  w.set("budget_flops", run.origin.budget_flops);
  w.set("convention", run.origin.convention);
  w.set("flops_planned", run.origin.flops_planned);
}

void write_eval(Writer& w, const EvalConfig& eval) {
  w.list_section("eval");
  w.set("name", eval.name);
  if (!eval.paths.empty()) w.set("paths", eval.paths);
  w.set("corrupt", eval.corrupt);
  if (eval.corrupt == "typos") w.set("rate", eval.rate);
  if (eval.corrupt == "typos") w.set("seed", eval.seed);
  if (!eval.fingerprint.empty()) w.set("fingerprint", eval.fingerprint);
}

RunConfig resolved(const ExperimentSpec& spec, const std::string& file_name) {
  if (spec.resolved()) return spec.run;
  throw ConfigError(file_name +
                    ": horizon: expected windows and batch_windows (a resolved run), got a budget that "
                    "needs data to resolve");
}

}  // namespace

std::string to_toml(const RunConfig& run) {
  Writer w;
  if (!run.origin.name.empty()) w.set("name", run.origin.name);
  if (!run.origin.family.empty()) w.set("family", run.origin.family);
  w.section("model");
  std::visit([&](const auto& model) { write_model(w, model); }, run.model);
  write_user_rules(w, run.model);
  w.section("data");
  write_data(w, run.data);
  write_training(w, run);
  write_runtime(w, run);
  for (const EvalConfig& eval : run.evals) write_eval(w, eval);
  return w.text();
}

RunConfig read_run_config(const std::string& path, const std::vector<std::string>& overrides) {
  return resolved(read_experiment(path, overrides), path);
}

RunConfig parse_run_config(const std::string& toml_text, const std::string& file_name,
                           const std::vector<std::string>& overrides) {
  return resolved(parse_experiment(toml_text, file_name, overrides), file_name);
}

}  // namespace aunet
