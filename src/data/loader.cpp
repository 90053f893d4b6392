#include "data/loader.h"

#include "core/error.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

namespace aunet {

struct Loader::Impl {
  Impl(const Corpus& c, const RunConfig& r, const Tokenizer& t, const LoaderOptions& o)
      : corpus(c),
        run(r),
        tokenizer(t),
        options(o),
        stream(c, r.data, r.seeds.data),
        given(o.first_step),
        next_step(o.first_step) {}

  StepBatches build(const SequenceBuilder& builder, int64_t step) const;
  void add_micro(const SequenceBuilder& builder, int64_t first, int64_t last, StepBatches& out) const;
  void work();

  const Corpus& corpus;
  const RunConfig run;
  const Tokenizer& tokenizer;
  const LoaderOptions options;
  const TrainingStream stream;

  std::mutex mutex;
  std::condition_variable changed;
  std::map<int64_t, StepBatches> ready;          // by step; guarded by mutex, as all below
  int64_t given;                                 // next() gives this step
  int64_t next_step;                             // the next one to build
  std::map<int64_t, std::exception_ptr> failed;  // by step
  std::exception_ptr failure;                    // of a worker that could not begin
  bool stop = false;
  std::vector<std::thread> workers;

  ~Impl() {  // also when a thread could not be started
    {
      const std::lock_guard lock(mutex);
      stop = true;
    }
    changed.notify_all();
    for (std::thread& worker : workers) worker.join();
  }
};

namespace {

/// What all ranks have together grows by a batch of one of them.
void account(const Batch& batch, StepBatches& step) {
  step.counts += batch;
  step.text_bytes += batch.text_bytes;
  step.cut_rows += batch.cut_rows;
  step.n_stages = batch.n_stages();
  for (int64_t b = 0; b < batch.n_sequences; ++b) {
    for (const auto& cu : batch.cu_rows) step.rows.push_back(cu[b + 1] - cu[b]);
  }
}

}  // namespace

/// One micro-batch of windows [first, last), rank by rank: all are counted, this one's is kept.
void Loader::Impl::add_micro(const SequenceBuilder& builder, int64_t first, int64_t last,
                             StepBatches& out) const {
  const std::vector<Window> windows = stream.windows(first, last);
  const int64_t n = last - first, last_window = run.horizon.windows - 1;
  for (int64_t rank = 0; rank < options.n_ranks; ++rank) {
    const int64_t begin = n * rank / options.n_ranks, end = n * (rank + 1) / options.n_ranks;
    if (begin == end) continue;
    std::vector<Sequence> sequences;
    for (int64_t i = begin; i < end; ++i)
      sequences.push_back(builder.training(corpus, windows[static_cast<size_t>(i)],
                                           first + i == last_window ? run.horizon.last_window_bytes : 0));
    Batch batch = pack(sequences, run.model);
    account(batch, out);
    if (rank == options.rank) out.micro.push_back(std::move(batch));
  }
}

StepBatches Loader::Impl::build(const SequenceBuilder& builder, int64_t step) const {
  const auto& horizon = run.horizon;
  const int64_t begin = step * horizon.batch_windows;
  const int64_t end = std::min(begin + horizon.batch_windows, horizon.windows);
  const int64_t micro = (horizon.batch_windows + horizon.accumulation - 1) / horizon.accumulation;
  StepBatches out;
  for (int64_t first = begin; first < end; first += micro)
    add_micro(builder, first, std::min(first + micro, end), out);
  return out;
}

/// A step that cannot be built is the answer to that step alone: those before it are still good.
void Loader::Impl::work() {
  std::unique_lock lock(mutex, std::defer_lock);
  try {
    const SequenceBuilder builder(run.model, tokenizer);
    lock.lock();
    for (;;) {
      changed.wait(lock, [this] { return stop || next_step <= given + options.workers; });
      if (stop || !failed.empty() || next_step * run.horizon.batch_windows >= run.horizon.windows) return;
      const int64_t step = next_step++;
      lock.unlock();
      StepBatches batches;
      std::exception_ptr problem;
      try {
        batches = build(builder, step);
      } catch (...) {
        problem = std::current_exception();
      }
      lock.lock();
      if (problem)
        failed.emplace(step, problem);
      else
        ready.emplace(step, std::move(batches));
      changed.notify_all();
    }
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    if (!failure) failure = std::current_exception();
    changed.notify_all();
  }
}

Loader::Loader(const Corpus& corpus, const RunConfig& run, const Tokenizer& tokenizer,
               const LoaderOptions& options) {
  require(run.horizon.batch_windows > 0 && run.horizon.accumulation > 0,
          "loader: batch and accumulation must be positive");
  require(options.first_step >= 0 && options.workers > 0, "loader: negative step, or no worker");
  require(options.n_ranks > 0 && options.rank >= 0 && options.rank < options.n_ranks, "loader: no such rank");
  impl_ = std::make_unique<Impl>(corpus, run, tokenizer, options);
  for (int64_t i = 0; i < options.workers; ++i) impl_->workers.emplace_back(&Impl::work, impl_.get());
}

Loader::~Loader() = default;

StepBatches Loader::next() {
  Impl& in = *impl_;
  std::unique_lock lock(in.mutex);
  if (in.given * in.run.horizon.batch_windows >= in.run.horizon.windows) return {};
  in.changed.wait(
      lock, [&] { return in.ready.count(in.given) > 0 || in.failed.count(in.given) > 0 || in.failure; });
  const auto found = in.ready.find(in.given);
  if (found == in.ready.end())
    std::rethrow_exception(in.failed.count(in.given) > 0 ? in.failed.at(in.given) : in.failure);
  StepBatches batches = std::move(found->second);
  in.ready.erase(found);
  ++in.given;
  in.changed.notify_all();
  return batches;
}

}  // namespace aunet
