#include "tests/model/random_batch.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

using namespace aunet;

namespace {

/// Loss and gradients of one batch with so many threads.
std::pair<double, at::Tensor> measured(const AunetConfig& config, const DeviceBatch& batch, int threads) {
  at::set_num_threads(threads);
  AUNet model(config, 1);
  const at::Tensor nats = model.loss(batch).nats;
  nats.backward();
  return {nats.item<double>(), model.store().gradients().clone()};
}

}  // namespace

TEST_CASE("torch's parallel loop, an inline function, was compiled with threads", "[model]") {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  std::atomic<int> others = 0;
  const auto here = std::this_thread::get_id();
  at::parallel_for(0, 2, 1, [&](int64_t, int64_t) { others += std::this_thread::get_id() != here; });
  CHECK(others == 1);
  at::set_num_threads(before);
}

TEST_CASE("a fixed number of threads gives the same bits every time, and nearly those of one thread",
          "[model]") {
  AunetConfig config = small_aunet();
  config.dimensions = {64, 96, 128};
  config.head_dims = {32, 32, 64};
  RandomStream stream(1, "test.threads");
  std::vector<Sequence> sequences;
  for (const int64_t rows : {700, 350, 513}) sequences.push_back(random_sequence(stream, rows, 3));
  const DeviceBatch batch = to_device(pack(sequences, config), at::kCPU);
  const int before = at::get_num_threads();
  const auto one = measured(config, batch, 1);
  for (const int threads : {2, 3, 5}) {
    const auto first = measured(config, batch, threads), second = measured(config, batch, threads);
    INFO(threads << " threads");
    CHECK(first.first == second.first);
    CHECK(at::equal(first.second, second.second));
    CHECK(first.first == Approx(one.first).epsilon(1e-6));
    const double scale = one.second.abs().max().item<double>();
    CHECK((first.second - one.second).abs().max().item<double>() < 1e-4 * scale);
  }
  at::set_num_threads(before);
}
