#include "config/sections.h"

#include "config/toml_file.h"
#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <string_view>

namespace aunet {
namespace {

namespace fs = std::filesystem;

SourceConfig read_source(const toml::node& node, const std::string& path, const std::string& base_folder) {
  SourceConfig source{.path = "", .weight = 0};
  if (const auto* text = node.as_string()) {
    source.path = text->get();
  } else if (node.is_table()) {
    const Table table(*node.as_table(), path, {"path", "weight"});
    table.need("path", "a path");
    table.read("path", source.path);
    table.read("weight", source.weight, above(0));
  } else {
    fail_at(node, path, "expected a path or { path, weight }, got " + describe(node));
  }
  if (source.path.empty()) fail_at(node, path, "expected a path, got \"\"");
  source.path = resolve_path(source.path, base_folder);
  return source;
}

std::vector<SourceConfig> read_sources(const Table& data, const std::string& base_folder) {
  std::vector<SourceConfig> sources;
  const toml::node* node = data.find("train");
  if (!node) return sources;
  const toml::array* array = node->as_array();
  if (!array) data.fail_expected("train", "an array of paths or { path, weight }");
  for (size_t i = 0; i < array->size(); ++i) {
    const std::string path = fmt::format("{}[{}]", data.path_of("train"), i);
    sources.push_back(read_source((*array)[i], path, base_folder));
  }
  return sources;
}

/// Weights for all or for none. A run.toml of an earlier release left out a weight of 1.
void check_weights(const Table& data, std::vector<SourceConfig>& sources, bool resolved) {
  const toml::array* array = data.find("train") ? data.find("train")->as_array() : nullptr;
  for (size_t i = 1; i < sources.size(); ++i) {
    if ((sources[i].weight > 0) == (sources[0].weight > 0)) continue;
    if (resolved) {
      for (SourceConfig& source : sources) source.weight = source.weight > 0 ? source.weight : 1;
      return;
    }
    fail_at((*array)[i], fmt::format("{}[{}]", data.path_of("train"), i),
            fmt::format("expected a weight for every source or for none (then their sizes are the weights), "
                        "got {} after {}",
                        sources[i].weight > 0 ? "one" : "none", sources[0].weight > 0 ? "one" : "none"));
  }
}

/// keep = "last:2" or 2.
void read_keep(const Table& checkpoints, int64_t& keep) {
  const toml::node* node = checkpoints.find("keep");
  if (!node) return;
  const auto* text = node->as_string();
  if (!text) {
    if (!node->is_integer()) checkpoints.fail_expected("keep", "\"last:N\" or an integer >= 1");
    checkpoints.read("keep", keep, within(1, 1 << 20));
    return;
  }
  const std::string_view all = text->get();
  const std::string_view digits = all.starts_with("last:") ? all.substr(5) : "";
  int64_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      !within(1, 1 << 20).holds(double(count))) {
    checkpoints.fail_expected("keep", "\"last:N\" or an integer >= 1");
  }
  keep = count;
}

/// parent = "KEY@STEP": the sibling folder KEY's checkpoint after STEP.
void read_parent(const Table& run, RuntimeConfig& config) {
  if (!run.has("parent")) return;
  std::string text;
  run.read("parent", text);
  const size_t at = text.find('@');
  const std::string key = text.substr(0, at), step = at == std::string::npos ? "" : text.substr(at + 1);
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), config.parent_step);
  const bool is_key = key.size() == 16 && key.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_key || error != std::errc() || end != step.data() + step.size() || config.parent_step < 1)
    run.fail_expected("parent", "a key and a step, KEY@STEP");
  config.parent_key = key;
}

}  // namespace

std::string resolve_path(const std::string& path, const std::string& base_folder) {
  if (base_folder.empty() || fs::path(path).is_absolute()) return path;
  return (fs::path(base_folder) / path).lexically_normal().string();
}

