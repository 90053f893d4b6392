#include "core/machine.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <pcre2.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <string_view>

namespace aunet {

namespace {

constexpr const char* kDriver = "/proc/driver/nvidia";

// Prefixes; a name that is whole ends where the variable's does, too.
constexpr std::string_view kRelevant[] = {"ATEN_",
                                          "AUNET_",
                                          "BLIS_",
                                          "CUBLAS_",
                                          "CUDA_",
                                          "CUDNN_",
                                          "GOMP_",
                                          "KMP_",
                                          "LD_LIBRARY_PATH",
                                          "LD_PRELOAD",
                                          "MALLOC_",
                                          "MASTER_ADDR",
                                          "MASTER_PORT",
                                          "MKL_",
                                          "NCCL_",
                                          "NVIDIA_",
                                          "OMP_",
                                          "OPENBLAS_",
                                          "PYTORCH_",
                                          "SLURM_ARRAY_",
                                          "SLURM_CPUS_PER_TASK",
                                          "SLURM_JOB_ID",
                                          "SLURM_JOB_PARTITION",
                                          "SLURM_NODELIST",
                                          "SLURM_NTASKS",
                                          "SLURM_PROCID",
                                          "SLURM_RESTART_COUNT",
                                          "TORCH_"};

bool is_relevant(std::string_view name) {
  return std::any_of(std::begin(kRelevant), std::end(kRelevant),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

/// "" for a file that is not there.
std::string text_of(const std::string& path) {
  try {
    return exists(path) ? read_file(path) : "";
  } catch (const Error&) {
    return "";
  }
}

/// What follows "NAME:" on the line that begins so.
std::string field_of(const std::string& text, std::string_view name) {
  for (const std::string& line : split_on(text, '\n'))
    if (line.starts_with(name)) return std::string(trim(line.substr(line.find(':') + 1)));
  return "";
}

}  // namespace

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string cpu_name() {
  const std::string name = field_of(text_of("/proc/cpuinfo"), "model name");
  return name.empty() ? "unknown" : name;
}

std::vector<std::string> gpu_names() {
  std::vector<std::string> names;
  const std::string folder = std::string(kDriver) + "/gpus";
  if (!exists(folder)) return names;
  for (const std::string& bus : list_directory(folder)) {
    const std::string model = field_of(text_of(folder + "/" + bus + "/information"), "Model");
    names.push_back(model.empty() ? "unknown" : model);
  }
  return names;
}

std::string gpus_in_words() {
  std::map<std::string, int> counts;
  for (const std::string& name : gpu_names()) ++counts[name];
  std::vector<std::string> words;
  for (const auto& [name, count] : counts)
    words.push_back(count == 1 ? name : fmt::format("{} x {}", count, name));
  return join(words, ", ");
}

/// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar ...", or with "Open Kernel Module":
/// the first word that begins with a digit after the second dot-less ones.
std::string gpu_driver() {
  for (const std::string& word :
       split_on(field_of(text_of(std::string(kDriver) + "/version"), "NVRM"), ' ')) {
    const bool number = !word.empty() && std::isdigit(static_cast<unsigned char>(word[0]));
    if (number && word.find('.') != std::string::npos) return word;
  }
  return "";
}

std::string library_versions() {
  char pcre[64] = {};
  pcre2_config(PCRE2_CONFIG_VERSION, pcre);
  return fmt::format("g++ {}, glibc {}, pcre2 {}", __VERSION__, gnu_get_libc_version(),
                     split_on(pcre, ' ').front());
}

std::string relevant_environment() {
  std::vector<std::string> found;
  for (char** variable = environ; *variable; ++variable) {
    std::string text = *variable;
    if (!is_relevant(text.substr(0, text.find('=')))) continue;
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return std::isspace(c) != 0; }, '_');
    found.push_back(std::move(text));
  }
  std::sort(found.begin(), found.end());
  return join(found, " ");
}

}  // namespace aunet
