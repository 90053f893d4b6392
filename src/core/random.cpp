#include "core/random.h"

#include "core/error.h"
#include "core/hash.h"
#include "core/philox.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <string>

namespace aunet {
namespace {

// The seed's decimal digits end at ':', so no two (seed, name) pairs hash the same text.
uint64_t stream_key(uint64_t seed, std::string_view name) {
  const std::string hex = hash_hex(std::to_string(seed) + ":" + std::string(name));
  return std::stoull(hex.substr(0, 16), nullptr, 16);
}

constexpr uint32_t low(uint64_t x) { return static_cast<uint32_t>(x); }
constexpr uint32_t high(uint64_t x) { return static_cast<uint32_t>(x >> 32); }

}  // namespace

std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  constexpr uint64_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
  constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {high(product1) ^ counter[1] ^ key[0], low(product1), high(product0) ^ counter[3] ^ key[1],
               low(product0)};
    key[0] += kWeyl0;
    key[1] += kWeyl1;
  }
  return counter;
}

RandomStream::RandomStream(uint64_t seed, std::string_view name) : key_(stream_key(seed, name)) {}

uint64_t RandomStream::next_u64() {
  if (have_ == 0) {
    const auto block = philox4x32_10({low(position_), high(position_), 0, 0}, {low(key_), high(key_)});
    for (size_t i = 0; i < 4; ++i) buffer_[i] = block[i];
    ++position_;
    have_ = 4;
  }
  const int first = 4 - have_;
  have_ -= 2;
  return buffer_[first] | static_cast<uint64_t>(buffer_[first + 1]) << 32;
}

double RandomStream::uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

double RandomStream::normal() {
  const double radius = std::sqrt(-2 * std::log1p(-uniform()));  // 1 - u is in (0, 1]: the log is finite
  return radius * std::cos(2 * std::numbers::pi * uniform());
}

// Lemire 2019, "Fast random integer generation in an interval": reject the few low products that would favour
// small results.
uint64_t RandomStream::below(uint64_t n) {
  require(n > 0, "RandomStream::below: n must be positive");
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(next_u64()) * n;
  if (static_cast<uint64_t>(product) < n) {
    const uint64_t threshold = (0 - n) % n;
    while (static_cast<uint64_t>(product) < threshold) product = static_cast<Wide>(next_u64()) * n;
  }
  return static_cast<uint64_t>(product >> 64);
}

std::vector<uint32_t> permutation(RandomStream& stream, uint32_t n) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
  return order;
}

}  // namespace aunet
