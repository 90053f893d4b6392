#include "cli/device.h"

#include "core/error.h"

#include <ATen/Context.h>
#include <fmt/format.h>

#include <dlfcn.h>

namespace aunet {

at::Device open_device(const std::string& name, const std::string& where) {
  if (name == "cpu") return at::kCPU;
  if (name != "cuda") throw ConfigError(fmt::format("{}: expected cpu or cuda, got \"{}\"", where, name));
  if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw ConfigError(fmt::format("{}: cuda cannot be loaded: {}", where, ::dlerror()));
  }
  if (!at::hasCUDA())
    throw ConfigError(fmt::format("{}: expected cpu, got \"cuda\": this machine has no usable GPU", where));
  return at::kCUDA;
}

}  // namespace aunet
