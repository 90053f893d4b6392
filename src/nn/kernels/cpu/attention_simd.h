// Exact causal windowed attention, tile by tile, with the scores kept transposed: S^T[key, query].
// Then the softmax runs down columns without a horizontal sum, only queries (never keys) need a transposed
// copy, and every product is one of the two forms of gemm_simd.h on data as it lies in memory.
#pragma once

#include "nn/kernels/cpu/gemm_simd.h"
#include "nn/kernels/cpu/row_kernels.h"

namespace aunet {
namespace {

template <class T>
int64_t attention_scratch(int64_t head_dim) {
  return 2 * head_dim * kQueryBlock + 2 * kKeyBlock * kQueryBlock + kQueryBlock * head_dim + 2 * kQueryBlock;
}

inline int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

/// A tile: queries [q0, q0 + n_queries) against keys [k0, k1), both relative to the sequence.
struct TileRange {
  int64_t q0, n_queries, k0, k1, window;
  /// Local queries that see key j: [from(j), to(j)).
  int64_t from(int64_t j) const { return at_least(0, j - q0); }
  int64_t to(int64_t j) const { return at_most(n_queries, j + window - q0); }
};

/// columns [D, kQueryBlock] = rows^T, missing queries zero.
template <class T>
void transpose_queries(const T* rows, int64_t stride, int64_t n_queries, int64_t head_dim, T* columns) {
  if (n_queries < kQueryBlock)
    for (int64_t i = 0; i < head_dim * kQueryBlock; ++i) columns[i] = 0;
  transpose(rows, stride, n_queries, head_dim, columns, kQueryBlock);
}

/// out[key, query] = <left[key], columns[:, query]> where any of six keys is seen; whole vectors.
template <class T>
void scores(const TileRange& r, int64_t head_dim, const T* left, int64_t stride, const T* columns, T* out) {
  constexpr int64_t n = kLanes<T>;
  for (int64_t j = r.k0; j < r.k1; j += kTileRows) {
    const int64_t rows = at_most(kTileRows, r.k1 - j);
    const int64_t first = r.from(j) / n * n, last = r.to(j + rows - 1);
    for (int64_t i = first; i < last; i += kPanel<T>)
      panel_product<T, false>(rows, at_most(kPanel<T>, (last - i + n - 1) / n * n), head_dim,
                              left + j * stride, stride, columns + i, kQueryBlock,
                              out + (j - r.k0) * kQueryBlock + i, kQueryBlock, false);
  }
}

/// out[query] += sum over keys of weights[key, query] * rows[key]; weights are zero where the query does not
/// see.
template <class T>
void gather_keys(const TileRange& r, int64_t head_dim, const T* weights, const T* rows, int64_t stride,
                 T* out, int64_t out_stride) {
  for (int64_t i = 0; i < r.n_queries; i += kTileRows) {
    const int64_t queries = at_most(kTileRows, r.n_queries - i);
    const int64_t first = at_least(r.k0, r.q0 + i - r.window + 1), last = at_most(r.k1, r.q0 + i + queries);
    if (first >= last) continue;
    product_plain<T, true>(queries, head_dim, last - first, weights + (first - r.k0) * kQueryBlock + i,
                           kQueryBlock, rows + first * stride, stride, out + i * out_stride, out_stride,
                           true);
  }
}

/// out[key] += sum over queries of weights[key, query] * rows[query].
template <class T>
void gather_queries(const TileRange& r, int64_t head_dim, const T* weights, const T* rows, int64_t stride,
                    T* out, int64_t out_stride) {
  for (int64_t j = r.k0; j < r.k1; j += kTileRows) {
    const int64_t keys = at_most(kTileRows, r.k1 - j);
    const int64_t first = r.from(j), last = r.to(j + keys - 1);
    if (first >= last) continue;
    product_plain<T, false>(keys, head_dim, last - first, weights + (j - r.k0) * kQueryBlock + first,
                            kQueryBlock, rows + first * stride, stride, out + j * out_stride, out_stride,
                            true);
  }
}

/// Calls body(vector offset, seen-mask) for the vectors of key j that hold a query which sees it; zeroes the
/// others.
template <class T, class Body>
inline void over_queries(const TileRange& r, int64_t j, T* row, Body body) {
  constexpr int64_t n = kLanes<T>;
  const int64_t from = r.from(j), to = r.to(j);
  for (int64_t i = 0; i < kQueryBlock; i += n) {
    if (i + n <= from || i >= to) {
      store(row + i, Vec<T>{});
    } else {
      const Mask<T> at = iota<T>(i);
      using Lane = typename VectorOf<T>::lane;
      body(i, (at >= static_cast<Lane>(from)) & (at < static_cast<Lane>(to)));
    }
  }
}

template <class T>
void attention(const AttentionHead<T>& h, int64_t first, T* scratch) {
  constexpr T kLowest = T(-1e30);
  const int64_t n_queries = at_most(kQueryBlock, h.rows - first), d = h.head_dim;
  T* columns = scratch;
  T* s = columns + d * kQueryBlock;
  T* top = s + kKeyBlock * kQueryBlock;
  T* total = top + kQueryBlock;
  T* out = h.out + first * h.out_stride;
  transpose_queries(h.query + first * h.query_stride, h.query_stride, n_queries, d, columns);
  for (int64_t i = 0; i < kQueryBlock; ++i) top[i] = kLowest, total[i] = 0;
  for (int64_t i = 0; i < n_queries; ++i)
    for (int64_t c = 0; c < d; ++c) out[i * h.out_stride + c] = 0;

  const int64_t end = first + n_queries;
  for (int64_t k0 = at_least(0, first - h.window + 1); k0 < end; k0 += kKeyBlock) {
    const TileRange r{first, n_queries, k0, at_most(end, k0 + kKeyBlock), h.window};
    scores(r, d, h.key, h.stride, columns, s);
    T old[kQueryBlock];
    for (int64_t i = 0; i < kQueryBlock; ++i) old[i] = top[i];
    for (int64_t j = r.k0; j < r.k1; ++j) {
      T* row = s + (j - r.k0) * kQueryBlock;
      over_queries<T>(r, j, row, [&](int64_t i, Mask<T> seen) {
        store(top + i, vmax<T>(load(top + i), seen ? load(row + i) : splat(kLowest)));
      });
    }
    if (k0 > 0 || k0 + kKeyBlock < end)  // rescale what earlier key blocks summed
      for (int64_t i = 0; i < n_queries; ++i) {
        if (old[i] == top[i] || old[i] == kLowest) continue;
        const T factor = scalar_exp(old[i] - top[i]);
        total[i] *= factor;
        for (int64_t c = 0; c < d; ++c) out[i * h.out_stride + c] *= factor;
      }
    for (int64_t j = r.k0; j < r.k1; ++j) {
      T* row = s + (j - r.k0) * kQueryBlock;
      over_queries<T>(r, j, row, [&](int64_t i, Mask<T> seen) {
        const Vec<T> p = seen ? vexp(load(row + i) - load(top + i)) : Vec<T>{};
        store(row + i, p);
        store(total + i, load(total + i) + p);
      });
    }
    gather_keys(r, d, s, h.value, h.stride, out, h.out_stride);
  }
  for (int64_t i = 0; i < n_queries; ++i) {
    if (h.lse) h.lse[first + i] = top[i] + scalar_log(total[i]);
    const T inverse = T(1) / total[i];
    for (int64_t c = 0; c < d; ++c) out[i * h.out_stride + c] *= inverse;
  }
}

template <class T>
void attention_backward(const AttentionHead<T>& h, const AttentionHeadGrad<T>& g, int64_t first, T* scratch) {
  const int64_t n_queries = at_most(kQueryBlock, h.rows - first), d = h.head_dim;
  T* columns = scratch;
  T* d_columns = columns + d * kQueryBlock;
  T* p = d_columns + d * kQueryBlock;
  T* ds = p + kKeyBlock * kQueryBlock;
  T* lse = ds + kKeyBlock * kQueryBlock;
  T* delta = lse + kQueryBlock;
  const T* query = h.query + first * h.stride;
  const T* d_out = g.d_out + first * h.out_stride;
  T* d_query = g.d_query + first * h.stride;
  transpose_queries(query, h.stride, n_queries, d, columns);
  transpose_queries(d_out, h.out_stride, n_queries, d, d_columns);
  for (int64_t i = 0; i < kQueryBlock; ++i) {
    lse[i] = i < n_queries ? h.lse[first + i] : T(0);
    delta[i] = i < n_queries ? g.delta[first + i] : T(0);
  }
  for (int64_t i = 0; i < n_queries; ++i)
    for (int64_t c = 0; c < d; ++c) d_query[i * h.stride + c] = 0;

  const int64_t end = first + n_queries;
  for (int64_t k0 = at_least(0, first - h.window + 1); k0 < end; k0 += kKeyBlock) {
    const TileRange r{first, n_queries, k0, at_most(end, k0 + kKeyBlock), h.window};
    scores(r, d, h.key, h.stride, columns, p);
    scores(r, d, h.value, h.stride, d_columns, ds);
    for (int64_t j = r.k0; j < r.k1; ++j) {
      T* row = p + (j - r.k0) * kQueryBlock;
      T* d_row = ds + (j - r.k0) * kQueryBlock;
      over_queries<T>(r, j, row, [&](int64_t i, Mask<T> seen) {
        const Vec<T> weight = seen ? vexp(load(row + i) - load(lse + i)) : Vec<T>{};
        store(row + i, weight);
        store(d_row + i, seen ? weight * (load(d_row + i) - load(delta + i)) : Vec<T>{});
      });
      over_queries<T>(r, j, d_row, [](int64_t, Mask<T>) {});
    }
    gather_queries(r, d, p, d_out, h.out_stride, g.d_value, h.stride);
    gather_queries(r, d, ds, query, h.stride, g.d_key, h.stride);
    gather_keys(r, d, ds, h.key, h.stride, d_query, h.stride);
  }
}

}  // namespace
}  // namespace aunet