DataConfig read_data(const Table& data, const std::string& base_folder, bool may_be_empty, bool resolved) {
  DataConfig config;
  if (!may_be_empty) {
    data.need("train", "an array of paths or { path, weight }");
    data.need("heldout", "an array of paths");
  }
  config.train = read_sources(data, base_folder);
  check_weights(data, config.train, resolved);
  data.read_list("heldout", config.heldout);
  for (const char* key : {"train", "heldout"}) {
    const bool empty = key == std::string_view("train") ? config.train.empty() : config.heldout.empty();
    if (empty && data.has(key)) data.fail(key, "expected at least one path, got none");
  }
  for (std::string& path : config.heldout) path = resolve_path(path, base_folder);
  data.read("context_bytes", config.context_bytes, within(16, 1 << 20));
  data.read("document_mask", config.document_mask);
  data.read_choice("invalid", config.invalid, {"refuse", "skip"});
  data.read_choice("overlap", config.overlap, {"refuse", "allow"});
  return config;
}

OptimConfig read_optim(const Table& optim) {
  OptimConfig config;
  optim.read("beta1", config.beta1, Range{.min = 0, .max = 0.999999});
  optim.read("beta2", config.beta2, Range{.min = 0, .max = 0.999999});
  optim.read("eps", config.eps, above(0));
  optim.read("weight_decay", config.weight_decay, at_least(0));
  optim.read("clip", config.clip, above(0));
  return config;
}

ScheduleConfig read_schedule(const Table& root, bool* branches) {
  ScheduleConfig config;
  const char* of_its_own = branches != nullptr ? "branches" : "warmup_steps";
  const Table schedule = root.table("schedule", {"kind", "warmup", "floor", "decay", of_its_own});
  schedule.read_choice("kind", config.kind, {"cosine", "wsd"});
  const bool wsd = config.kind == "wsd";
  for (const char* key : {"decay", of_its_own}) {
    if (!wsd && schedule.has(key)) schedule.fail(key, "expected only beside kind = \"wsd\"");
  }
  schedule.read("warmup", config.warmup, within(0, 1));
  schedule.read("floor", config.floor, within(0, 1));
  schedule.read("decay", config.decay, above_to(0, 1));
  if (branches != nullptr) {
    *branches = wsd;
    schedule.read("branches", *branches);
  } else if (schedule.has("warmup_steps")) {
    if (schedule.has("warmup")) schedule.fail("warmup_steps", "expected only without warmup");
    schedule.read("warmup_steps", config.warmup_steps, at_least(0));
  }
  if (wsd && config.warmup_steps < 0 && config.warmup + config.decay > 1) {
    schedule.fail(schedule.has("decay") ? "decay" : "warmup",
                  fmt::format("expected warmup + decay up to 1, got {} + {}", config.warmup, config.decay));
  }
  return config;
}

RuntimeConfig read_runtime(const Table& root, bool of_one_run) {
  RuntimeConfig config;
  const Table run = of_one_run ? root.table("run", {"threads", "loader_workers", "device", "parent"})
                               : root.table("run", {"threads", "loader_workers", "device"});
  run.read("threads", config.threads, within(1, 4096));
  run.read("loader_workers", config.loader_workers, within(1, 256));
  run.read_choice("device", config.device, {"cpu", "cuda"});
  if (of_one_run) read_parent(run, config);
  const Table checkpoints = of_one_run ? root.table("checkpoints", {"every", "steps", "keep", "pin"})
                                       : root.table("checkpoints", {"every", "steps", "keep"});
  if (of_one_run) checkpoints.read("pin", config.checkpoint_pin, at_least(0));
  checkpoints.read_duration("every", config.checkpoint_seconds);
  checkpoints.read("steps", config.checkpoint_steps, at_least(0));
  read_keep(checkpoints, config.checkpoint_keep);
  const Table gates = root.table("gates", {"causal", "perturbations"});
  gates.read_choice("causal", config.gate_causal, {"pass", "leaky-allowed", "off"});
  gates.read("perturbations", config.gate_perturbations, within(1, 1e7));
  return config;
}

void check_name(const Table& table, std::string_view key, const std::string& name) {
  const bool safe = !name.empty() && name[0] != '.' && name.size() <= 128 &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return (c < 128 && std::isalnum(c)) || c == '-' || c == '_' || c == '.';
                    });
  if (!safe) table.fail_expected(key, "a name of letters, digits, '-', '_', '.'");
}

std::string folder_of_file(const std::string& path) {
  return fs::absolute(path).lexically_normal().parent_path().string();
}

std::string read_config_text(const std::string& path) {
  if (!exists(path)) throw ConfigError(path + ": no such file");
  return read_file(path);
}

}  // namespace aunet
