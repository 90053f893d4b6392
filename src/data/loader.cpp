#include "data/loader.h"

#include "core/error.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

namespace aunet {

struct Loader::Impl {
  Impl(const Corpus& c, const RunConfig& r, const Tokenizer& tokenizer, int64_t first_step)
      : corpus(c), run(r), stream(c, r.data, r.seeds.data), builder(r.model, tokenizer), step(first_step) {}

  std::vector<Batch> build(int64_t index) const;
  void work();

  const Corpus& corpus;
  RunConfig run;
  TrainingStream stream;
  SequenceBuilder builder;
  int64_t step;  // the worker's next step

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::vector<Batch>> ready;  // guarded by mutex, as all below
  std::exception_ptr failure;
  bool finished = false;  // the worker has nothing more to give
  bool stop = false;
  std::thread worker;
};

namespace {
constexpr size_t kAhead = 2;  // steps built ahead of the trainer: hides the longest step, bounds memory
}

std::vector<Batch> Loader::Impl::build(int64_t index) const {
  const auto& horizon = run.horizon;
  const int64_t begin = index * horizon.batch_windows;
  const int64_t end = std::min(begin + horizon.batch_windows, horizon.windows);
  const int64_t micro = (horizon.batch_windows + horizon.accumulation - 1) / horizon.accumulation;
  std::vector<Batch> batches;
  for (int64_t first = begin; first < end; first += micro) {
    std::vector<Sequence> sequences;
    for (int64_t w = first; w < std::min(first + micro, end); ++w) {
      const bool is_last = w == horizon.windows - 1;
      sequences.push_back(
          builder.training(corpus, stream.window(w), is_last ? horizon.last_window_bytes : 0));
    }
    batches.push_back(pack(sequences, run.model));
  }
  return batches;
}

void Loader::Impl::work() {
  try {
    for (;; ++step) {
      auto batches = build(step);
      std::unique_lock lock(mutex);
      if (batches.empty()) break;
      changed.wait(lock, [this] { return stop || ready.size() < kAhead; });
      if (stop) return;
      ready.push_back(std::move(batches));
      changed.notify_all();
    }
  } catch (...) {
    const std::lock_guard lock(mutex);
    failure = std::current_exception();
  }
  const std::lock_guard lock(mutex);
  finished = true;
  changed.notify_all();
}

Loader::Loader(const Corpus& corpus, const RunConfig& run, const Tokenizer& tokenizer, int64_t first_step) {
  require(run.horizon.batch_windows > 0 && run.horizon.accumulation > 0,
          "loader: batch and accumulation must be positive");
  require(first_step >= 0, "loader: negative step");
  impl_ = std::make_unique<Impl>(corpus, run, tokenizer, first_step);
  impl_->worker = std::thread(&Impl::work, impl_.get());
}

Loader::~Loader() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->changed.notify_all();
  impl_->worker.join();
}

std::vector<Batch> Loader::next() {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [this] { return !impl_->ready.empty() || impl_->finished; });
  if (impl_->ready.empty()) {
    if (impl_->failure) std::rethrow_exception(impl_->failure);
    return {};
  }
  auto batches = std::move(impl_->ready.front());
  impl_->ready.pop_front();
  impl_->changed.notify_all();
  return batches;
}

}  // namespace aunet
