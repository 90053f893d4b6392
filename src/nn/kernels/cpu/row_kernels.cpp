#include "nn/kernels/cpu/row_kernels.h"

#include "core/error.h"

#include <cstdlib>
#include <string_view>

namespace aunet {

extern const RowKernels<float> kAvx2Float, kAvx512Float;
extern const RowKernels<double> kAvx2Double, kAvx512Double;

namespace {

bool use_avx512() {
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    throw Error("cpu: expected AVX2 and FMA, got neither");
  const char* forced = std::getenv("AUNET_ISA");
  if (forced && std::string_view(forced) == "avx2") return false;
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

}  // namespace

template <>
const RowKernels<float>& row_kernels<float>() {
  static const RowKernels<float>& table = use_avx512() ? kAvx512Float : kAvx2Float;
  return table;
}
template <>
const RowKernels<double>& row_kernels<double>() {
  static const RowKernels<double>& table = use_avx512() ? kAvx512Double : kAvx2Double;
  return table;
}

}  // namespace aunet
