// Row-wise kernels: norm, rotary, SwiGLU, cross-entropy, sums, AdamW.
#pragma once

#include "nn/kernels/cpu/simd.h"

namespace aunet {
namespace {

template <class T>
T dot(int64_t n, const T* a, const T* b) {
  Vec<T> s0{}, s1{};
  int64_t i = 0;
  for (; i + 2 * kLanes<T> <= n; i += 2 * kLanes<T>) {
    s0 += load(a + i) * load(b + i);
    s1 += load(a + i + kLanes<T>) * load(b + i + kLanes<T>);
  }
  for (; i + kLanes<T> <= n; i += kLanes<T>) s0 += load(a + i) * load(b + i);
  T total = sum<T>(s0 + s1);
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

/// out[0..4) = <a, rows 0..3 of w>: four sums hide the latency of each.
template <class T>
void four_dots(int64_t n, const T* a, const T* w, int64_t ldw, T* out) {
  Vec<T> sums[4] = {};
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) {
    const Vec<T> left = load(a + i);
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) sums[r] += left * load(w + r * ldw + i);
  }
  for (int r = 0; r < 4; ++r) {
    out[r] = sum<T>(sums[r]);
    for (int64_t j = i; j < n; ++j) out[r] += a[j] * w[r * ldw + j];
  }
}

template <class T>
void few_rows(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* w, T* c, int64_t ldc,
              bool add) {
  for (int64_t j = 0; j < n; j += 4)  // a weight is read from memory once, from L1 for the other rows
    for (int64_t i = 0; i < m; ++i) {
      T sums[4];
      const int64_t columns = n - j < 4 ? n - j : 4;
      if (columns == 4)
        four_dots(k, a + i * lda, w + j * k, k, sums);
      else
        for (int64_t r = 0; r < columns; ++r) sums[r] = dot(k, a + i * lda, w + (j + r) * k);
      T* out = c + i * ldc + j;
      for (int64_t r = 0; r < columns; ++r) out[r] = add ? out[r] + sums[r] : sums[r];
    }
}

template <class T>
void row_dot(int64_t rows, int64_t d, const T* a, int64_t lda, const T* b, int64_t ldb, T* out,
             int64_t out_stride) {
  for (int64_t i = 0; i < rows; ++i) out[i * out_stride] = dot(d, a + i * lda, b + i * ldb);
}

template <class T>
void rms_apply(int64_t rows, int64_t d, const T* x, const int64_t* pick, const T* w, const T* rstd, T* out) {
  for (int64_t i = 0; i < rows; ++i) {
    const T* row = x + (pick ? pick[i] : i) * d;
    T* y = out + i * d;
    const T r = rstd[i];
    for (int64_t j = 0; j < d; ++j) y[j] = row[j] * r * w[j];
  }
}

template <class T>
void rms_norm(int64_t rows, int64_t d, const T* x, const int64_t* pick, const T* w, T eps, T* out, T* rstd) {
  for (int64_t i = 0; i < rows; ++i) {
    const T* row = x + (pick ? pick[i] : i) * d;
    rstd[i] = T(1) / scalar_sqrt(dot(d, row, row) / static_cast<T>(d) + eps);
  }
  rms_apply(rows, d, x, pick, w, rstd, out);
}

template <class T>
void rms_norm_backward(int64_t rows, int64_t d, const T* dy, const T* x, const int64_t* pick, const T* w,
                       const T* rstd, const T* add, T* dx, T* dw) {
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t at = (pick ? pick[i] : i) * d;
    const T *row = x + at, *g = dy + i * d;
    const T r = rstd[i];
    Vec<T> partial{};
    int64_t j = 0;
    for (; j + kLanes<T> <= d; j += kLanes<T>) partial += load(g + j) * load(w + j) * load(row + j);
    T projection = sum<T>(partial);
    for (; j < d; ++j) projection += g[j] * w[j] * row[j];
    const T c = r * r * projection / static_cast<T>(d);
    T* out = dx + at;
    const T* base = add ? add + at : nullptr;
    for (j = 0; j < d; ++j) {
      dw[j] += g[j] * row[j] * r;
      out[j] = (base ? base[j] : T(0)) + r * (g[j] * w[j] - row[j] * c);
    }
  }
}

template <class T>
void rotate(int64_t rows, int64_t heads, int64_t head_dim, T* x, int64_t stride, const int32_t* positions,
            const T* table, T direction, T scale) {
  constexpr int64_t n = kLanes<T>;
  const Mask<T> swapped = iota<T>(0) ^ 1;
  for (int64_t i = 0; i < rows; ++i) {
    const T* cosine = table + static_cast<int64_t>(positions[i]) * 2 * head_dim;
    const T* sine = cosine + head_dim;
    for (int64_t h = 0; h < heads; ++h) {
      T* p = x + i * stride + h * head_dim;
      int64_t j = 0;
      for (; j + n <= head_dim; j += n) {
        const Vec<T> v = load(p + j);
        store(p + j,
              scale * (v * load(cosine + j) + direction * __builtin_shuffle(v, swapped) * load(sine + j)));
      }
      for (; j + 2 <= head_dim; j += 2) {
        const T a = p[j], b = p[j + 1];
        p[j] = scale * (a * cosine[j] + direction * b * sine[j]);
        p[j + 1] = scale * (b * cosine[j + 1] + direction * a * sine[j + 1]);
      }
    }
  }
}

