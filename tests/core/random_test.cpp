#include "core/philox.h"
#include "core/random.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>

namespace aunet {

TEST_CASE("philox4x32-10 gives the known answers of Random123", "[core]") {
  using Block = std::array<uint32_t, 4>;
  const uint32_t ones = 0xffffffff;
  CHECK(philox4x32_10({0, 0, 0, 0}, {0, 0}) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox4x32_10({ones, ones, ones, ones}, {ones, ones}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a stream depends on its seed and name only", "[core]") {
  RandomStream a(7, "data"), b(7, "data"), other_name(7, "init"), other_seed(8, "data");
  const uint64_t first = a.next_u64();
  CHECK(first == b.next_u64());
  CHECK(first != other_name.next_u64());
  CHECK(first != other_seed.next_u64());
}

TEST_CASE("a frozen stream: seed 0, name \"frozen\"", "[core]") {
  // Computed by an independent Philox and python-xxhash. Changes here change every weight and every data
  // order: raise kNumericsVersion.
  RandomStream stream(0, "frozen");
  CHECK(stream.next_u64() == 0xe014aa889bebb065ull);
  CHECK(stream.next_u64() == 0x1dc2cab0673ba8d5ull);
  CHECK(stream.next_u64() == 0xa6c40dc62943f529ull);
}

TEST_CASE("seek returns to a position", "[core]") {
  RandomStream stream(1, "seek");
  for (int i = 0; i < 10; ++i) stream.next_u64();
  const uint64_t position = stream.position();
  const uint64_t next = stream.next_u64();
  for (int i = 0; i < 100; ++i) stream.next_u64();
  stream.seek(position);
  CHECK(stream.next_u64() == next);
}

TEST_CASE("uniform and normal have the moments they should", "[core]") {
  RandomStream stream(3, "moments");
  const int n = 200000;
  double sum = 0, squares = 0, normal_sum = 0, normal_squares = 0, smallest = 1, largest = 0;
  for (int i = 0; i < n; ++i) {
    const double u = stream.uniform(), z = stream.normal();
    sum += u;
    squares += u * u;
    smallest = std::min(smallest, u);
    largest = std::max(largest, u);
    normal_sum += z;
    normal_squares += z * z;
  }
  CHECK(smallest >= 0);
  CHECK(largest < 1);
  // Five standard errors: 0.289 / sqrt(n), 0.298 / sqrt(n), 1 / sqrt(n), 1.41 / sqrt(n).
  const double error = 5 / std::sqrt(n);
  CHECK(std::fabs(sum / n - 0.5) < 0.289 * error);
  CHECK(std::fabs(squares / n - 1.0 / 3) < 0.298 * error);
  CHECK(std::fabs(normal_sum / n) < error);
  CHECK(std::fabs(normal_squares / n - 1) < 1.42 * error);
}

TEST_CASE("below is unbiased and in range", "[core]") {
  RandomStream stream(4, "below");
  std::array<int, 7> counts{};
  const int n = 70000;
  for (int i = 0; i < n; ++i) ++counts.at(stream.below(7));
  for (const int count : counts) CHECK(std::abs(count - 10000) < 5 * std::sqrt(10000 * 6.0 / 7));
  // 3 * 2^62: without rejection every third value would be twice as likely.
  int low = 0;
  const uint64_t huge = 3ull << 62;
  for (int i = 0; i < 30000; ++i) low += stream.below(huge) < (1ull << 62);
  CHECK(std::abs(low - 10000) < 5 * std::sqrt(30000 * 2.0 / 9));
}

TEST_CASE("a permutation holds every index once and follows its stream", "[core]") {
  RandomStream a(5, "permutation"), b(5, "permutation");
  const auto order = permutation(a, 1000);
  CHECK(order == permutation(b, 1000));
  CHECK(std::set<uint32_t>(order.begin(), order.end()).size() == 1000);
  CHECK(*std::max_element(order.begin(), order.end()) == 999);
  CHECK(!std::is_sorted(order.begin(), order.end()));
  CHECK(permutation(a, 0).empty());
}

}  // namespace aunet
