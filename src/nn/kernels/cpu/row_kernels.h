// The arithmetic of the CPU kernels on raw pointers, one thread, a block of rows at a time.
// Compiled once per instruction set (row_kernels_avx2.cpp, row_kernels_avx512.cpp) and picked at run time.
// Not for callers outside nn/kernels: the functions on tensors are one folder up.
#pragma once

#include <cstdint>

namespace aunet {

inline constexpr int64_t kRowBlock =
    96;  // rows a thread carries through a fused kernel: fits L2, multiple of 6
inline constexpr int64_t kQueryBlock = 64;  // queries of one attention tile
inline constexpr int64_t kKeyBlock = 128;   // keys of one attention tile: its scores (32 KiB) stay in L1

/// One head of one packed sequence. Rows are relative to the sequence.
///
/// query    row i at query + i * query_stride: rotated, times head_dim^-0.5. The backward reads it at stride.
/// key      row i at key + i * stride: rotated; value likewise
/// out      row i at out + i * out_stride
/// lse      log-sum-exp of query i's scores; null: not wanted (forward)
/// A single query, the last row, may have strides of 0: then query and out are its own places.
template <class T>
struct AttentionHead {
  const T *query, *key, *value;
  int64_t stride = 0, query_stride = 0;
  T* out = nullptr;
  int64_t out_stride = 0;
  T* lse = nullptr;
  int64_t rows = 0, head_dim = 0, window = 0;  // a query sees keys i-window+1 .. i
};

/// Gradients beside AttentionHead: all but d_query are added to.
template <class T>
struct AttentionHeadGrad {
  const T* d_out = nullptr;      // strides of AttentionHead::out
  const T* delta = nullptr;      // sum over the head of d_out * out, per query
  T *d_query, *d_key, *d_value;  // strides of AttentionHead::query
};

template <class T>
struct RowKernels {
  const char* isa;
  int64_t panel;  // columns of a packed panel

  /// Packs panels [first, last) of B for gemm. B[k, n] = w^T of w [n, k], plus `plus` [n, k] unless null.
  void (*pack_transposed)(const T* w, const T* plus, int64_t n, int64_t k, int64_t first, int64_t last,
                          T* packed);
  /// B[k, n] = w [k, n], plus `plus` unless null.
  void (*pack)(const T* w, const T* plus, int64_t k, int64_t n, int64_t first, int64_t last, T* packed);
  /// c [m, n] = a [m, k] B (+ c if add); B packed.
  void (*gemm)(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* packed, T* c, int64_t ldc,
               bool add);
  /// c [m, n] = a [m, k] w^T (+ c if add) of w [n, k] as it lies: for few rows, which packing would not
  /// repay.
  void (*few_rows)(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* w, T* c, int64_t ldc,
                   bool add);
  /// c [m, n] = a [k, m]^T b [k, n] (+ c if add).
  void (*gemm_tn)(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                  int64_t ldc, bool add);

  /// out[i] = x[i] * rstd[i] * w, rstd = (mean x^2 + eps)^-0.5; rows of x are picked by `pick` unless it is
  /// null.
  void (*rms_norm)(int64_t rows, int64_t d, const T* x, const int64_t* pick, const T* w, T eps, T* out,
                   T* rstd);
  /// The same from a known rstd.
  void (*rms_apply)(int64_t rows, int64_t d, const T* x, const int64_t* pick, const T* w, const T* rstd,
                    T* out);
  /// dx[pick[i]] = add[pick[i]] + gradient (add may be null and may be dx); dw += sum over rows.
  void (*rms_norm_backward)(int64_t rows, int64_t d, const T* dy, const T* x, const int64_t* pick, const T* w,
                            const T* rstd, const T* add, T* dx, T* dw);

  /// Rotates adjacent pairs of `heads` heads in place by the table's angles at positions[i], then multiplies
  /// by scale. table [positions, 2, head_dim]: cosines twice each, then sines with alternating sign;
  /// direction -1 undoes it.
  void (*rotate)(int64_t rows, int64_t heads, int64_t head_dim, T* x, int64_t stride,
                 const int32_t* positions, const T* table, T direction, T scale);

  /// h = silu(g[:, :f]) * g[:, f:] of gates g [rows, 2f].
  void (*swiglu)(int64_t rows, int64_t f, const T* gates, T* h);
  /// From dh: h again, and d_gates.
  void (*swiglu_backward)(int64_t rows, int64_t f, const T* gates, const T* dh, T* h, T* d_gates);

  /// nats[i] = logsumexp(logits[i]) - logits[i, target[i]]; with `gradient`, logits become softmax - one-hot.
  void (*cross_entropy)(int64_t rows, int64_t n, T* logits, const int64_t* targets, T* nats, bool gradient);

  /// out[i] = sum over the row of a * b.
  void (*row_dot)(int64_t rows, int64_t d, const T* a, int64_t lda, const T* b, int64_t ldb, T* out,
                  int64_t out_stride);
  /// y += x; y = a * x + y.
  void (*add)(int64_t n, const T* x, T* y);
  void (*axpy)(int64_t n, T a, const T* x, T* y);

  /// Values of scratch that the attention kernels want.
  int64_t (*attention_scratch)(int64_t head_dim);
  /// Output and lse of queries [first, min(first + kQueryBlock, rows)).
  void (*attention)(const AttentionHead<T>& head, int64_t first, T* scratch);
  /// The same queries' share of the gradients; blocks of one sequence and key head must come in order.
  void (*attention_backward)(const AttentionHead<T>& head, const AttentionHeadGrad<T>& grad, int64_t first,
                             T* scratch);

  /// Sum of squares in double, in fixed order.
  double (*sum_squares)(int64_t n, const T* x);
  /// AdamW with decoupled weight decay: g *= g_scale; m, v updated; p = p * decay - rate * m / (sqrt(v) *
  /// root + eps), where rate and root carry the bias corrections.
  void (*adamw)(int64_t n, T* p, const T* g, T* m, T* v, T g_scale, T beta1, T beta2, T decay, T rate, T root,
                T eps);
};

/// The widest instruction set of this machine (AUNET_ISA=avx2 forces the narrow one). Throws Error below
/// AVX2.
template <class T>
const RowKernels<T>& row_kernels();

}  // namespace aunet