template <class T>
void swiglu(int64_t rows, int64_t f, const T* gates, T* h) {
  for (int64_t i = 0; i < rows; ++i) {
    const T *a = gates + i * 2 * f, *b = a + f;
    T* out = h + i * f;
    int64_t j = 0;
    for (; j + kLanes<T> <= f; j += kLanes<T>) {
      const Vec<T> u = load(a + j);
      store(out + j, u / (T(1) + vexp(-u)) * load(b + j));
    }
    for (; j < f; ++j) out[j] = a[j] / (T(1) + scalar_exp(-a[j])) * b[j];
  }
}

template <class T, class V>
inline void swiglu_gradient(V a, V b, V g, V sigmoid, V& h, V& da, V& db) {
  const V silu = a * sigmoid;
  h = silu * b;
  da = g * b * (sigmoid + silu * (T(1) - sigmoid));
  db = g * silu;
}

template <class T>
void swiglu_backward(int64_t rows, int64_t f, const T* gates, const T* dh, T* h, T* d_gates) {
  for (int64_t i = 0; i < rows; ++i) {
    const T *a = gates + i * 2 * f, *b = a + f, *g = dh + i * f;
    T *out = h + i * f, *da = d_gates + i * 2 * f, *db = da + f;
    int64_t j = 0;
    for (; j + kLanes<T> <= f; j += kLanes<T>) {
      const Vec<T> u = load(a + j);
      Vec<T> vh, va, vb;
      swiglu_gradient<T, Vec<T>>(u, load(b + j), load(g + j), T(1) / (T(1) + vexp(-u)), vh, va, vb);
      store(out + j, vh);
      store(da + j, va);
      store(db + j, vb);
    }
    for (; j < f; ++j)
      swiglu_gradient<T, T>(a[j], b[j], g[j], T(1) / (T(1) + scalar_exp(-a[j])), out[j], da[j], db[j]);
  }
}

template <class T>
void cross_entropy(int64_t rows, int64_t n, T* logits, const int64_t* targets, T* nats, bool gradient) {
  constexpr int64_t lanes = kLanes<T>;
  for (int64_t i = 0; i < rows; ++i) {
    T* row = logits + i * n;
    Vec<T> highest = splat<T>(T(-1e30));
    int64_t j = 0;
    for (; j + lanes <= n; j += lanes) highest = vmax<T>(highest, load(row + j));
    T top = maximum<T>(highest);
    for (; j < n; ++j) top = row[j] > top ? row[j] : top;
    const T at_target = row[targets[i]];
    Vec<T> total{};
    T rest = 0;
    for (j = 0; j + lanes <= n; j += lanes) {
      const Vec<T> e = vexp(load(row + j) - top);
      if (gradient) store(row + j, e);
      total += e;
    }
    for (; j < n; ++j) {
      const T e = scalar_exp(row[j] - top);
      if (gradient) row[j] = e;
      rest += e;
    }
    const T z = sum<T>(total) + rest;
    nats[i] = top + scalar_log(z) - at_target;
    if (!gradient) continue;
    const T inverse = T(1) / z;
    for (j = 0; j < n; ++j) row[j] *= inverse;
    row[targets[i]] -= T(1);
  }
}

template <class T>
void add(int64_t n, const T* x, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i];
}
template <class T>
void axpy(int64_t n, T a, const T* x, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] += a * x[i];
}

template <class T>
double sum_squares(int64_t n, const T* x) {
  constexpr int64_t lanes = kLanes<double>;
  Vec<double> total[2] = {};
  int64_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes)
    for (int64_t v = 0; v < 2; ++v) {
      Vec<double> wide;
      for (int64_t l = 0; l < lanes; ++l) wide[l] = static_cast<double>(x[i + v * lanes + l]);
      total[v] += wide * wide;
    }
  double result = sum<double>(total[0] + total[1]);
  for (; i < n; ++i) result += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return result;
}

template <class T>
void adamw(int64_t n, T* p, const T* g, T* m, T* v, T g_scale, T beta1, T beta2, T decay, T rate, T root,
           T eps) {
  const T new1 = T(1) - beta1, new2 = T(1) - beta2;
  for (int64_t i = 0; i < n; ++i) {
    const T gradient = g[i] * g_scale;
    m[i] = beta1 * m[i] + new1 * gradient;
    v[i] = beta2 * v[i] + new2 * gradient * gradient;
    const T scaled = scalar_sqrt(v[i]) * root + eps;
    p[i] = p[i] * decay - rate * m[i] / scaled;
  }
}

}  // namespace
}  // namespace aunet
