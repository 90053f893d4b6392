#define AUNET_VECTOR_BYTES 64
#include "nn/kernels/cpu/table_simd.h"

namespace aunet {

extern const RowKernels<float> kAvx512Float;
extern const RowKernels<double> kAvx512Double;
const RowKernels<float> kAvx512Float = table<float>("avx512");
const RowKernels<double> kAvx512Double = table<double>("avx512");

}  // namespace aunet
