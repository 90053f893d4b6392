#include "train/checkpoint.h"

#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/log.h"
#include "core/text.h"
#include "nn/safetensors.h"

#include <ATen/Version.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <torch/version.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace aunet {

namespace {

using Json = nlohmann::json;

constexpr const char* kModelFile = "model.safetensors";
constexpr const char* kOptimFile = "optim.safetensors";
constexpr const char* kStateFile = "state.json";

/// A checkpoint that is incomplete or corrupt: the one before it may serve.
struct Damaged : Error {
  using Error::Error;
};

std::string step_name(int64_t step) { return fmt::format("step-{:08d}", step); }

/// Step of "step-00000100", or -1 for anything else (temporary folders, strangers).
int64_t step_of(const std::string& name) {
  constexpr size_t kPrefix = 5;
  if (!name.starts_with("step-") || name.size() == kPrefix) return -1;
  if (!std::all_of(name.begin() + kPrefix, name.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return -1;
  return std::stoll(name.substr(kPrefix));
}

std::vector<std::string> checkpoints_newest_first(const std::string& folder) {
  std::vector<std::string> names;
  for (const std::string& name : list_directory(folder)) {
    if (step_of(name) >= 0) names.push_back(name);
  }
  std::sort(names.begin(), names.end(),
            [](const std::string& a, const std::string& b) { return step_of(a) > step_of(b); });
  return names;
}

void sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && (::fsync(fd) == 0 || errno == EINVAL);  // EINVAL: a file system without it
  const int cause = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) throw Error(fmt::format("{}: fsync: {}", path, std::strerror(cause)));
}

/// Removes a half-written folder unless it was renamed into place.
struct TemporaryFolder {
  std::string path;
  ~TemporaryFolder() {
    try {
      if (!path.empty()) remove_tree(path);
    } catch (const std::exception& error) {
      log_warn(error.what());
    }
  }
};

SafeTensors model_tensors(LanguageModel& model, const std::string& key, int64_t step) {
  SafeTensors content;
  for (const auto& [name, tensor] : model.official_parameters()) {
    content.tensors.emplace(name, tensor.detach().cpu().contiguous());
  }
  content.metadata = {{"format", "pt"}, {"key", key}, {"step", std::to_string(step)}};
  return content;
}

SafeTensors optimizer_tensors(AdamW& optimizer) {
  SafeTensors content;
  content.tensors = {{"exp_avg", optimizer.first_moment().detach().cpu().contiguous()},
                     {"exp_avg_sq", optimizer.second_moment().detach().cpu().contiguous()}};
  content.metadata = {{"step_count", std::to_string(optimizer.step_count())}};
  return content;
}

Json to_json(const TrainState& s) {
  return {{"step", s.step},
          {"text_bytes", s.text_bytes},
          {"units", s.units},
          {"flops_useful", s.flops_useful},
          {"flops_paper", s.flops_paper},
          {"flops_executed", s.flops_executed},
          {"first_loss", s.first_loss ? Json(*s.first_loss) : Json()},
          {"steps_above", s.steps_above}};
}

TrainState train_state(const Json& j) {
  TrainState s{.step = j.at("step"),
               .text_bytes = j.at("text_bytes"),
               .units = j.at("units"),
               .flops_useful = j.at("flops_useful"),
               .flops_paper = j.at("flops_paper"),
               .flops_executed = j.at("flops_executed"),
               .first_loss = std::nullopt,
               .steps_above = j.at("steps_above")};
  if (!j.at("first_loss").is_null()) s.first_loss = j.at("first_loss").get<double>();
  return s;
}

Json to_json(const Numerics& n) {
  return {{"version", n.version},
          {"threads", n.threads},
          {"device", n.device},
          {"instruction_set", n.instruction_set},
          {"torch_version", n.torch_version}};
}

Numerics numerics_of(const Json& j) {
  return {j.at("version"), j.at("threads"), j.at("device"), j.at("instruction_set"), j.at("torch_version")};
}

void check_hash(const std::string& path, const std::string& wanted, const std::string& got) {
  if (got != wanted) throw Damaged(fmt::format("{}: content hash: expected {}, got {}", path, wanted, got));
}

/// Parsed state.json after its own hash and those of its two neighbours were checked.
Json verified_state(const std::string& path) {
  const std::string state_path = path + "/" + kStateFile;
  try {
    Json state = Json::parse(read_file(state_path));
    const std::string own = state.at("hash");
    state.erase("hash");
    check_hash(state_path, own, hash_hex(state.dump()));
    for (const char* name : {kModelFile, kOptimFile}) {
      const std::string file = path + "/" + name;
      check_hash(file, state.at("files").at(name), hash_file(file));
    }
    return state;
  } catch (const Json::exception&) {
    throw Damaged(fmt::format("{}: not a complete checkpoint state", state_path));
  } catch (const Damaged&) {
    throw;
  } catch (const Error& error) {  // a file is missing or cannot be read
    throw Damaged(error.what());
  }
}

void copy_weights(const std::string& file, LanguageModel& model) {
  const SafeTensors content = read_safetensors(file);
  const auto parameters = model.official_parameters();
  at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : parameters) {
    const auto found = content.tensors.find(name);
    if (found == content.tensors.end()) throw Error(fmt::format("{}: tensor '{}' is missing", file, name));
    if (found->second.sizes() != tensor.sizes()) {
      throw Error(fmt::format("{}: {}: expected shape [{}], got [{}]", file, name,
                              fmt::join(tensor.sizes(), ", "), fmt::join(found->second.sizes(), ", ")));
    }
  }
  for (const auto& [name, tensor] : parameters) at::Tensor(tensor).copy_(content.tensors.at(name));
}

