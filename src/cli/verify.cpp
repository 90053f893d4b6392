#include "cli/verify.h"

#include "baselines/golden.h"
#include "cli/device.h"
#include "core/error.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace aunet {

int cmd_verify(const Args& args) {
  namespace po = boost::program_options;
  po::options_description options("options");
  options.add_options()("files", po::value<std::vector<std::string>>()->required(),
                        "golden .safetensors files")("device", po::value<std::string>()->default_value("cpu"),
                                                     "cpu or cuda")("json", po::bool_switch(),
                                                                    "print one JSON array");
  po::variables_map values;
  if (!parse_command_line(args, "aunet verify FILE.safetensors... [--device cpu|cuda] [--json]",
                          "aunet verify tests/golden/aunet_2stage_indexed.safetensors", options, {"files..."},
                          values))
    return static_cast<int>(ExitCode::Done);
  const std::string device = values["device"].as<std::string>();
  open_device(device, "--device");
  const double tolerance = device == "cpu" ? 1e-5 : 1e-4;
  nlohmann::json report = nlohmann::json::array();
  bool all_pass = true;
  for (const std::string& file : values["files"].as<std::vector<std::string>>()) {
    const GoldenErrors e = compare_with_golden(file, device);
    // Not <=: an error that is not a number must fail.
    const bool pass =
        std::isfinite(e.loss + e.logits + e.grads) && std::max({e.loss, e.logits, e.grads}) <= tolerance;
    all_pass = all_pass && pass;
    report.push_back({{"file", file}, {"loss", e.loss}, {"logits", e.logits}, {"grads", e.grads}});
    if (!values["json"].as<bool>())
      fmt::print("{:4}  loss {:.1e}  logits {:.1e}  grads {:.1e} ({})  {}\n", pass ? "ok" : "FAIL", e.loss,
                 e.logits, e.grads, e.worst_grad, file);
  }
  if (values["json"].as<bool>()) fmt::print("{}\n", report.dump());
  return static_cast<int>(all_pass ? ExitCode::Done : ExitCode::WorldFailed);
}

}  // namespace aunet
