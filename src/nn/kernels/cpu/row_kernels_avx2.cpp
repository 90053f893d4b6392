#define AUNET_VECTOR_BYTES 32
#include "nn/kernels/cpu/table_simd.h"

namespace aunet {

extern const RowKernels<float> kAvx2Float;
extern const RowKernels<double> kAvx2Double;
const RowKernels<float> kAvx2Float = table<float>("avx2");
const RowKernels<double> kAvx2Double = table<double>("avx2");

}  // namespace aunet
