#include "sweep/slots.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace aunet {

Slots::Slots(int64_t jobs, std::vector<std::string> gpus, int64_t per_gpu)
    : jobs_(jobs), gpus_(std::move(gpus)), per_gpu_(per_gpu) {}

int64_t Slots::size() const { return gpus_.empty() ? jobs_ : static_cast<int64_t>(gpus_.size()) * per_gpu_; }

std::optional<Placement> Slots::next(const std::vector<Placement>& taken) const {
  if (static_cast<int64_t>(taken.size()) >= size()) return std::nullopt;
  if (gpus_.empty()) return Placement{};
  const std::string* best = nullptr;
  int64_t fewest = per_gpu_;
  for (const std::string& gpu : gpus_) {
    const int64_t n =
        std::count_if(taken.begin(), taken.end(), [&](const Placement& p) { return p.gpu == gpu; });
    if (n >= fewest) continue;
    best = &gpu;
    fewest = n;
  }
  if (!best) return std::nullopt;
  return Placement{*best};
}

std::vector<std::string> parse_gpus(const std::string& flag, const std::string& text) {
  std::vector<std::string> gpus;
  for (const std::string& part : split_on(text, ',')) {
    const std::string gpu(trim(part));
    if (gpu.empty() || std::find(gpus.begin(), gpus.end(), gpu) != gpus.end())
      throw ConfigError(fmt::format("{}: expected different GPUs like 0,1,2, got '{}'", flag, text));
    gpus.push_back(gpu);
  }
  return gpus;
}

std::vector<std::string> visible_gpus() {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (visible) return *visible ? split_on(visible, ',') : std::vector<std::string>();
  std::vector<std::string> gpus;
  const size_t n = list_directory("/proc/driver/nvidia/gpus").size();
  for (size_t i = 0; i < n; ++i) gpus.push_back(fmt::format("{}", i));
  return gpus;
}

}  // namespace aunet
