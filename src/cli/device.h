// Where tensors live. CUDA is loaded only by the processes that use it.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace aunet {

/// The device called `name` ("cpu" or "cuda"). For "cuda" it loads libtorch_cuda.so, which the binary does
/// not link: loading it costs every process 0.5 s and 350 MB (measured), and a sweep on a CPU starts dozens.
/// Call it before anything else of torch, which remembers whether it ever saw CUDA.
/// Throws ConfigError for another name, or when there is no usable GPU; the message begins with `where`.
at::Device open_device(const std::string& name, const std::string& where);

}  // namespace aunet
