// Register-blocked matrix products. One micro-kernel serves all: a tile of 6 rows by 1..kMaxVectors vectors,
// with the left factor broadcast from memory (row-major or transposed) and the right one read as rows of a
// panel.
#pragma once

#include "nn/kernels/cpu/simd.h"

namespace aunet {
namespace {

constexpr int64_t kTileRows = 6;
constexpr int64_t kMaxVectors =
    AUNET_VECTOR_BYTES == 64 ? 4 : 2;  // 24 of 32 or 12 of 16 registers accumulate
constexpr int64_t kDepth = 512;        // longest inner dimension of one pass over a panel
template <class T>
constexpr int64_t kPanel = kMaxVectors* kLanes<T>;

/// c[kRows, kVectors] = (add ? c : 0) + a b; a is [k, rows] when kTransposed, else [rows, k].
template <class T, int kRows, int kVectors, bool kTransposed>
void tile(int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c, int64_t ldc, bool add) {
  constexpr int64_t n = kLanes<T>;
  Vec<T> sums[kRows][kVectors];
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) sums[i][v] = add ? load(c + i * ldc + v * n) : Vec<T>{};
#pragma GCC unroll 2
  for (int64_t p = 0; p < k; ++p) {
    Vec<T> right[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) right[v] = load(b + p * ldb + v * n);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const T left = kTransposed ? a[p * lda + i] : a[i * lda + p];
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sums[i][v] += left * right[v];
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) store(c + i * ldc + v * n, sums[i][v]);
}

template <class T>
using Tile = void (*)(int64_t, const T*, int64_t, const T*, int64_t, T*, int64_t, bool);

template <class T, bool kTransposed, int kVectors>
inline Tile<T> tile_of_rows(int64_t rows) {
  constexpr Tile<T> table[] = {tile<T, 1, kVectors, kTransposed>, tile<T, 2, kVectors, kTransposed>,
                               tile<T, 3, kVectors, kTransposed>, tile<T, 4, kVectors, kTransposed>,
                               tile<T, 5, kVectors, kTransposed>, tile<T, 6, kVectors, kTransposed>};
  return table[rows - 1];
}
template <class T, bool kTransposed>
inline Tile<T> tile_of(int64_t rows, int64_t vectors) {
  if constexpr (kMaxVectors == 4) {
    if (vectors == 4) return tile_of_rows<T, kTransposed, 4>(rows);
    if (vectors == 3) return tile_of_rows<T, kTransposed, 3>(rows);
  }
  return vectors == 2 ? tile_of_rows<T, kTransposed, 2>(rows) : tile_of_rows<T, kTransposed, 1>(rows);
}

/// m rows against one panel of `columns` <= kPanel columns that is readable up to whole vectors.
template <class T, bool kTransposed>
void panel_product(int64_t m, int64_t columns, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb,
                   T* c, int64_t ldc, bool add) {
  const int64_t vectors = (columns + kLanes<T> - 1) / kLanes<T>;
  const bool whole = columns == vectors * kLanes<T>;
  for (int64_t p = 0; p < k; p += kDepth) {
    const int64_t depth = k - p < kDepth ? k - p : kDepth;
    const bool sum = add || p > 0;
    for (int64_t i = 0; i < m; i += kTileRows) {
      const int64_t rows = m - i < kTileRows ? m - i : kTileRows;
      const T* left = kTransposed ? a + p * lda + i : a + i * lda + p;
      const Tile<T> product = tile_of<T, kTransposed>(rows, vectors);
      if (whole) {
        product(depth, left, lda, b + p * ldb, ldb, c + i * ldc, ldc, sum);
        continue;
      }
      T edge[kTileRows * kPanel<T>];
      product(depth, left, lda, b + p * ldb, ldb, edge, kPanel<T>, false);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < columns; ++j) {
          T& out = c[(i + r) * ldc + j];
          out = (sum ? out : T(0)) + edge[r * kPanel<T> + j];
        }
    }
  }
}

/// c [m, n] from b [k, n] as it lies in memory.
template <class T, bool kTransposed>
void product_plain(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, T* c,
                   int64_t ldc, bool add) {
  const int64_t whole = n / kLanes<T> * kLanes<T>;
  for (int64_t j = 0; j < whole; j += kPanel<T>) {
    const int64_t columns = whole - j < kPanel<T> ? whole - j : kPanel<T>;
    panel_product<T, kTransposed>(m, columns, k, a, lda, b + j, ldb, c + j, ldc, add);
  }
  if (whole == n) return;
  // The last columns go through a padded copy, so that no load leaves the matrix.
  constexpr int64_t rows = 128;
  T padded[rows * kLanes<T>];
  for (int64_t p = 0; p < k; p += rows) {
    const int64_t depth = k - p < rows ? k - p : rows;
    for (int64_t r = 0; r < depth; ++r)
      for (int64_t j = 0; j < kLanes<T>; ++j)
        padded[r * kLanes<T> + j] = whole + j < n ? b[(p + r) * ldb + whole + j] : T(0);
    const T* left = kTransposed ? a + p * lda : a + p;
    panel_product<T, kTransposed>(m, n - whole, depth, left, lda, padded, kLanes<T>, c + whole, ldc,
                                  add || p > 0);
  }
}

template <class T>
void gemm(int64_t m, int64_t n, int64_t k, const T* a, int64_t lda, const T* packed, T* c, int64_t ldc,
          bool add) {
  for (int64_t j = 0; j < n; j += kPanel<T>) {
    const int64_t columns = n - j < kPanel<T> ? n - j : kPanel<T>;
    panel_product<T, false>(m, columns, k, a, lda, packed + j * k, kPanel<T>, c + j, ldc, add);
  }
}

template <class T>
void pack(const T* w, const T* plus, int64_t k, int64_t n, int64_t first, int64_t last, T* packed) {
  for (int64_t q = first; q < last; ++q) {
    const int64_t j = q * kPanel<T>, columns = n - j < kPanel<T> ? n - j : kPanel<T>;
    T* out = packed + j * k;
    for (int64_t p = 0; p < k; ++p, out += kPanel<T>) {
      const T* row = w + p * n + j;
      for (int64_t i = 0; i < columns; ++i) out[i] = row[i];
      if (plus)
        for (int64_t i = 0; i < columns; ++i) out[i] += plus[p * n + j + i];
      for (int64_t i = columns; i < kPanel<T>; ++i) out[i] = 0;
    }
  }
}

template <class T>
void pack_transposed(const T* w, const T* plus, int64_t n, int64_t k, int64_t first, int64_t last,
                     T* packed) {
  for (int64_t q = first; q < last; ++q) {
    const int64_t j = q * kPanel<T>, columns = n - j < kPanel<T> ? n - j : kPanel<T>;
    T* out = packed + j * k;
    transpose(w + j * k, k, columns, k, out, kPanel<T>);
    if (plus) {
      // Small strips: transposed beside, then added.
      T strip[kPanel<T> * 16];
      for (int64_t p = 0; p < k; p += 16) {
        const int64_t depth = k - p < 16 ? k - p : 16;
        transpose(plus + j * k + p, k, columns, depth, strip, kPanel<T>);
        for (int64_t r = 0; r < depth; ++r)
          for (int64_t i = 0; i < columns; ++i) out[(p + r) * kPanel<T> + i] += strip[r * kPanel<T> + i];
      }
    }
    if (columns < kPanel<T>)
      for (int64_t p = 0; p < k; ++p)
        for (int64_t i = columns; i < kPanel<T>; ++i) out[p * kPanel<T> + i] = 0;
  }
}

}  // namespace
}  // namespace aunet
