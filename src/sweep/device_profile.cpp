#include "sweep/device_profile.h"

#include "core/error.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <variant>

namespace aunet {

namespace {

/// A second thread of a step this small is not worth a core: measured 1.6 to 1.8 for two.
constexpr double kThreadExponent = 0.75;

constexpr DeviceProfile kProfiles[] = {
    {"cpu", 8.5e-5, 7.8e-12, 7.8e-8, 2.2e-9, 0.8, 185e6, 0.30,
     "least squares over 68 runs of sweeps/quickstart.toml, one thread of an AMD EPYC, two runs at a time"},
    // 40 % of the dense bf16 peak (budget/flops.h), 60 us a block to launch, activations and logits at half
    // of the data sheets' 3.35 and 4.8 TB/s with 40 and 8 bytes moved for each.
    {"h100", 6e-5, 1 / (0.4 * 989.4e12), 40 / 1.7e12, 8 / 1.7e12, 8, 1.5e9, 0.50,
     "assumed from the data sheet, not measured"},
    {"h200", 6e-5, 1 / (0.4 * 989.4e12), 40 / 2.4e12, 8 / 2.4e12, 8, 1.5e9, 0.50,
     "assumed from the data sheet, not measured"},
};

}  // namespace

/// Deeper stages than the paper's: half of the one above.
double nominal_rows(size_t stage) {
  constexpr double kRows[] = {1, 1664.0 / 8192, 1144.0 / 8192};
  return stage < std::size(kRows) ? kRows[stage] : kRows[2] * std::pow(0.5, static_cast<double>(stage) - 2);
}

StepWork step_work(const ModelConfig& model, double units, double flops) {
  StepWork work;
  work.flops = flops;
  if (const auto* aunet = std::get_if<AunetConfig>(&model)) {
    for (size_t k = 0; k < aunet->dimensions.size(); ++k) {
      const bool trunk = k + 1 == aunet->dimensions.size();
      const auto blocks = static_cast<double>(trunk ? aunet->layers[k] : 2 * aunet->layers[k]);
      work.blocks += blocks;
      work.activations += units * nominal_rows(k) * static_cast<double>(aunet->dimensions[k]) * blocks;
    }
    work.logits = units * static_cast<double>(aunet->vocab_size);
    return work;
  }
  const auto& transformer = std::get<TransformerConfig>(model);
  work.blocks = static_cast<double>(transformer.n_layers);
  work.activations = units * static_cast<double>(transformer.dim) * work.blocks;
  work.logits = units * static_cast<double>(transformer.vocab_size);
  return work;
}

const DeviceProfile& device_profile(const std::string& name) {
  const std::string wanted = name == "cuda" ? "h100" : name;
  const auto found = std::find_if(std::begin(kProfiles), std::end(kProfiles),
                                  [&](const DeviceProfile& profile) { return wanted == profile.name; });
  require(found != std::end(kProfiles), "device_profile: no profile of '" + name + "'");
  return *found;
}

double profile_step_seconds(const DeviceProfile& profile, const StepWork& work, int64_t threads) {
  const double seconds = profile.seconds_per_block * work.blocks + profile.seconds_per_flop * work.flops +
                         profile.seconds_per_activation * work.activations +
                         profile.seconds_per_logit * work.logits;
  if (std::string(profile.name) != "cpu") return seconds;
  return seconds / std::pow(static_cast<double>(std::max<int64_t>(1, threads)), kThreadExponent);
}

}  // namespace aunet
