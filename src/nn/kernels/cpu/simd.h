// Vectors of T as wide as the instruction set, with GCC's vector extensions. Only for row_kernels_<isa>.cpp:
// everything sits in an anonymous namespace, and no standard template is used, so that no code compiled for a
// wide instruction set can be linked into the rest of the program.
#pragma once

#include <cstdint>

namespace aunet {
namespace {

template <class T>
struct VectorOf;
template <>
struct VectorOf<float> {
  typedef float type __attribute__((vector_size(AUNET_VECTOR_BYTES), aligned(4), may_alias));
  typedef int32_t mask __attribute__((vector_size(AUNET_VECTOR_BYTES), aligned(4), may_alias));
  using lane = int32_t;
};
template <>
struct VectorOf<double> {
  typedef double type __attribute__((vector_size(AUNET_VECTOR_BYTES), aligned(8), may_alias));
  typedef int64_t mask __attribute__((vector_size(AUNET_VECTOR_BYTES), aligned(8), may_alias));
  using lane = int64_t;
};
template <class T>
using Vec = typename VectorOf<T>::type;
template <class T>
using Mask = typename VectorOf<T>::mask;
template <class T>
constexpr int64_t kLanes = AUNET_VECTOR_BYTES / sizeof(T);

template <class T>
inline Vec<T> load(const T* p) {
  return *reinterpret_cast<const Vec<T>*>(p);
}
template <class T>
inline void store(T* p, Vec<T> v) {
  *reinterpret_cast<Vec<T>*>(p) = v;
}
template <class T>
inline Vec<T> splat(T x) {
  return x - Vec<T>{};
}
template <class T>
inline Vec<T> vmax(Vec<T> a, Vec<T> b) {
  return a > b ? a : b;
}
template <class T>
inline Vec<T> vmin(Vec<T> a, Vec<T> b) {
  return a < b ? a : b;
}
/// 0, 1, 2, ... plus `first`.
template <class T>
inline Mask<T> iota(int64_t first) {
  Mask<T> m;
  for (int64_t i = 0; i < kLanes<T>; ++i) m[i] = static_cast<typename VectorOf<T>::lane>(i);
  return m + static_cast<typename VectorOf<T>::lane>(first);
}

// Horizontal reductions by halves: log2(lanes) dependent steps, always in the same order.
template <class T, class Op>
inline T reduce(Vec<T> v, Op op) {
  T lanes[kLanes<T>];
  store(lanes, v);
  for (int64_t half = kLanes<T> / 2; half > 0; half /= 2)
    for (int64_t i = 0; i < half; ++i) lanes[i] = op(lanes[i], lanes[i + half]);
  return lanes[0];
}
template <class T>
inline T sum(Vec<T> v) {
  return reduce<T>(v, [](T a, T b) { return a + b; });
}
template <class T>
inline T maximum(Vec<T> v) {
  return reduce<T>(v, [](T a, T b) { return a > b ? a : b; });
}

/// e^x, 1 ulp: Cody-Waite reduction and the polynomial of Cephes expf (Moshier 1989).
inline Vec<float> vexp(Vec<float> x) {
  x = vmax<float>(x, splat(-87.0f));
  x = vmin<float>(x, splat(88.0f));
  const Vec<float> shifted = x * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: round to nearest integer
  const Vec<float> n = shifted - 12582912.0f;
  const Vec<float> r = x - n * 0.693359375f + n * 2.12194440e-4f;
  Vec<float> p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  return reinterpret_cast<Vec<float>>(reinterpret_cast<Mask<float>>(p) +
                                      (reinterpret_cast<Mask<float>>(shifted) << 23));
}
inline Vec<double> vexp(Vec<double> x) {  // for gradient checks: exact, not fast
  for (int64_t i = 0; i < kLanes<double>; ++i) x[i] = __builtin_exp(x[i]);
  return x;
}
inline float scalar_exp(float x) { return __builtin_expf(x); }
inline double scalar_exp(double x) { return __builtin_exp(x); }
inline float scalar_log(float x) { return __builtin_logf(x); }
inline double scalar_log(double x) { return __builtin_log(x); }
inline float scalar_sqrt(float x) { return __builtin_sqrtf(x); }
inline double scalar_sqrt(double x) { return __builtin_sqrt(x); }

/// A square of lanes x lanes values transposed in registers, by exchanging halves, quarters, ... of row
/// pairs.
template <class T, int64_t kStep>
inline void transpose_step(Vec<T>* r) {
  Mask<T> low, high;
  for (int64_t i = 0; i < kLanes<T>; ++i) {
    low[i] = static_cast<typename VectorOf<T>::lane>((i & kStep) ? kLanes<T> + i - kStep : i);
    high[i] = static_cast<typename VectorOf<T>::lane>((i & kStep) ? kLanes<T> + i : i + kStep);
  }
#pragma GCC unroll 16
  for (int64_t i = 0; i < kLanes<T>; ++i) {
    if (i & kStep) continue;
    const Vec<T> a = r[i], b = r[i + kStep];
    r[i] = __builtin_shuffle(a, b, low);
    r[i + kStep] = __builtin_shuffle(a, b, high);
  }
  if constexpr (kStep > 1) transpose_step<T, kStep / 2>(r);
}

/// out[j * ldo + i] = in[i * ldi + j] for i < rows, j < columns.
template <class T>
void transpose(const T* in, int64_t ldi, int64_t rows, int64_t columns, T* out, int64_t ldo) {
  constexpr int64_t n = kLanes<T>;
  int64_t i = 0;
  for (; i + n <= rows; i += n) {
    int64_t j = 0;
    for (; j + n <= columns; j += n) {
      Vec<T> r[n];
#pragma GCC unroll 16
      for (int64_t l = 0; l < n; ++l) r[l] = load(in + (i + l) * ldi + j);
      transpose_step<T, n / 2>(r);
#pragma GCC unroll 16
      for (int64_t l = 0; l < n; ++l) store(out + (j + l) * ldo + i, r[l]);
    }
    for (; j < columns; ++j)
      for (int64_t l = 0; l < n; ++l) out[j * ldo + i + l] = in[(i + l) * ldi + j];
  }
  for (; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) out[j * ldo + i] = in[i * ldi + j];
}

}  // namespace
}  // namespace aunet
