// Named, counter-based random streams: what a stream draws depends only on (seed, name, position),
// never on what other streams drew, so adding a consumer changes no other number.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace aunet {

/// Philox4x32-10 (Salmon et al. 2011) keyed by a hash of (seed, name).
class RandomStream {
 public:
  RandomStream(uint64_t seed, std::string_view name);
  uint64_t next_u64();
  double uniform();                                ///< [0, 1), 53 bits
  double normal();                                 ///< Box-Muller on two uniforms
  uint64_t below(uint64_t n);                      ///< [0, n), unbiased (Lemire); n > 0
  uint64_t position() const { return position_; }  ///< blocks drawn; seek() returns there
  void seek(uint64_t position) {
    position_ = position;
    have_ = 0;
  }

 private:
  uint64_t key_;
  uint64_t position_ = 0;
  uint32_t buffer_[4] = {};
  int have_ = 0;
};

/// A permutation of 0..n-1 (Fisher-Yates from the stream).
std::vector<uint32_t> permutation(RandomStream& stream, uint32_t n);

}  // namespace aunet