void copy_moments(const std::string& file, AdamW& optimizer) {
  const SafeTensors content = read_safetensors(file);
  at::NoGradGuard no_grad;
  for (const auto& [name, moment] : {std::pair{"exp_avg", &optimizer.first_moment()},
                                     std::pair{"exp_avg_sq", &optimizer.second_moment()}}) {
    const auto found = content.tensors.find(name);
    if (found == content.tensors.end() || found->second.sizes() != moment->sizes()) {
      throw Error(fmt::format("{}: {}: expected {} elements of this model", file, name, moment->numel()));
    }
    moment->copy_(found->second);
  }
  optimizer.step_count() = std::stoll(content.metadata.at("step_count"));
}

}  // namespace

Numerics current_numerics(const RuntimeConfig& runtime) {
  return {.version = kNumericsVersion,
          .threads = runtime.threads,
          .device = runtime.device,
          .instruction_set = at::get_cpu_capability(),
          .torch_version = TORCH_VERSION};
}

std::string describe_difference(const Numerics& then, const Numerics& now) {
  std::vector<std::string> parts;
  const auto compare = [&](const char* what, const auto& a, const auto& b) {
    if (a != b) parts.push_back(fmt::format("{} {} -> {}", what, a, b));
  };
  compare("numerics version", then.version, now.version);
  compare("threads", then.threads, now.threads);
  compare("device", then.device, now.device);
  compare("instruction set", then.instruction_set, now.instruction_set);
  compare("torch", then.torch_version, now.torch_version);
  return join(parts, ", ");
}

Checkpoints::Checkpoints(std::string folder, std::string key, Numerics numerics, int64_t keep, int64_t pin)
    : folder_(std::move(folder)),
      key_(std::move(key)),
      numerics_(std::move(numerics)),
      keep_(keep),
      pin_(pin) {
  require(keep_ >= 1, "Checkpoints: keep < 1");
}

std::string Checkpoints::save(const TrainState& state, LanguageModel& model, AdamW& optimizer) {
  make_directories(folder_);
  const std::string name = step_name(state.step);
  TemporaryFolder temporary{fmt::format("{}/{}.tmp-{}", folder_, name, ::getpid())};
  remove_tree(temporary.path);
  make_directories(temporary.path);
  write_safetensors(temporary.path + "/" + kModelFile, model_tensors(model, key_, state.step));
  write_safetensors(temporary.path + "/" + kOptimFile, optimizer_tensors(optimizer));
  Json content = {{"key", key_}, {"state", to_json(state)}, {"numerics", to_json(numerics_)}};
  for (const char* file : {kModelFile, kOptimFile}) {
    content["files"][file] = hash_file(temporary.path + "/" + file);
  }
  content["hash"] = hash_hex(content.dump());
  write_file_atomic(temporary.path + "/" + kStateFile, content.dump(2) + "\n");
  sync_folder(temporary.path);

  const std::string final_path = folder_ + "/" + name;
  remove_tree(final_path);  // only a damaged one can be there: an intact one would have been resumed from
  if (std::rename(temporary.path.c_str(), final_path.c_str()) != 0) {
    throw Error(fmt::format("{}: rename: {}", final_path, std::strerror(errno)));
  }
  temporary.path.clear();
  sync_folder(folder_);
  prune(state.step);
  return "checkpoints/" + name;
}

void Checkpoints::prune(int64_t saved_step) const {
  int64_t kept = 0;
  for (const std::string& name : checkpoints_newest_first(folder_)) {
    const bool stale = step_of(name) > saved_step;
    if (stale || (++kept > keep_ && step_of(name) != pin_)) remove_tree(folder_ + "/" + name);
  }
}

LoadedCheckpoint Checkpoints::load(const std::string& path, LanguageModel& model, AdamW* optimizer) const {
  const Json content = verified_state(path);
  const std::string key = content.at("key");
  if (key != key_)
    throw Error(fmt::format("{}: key: expected {}, got {} (another configuration)", path, key_, key));
  copy_weights(path + "/" + kModelFile, model);
  if (optimizer != nullptr) copy_moments(path + "/" + kOptimFile, *optimizer);
  return {train_state(content.at("state")), numerics_of(content.at("numerics")), path};
}

std::optional<LoadedCheckpoint> Checkpoints::load_newest(LanguageModel& model, AdamW* optimizer) const {
  for (const std::string& name : checkpoints_newest_first(folder_)) {
    if (auto loaded = load_step(step_of(name), model, optimizer)) return loaded;
  }
  return std::nullopt;
}

std::optional<LoadedCheckpoint> Checkpoints::load_step(int64_t step, LanguageModel& model,
                                                       AdamW* optimizer) const {
  const std::string path = folder_ + "/" + step_name(step);
  if (!exists(path)) return std::nullopt;
  try {
    return load(path, model, optimizer);
  } catch (const Damaged& damaged) {
    log_warn(fmt::format("damaged checkpoint skipped: {}", damaged.what()));
  }
  return std::nullopt;
}

std::optional<Numerics> Checkpoints::numerics_at(int64_t step) const {
  try {
    return numerics_of(verified_state(folder_ + "/" + step_name(step)).at("numerics"));
  } catch (const Damaged&) {
    return std::nullopt;
  }
}

void Checkpoints::remove_leftovers() const {
  for (const std::string& name : list_directory(folder_)) {
    if (name.starts_with("step-") && name.find(".tmp-") != std::string::npos)
      remove_tree(folder_ + "/" + name);
  }
}

}  // namespace aunet
