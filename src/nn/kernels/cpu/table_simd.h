// The table of one instruction set. Included once by each row_kernels_<isa>.cpp.
#pragma once

#include "nn/kernels/cpu/attention_simd.h"
#include "nn/kernels/cpu/gemm_simd.h"
#include "nn/kernels/cpu/row_kernels.h"
#include "nn/kernels/cpu/rows_simd.h"

namespace aunet {
namespace {

template <class T>
constexpr RowKernels<T> table(const char* isa) {
  return {isa,
          kPanel<T>,
          pack_transposed<T>,
          pack<T>,
          gemm<T>,
          few_rows<T>,
          product_plain<T, true>,
          rms_norm<T>,
          rms_apply<T>,
          rms_norm_backward<T>,
          rotate<T>,
          swiglu<T>,
          swiglu_backward<T>,
          cross_entropy<T>,
          row_dot<T>,
          add<T>,
          axpy<T>,
          attention_scratch<T>,
          attention<T>,
          attention_backward<T>,
          sum_squares<T>,
          adamw<T>};
}

}  // namespace
}  // namespace aunet
