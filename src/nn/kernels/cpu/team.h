// How the CPU kernels share work among threads: a team of members with fixed shares, so that results depend
// on the number of threads but never on timing. A team of one enters no parallel region.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include "nn/kernels/cpu/row_kernels.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace aunet {

template <class Body>
void run_team(int64_t team, const Body& body) {
  if (team == 1) return body(int64_t{0});
  at::parallel_for(0, team, 1, [&](int64_t first, int64_t last) {
    for (int64_t t = first; t < last; ++t) body(t);
  });
}

/// Rows in equal shares, multiples of the products' tile height; nobody's share is empty unless there are no
/// rows.
struct RowShares {
  int64_t rows, share, team;
  /// `flops`: of the whole call; below about 50 us of work, one thread does it.
  RowShares(int64_t n_rows, double flops) : rows(n_rows), share(n_rows), team(1) {
    const int64_t threads = at::in_parallel_region() ? 1 : at::get_num_threads();
    if (threads == 1 || flops < 4e6) return;
    share = ((n_rows + threads - 1) / threads + 5) / 6 * 6;
    team = share ? (n_rows + share - 1) / share : 1;
  }
  int64_t first(int64_t member) const { return member * share; }
  int64_t last(int64_t member) const { return std::min(rows, (member + 1) * share); }
};

/// body(first row, number of rows) over member's share, kRowBlock at a time.
template <class Body>
void over_row_blocks(const RowShares& shares, int64_t member, const Body& body) {
  for (int64_t i = shares.first(member); i < shares.last(member); i += kRowBlock)
    body(i, std::min(kRowBlock, shares.last(member) - i));
}

/// This thread's scratch of at least n values, 64-byte aligned, kept between calls. One user at a time.
template <class T>
T* thread_scratch(int64_t n) {
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  thread_local std::unique_ptr<T, Free> buffer;
  thread_local int64_t size = 0;
  if (size < n) {
    size = (n + 1023) / 1024 * 1024;
    buffer.reset(static_cast<T*>(std::aligned_alloc(64, static_cast<size_t>(size) * sizeof(T))));
  }
  return buffer.get();
}

/// Up to so many rows a product takes its weights as they lie. Packing them first is worth it from 4 rows on
/// at widths of 256 and more, from 2 on at 64, where a product takes a few microseconds either way
/// (measured).
inline constexpr int64_t kFewRows = 3;

/// Weights packed for RowKernels::gemm, all in one parallel region; or, with `packs` false, used as they lie.
template <class T>
class PackedWeights {
 public:
  explicit PackedWeights(bool packs = true) : packs_(packs) {}
  /// For x w^T of w [n, k] (`transposed`), or for x w of w [k, n]; `plus` is added to w. Returns its index.
  int64_t add(const T* w, int64_t rows, int64_t columns, bool transposed, const T* plus = nullptr) {
    const int64_t n = transposed ? rows : columns, k = transposed ? columns : rows;
    const int64_t panels = (n + kernels_.panel - 1) / kernels_.panel;
    jobs_.push_back({w, plus, n, k, transposed, n_panels_, size_});
    n_panels_ += panels;
    size_ += (panels * kernels_.panel * k + 15) / 16 * 16;
    return static_cast<int64_t>(jobs_.size()) - 1;
  }
  void run(int64_t team) {
    if (!packs_) return;
    storage_ = at::empty({size_}, c10::CppTypeToScalarType<T>::value);
    T* base = storage_.template mutable_data_ptr<T>();
    team = std::max<int64_t>(1, std::min(team, n_panels_));
    run_team(team, [&](int64_t t) {
      const int64_t first = n_panels_ * t / team, last = n_panels_ * (t + 1) / team;
      for (size_t i = 0; i < jobs_.size(); ++i) {
        const Job& job = jobs_[i];
        const int64_t end = i + 1 < jobs_.size() ? jobs_[i + 1].first_panel : n_panels_;
        const int64_t a = std::max(first, job.first_panel), b = std::min(last, end);
        if (a >= b) continue;
        if (job.transposed)
          kernels_.pack_transposed(job.w, job.plus, job.n, job.k, a - job.first_panel, b - job.first_panel,
                                   base + job.offset);
        else
          kernels_.pack(job.w, job.plus, job.k, job.n, a - job.first_panel, b - job.first_panel,
                        base + job.offset);
      }
    });
  }
  /// c [rows, n] = a [rows, k] times weight `index` (+ c if add).
  void product(int64_t index, int64_t rows, const T* a, int64_t lda, T* c, int64_t ldc, bool add) const {
    const Job& job = jobs_[static_cast<size_t>(index)];
    if (packs_) return kernels_.gemm(rows, job.n, job.k, a, lda, (*this)[index], c, ldc, add);
    TORCH_CHECK(job.transposed, "product: a weight that is not transposed must be packed");
    kernels_.few_rows(rows, job.n, job.k, a, lda, job.w, c, ldc, add);
    if (job.plus) kernels_.few_rows(rows, job.n, job.k, a, lda, job.plus, c, ldc, true);
  }
  const T* operator[](int64_t index) const {
    return storage_.template const_data_ptr<T>() + jobs_[static_cast<size_t>(index)].offset;
  }

 private:
  struct Job {
    const T *w, *plus;
    int64_t n, k;
    bool transposed;
    int64_t first_panel, offset;
  };
  const RowKernels<T>& kernels_ = row_kernels<T>();
  const bool packs_;
  std::vector<Job> jobs_;
  int64_t n_panels_ = 0, size_ = 0;
  at::Tensor storage_;
};

/// Sums that several members add to: member 0 straight into the target, the others into copies that reduce()
/// adds in their order.
template <class T>
class TeamSums {
 public:
  TeamSums(int64_t team, std::vector<at::Tensor> targets) : team_(team), targets_(std::move(targets)) {
    for (const at::Tensor& t : targets_) {
      offsets_.push_back(size_);
      size_ += (t.numel() + 15) / 16 * 16;
    }
    if (team_ > 1) copies_ = at::empty({(team_ - 1) * size_}, c10::CppTypeToScalarType<T>::value);
  }
  /// Where `member` adds its part of target i.
  T* part(int64_t member, size_t i) {
    if (member == 0) return targets_[i].template mutable_data_ptr<T>();
    return copies_.template mutable_data_ptr<T>() + (member - 1) * size_ + offsets_[i];
  }
  /// Zeroes a member's part; needed by those who add from the first block on.
  void clear(int64_t member, size_t i) {
    if (member > 0) std::memset(part(member, i), 0, static_cast<size_t>(targets_[i].numel()) * sizeof(T));
  }
  void reduce() {
    if (team_ == 1) return;
    run_team(team_, [&](int64_t t) {
      for (size_t i = 0; i < targets_.size(); ++i) {
        const int64_t n = targets_[i].numel();
        const int64_t step = ((n + team_ - 1) / team_ + 15) / 16 * 16, first = std::min(n, t * step);
        const int64_t count = std::min(step, n - first);
        for (int64_t m = 1; m < team_ && count > 0; ++m)
          row_kernels<T>().add(count, part(m, i) + first, part(0, i) + first);
      }
    });
  }

 private:
  int64_t team_, size_ = 0;
  std::vector<at::Tensor> targets_;
  std::vector<int64_t> offsets_;
  at::Tensor copies_;
};

/// A gradient's own buffer when nobody else holds it, else a new one: lets a backward write over its input.
inline at::Tensor reuse_or_empty(const at::Tensor& t) {
  return t.use_count() <= 2 && t.storage().use_count() == 1 ? t : at::empty_like(t);
}

}  // namespace aunet
