#include "nn/kernels/rms_norm.h"
#include "nn/kernels/swiglu.h"
#include "tests/nn/kernel_cases.h"

#include <ATen/Context.h>

#include <dlfcn.h>

using namespace aunet;

namespace {

/// Loads CUDA, which no binary links (cli/device.h).
bool no_gpu() {
  if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) != nullptr && at::hasCUDA()) return false;
  WARN("skipped: no usable GPU");
  return true;
}

}  // namespace

TEST_CASE("our CUDA norm and SwiGLU equal the CPU's, fp32 and bf16", "[cuda]") {
  if (no_gpu()) return;
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    const double tolerance = type == at::kFloat ? 1e-5 : 2e-2;
    for (const int64_t d : {7, 64, 1000, 4096}) {
      INFO("width " << d);
      const at::Tensor x = random_like({700, d}, 1).to(type), w = (random_like({d}, 2) + 1).to(at::kFloat);
      const at::Tensor dy = random_like({700, d}, 3).to(type);
      Results both[2];
      for (const bool cuda : {false, true}) {
        const at::Device device = cuda ? at::kCUDA : at::kCPU;
        at::Tensor rstd, w_grad = at::zeros({d}, device);
        const at::Tensor y = rms_norm(x.to(device), w.to(device), 1e-5, rstd);
        const at::Tensor dx = rms_norm_backward(dy.to(device), x.to(device), w.to(device), rstd, w_grad);
        const at::Tensor gates = at::cat({x, dy}, 1).to(device);
        both[cuda] = {y, dx, w_grad, swiglu(gates), swiglu_backward(gates, dy.to(device))};
      }
      check_equal(both[1], both[0], tolerance);
    }
  }
}

TEST_CASE("every fused kernel on a GPU equals the CPU's", "[cuda]") {
  if (no_gpu()) return;
  at::globalContext().setAllowTF32CuBLAS(false);
  const at::TensorOptions cpu = at::TensorOptions().dtype(at::kFloat), gpu = cpu.device(at::kCUDA);
  check_equal(run_feed_forward(false, gpu), run_feed_forward(false, cpu), 1e-4);
  check_equal(run_attention(false, gpu), run_attention(false, cpu), 1e-4);
  check_equal(run_transition(false, gpu), run_transition(false, cpu), 1e-4);
  check_equal(run_head(false, gpu), run_head(false, cpu), 1e-4);
  // bf16 goes through flash attention.
  check_equal(run_attention(false, gpu.dtype(at::kBFloat16)), run_attention(false, cpu), 5e-2);
}
