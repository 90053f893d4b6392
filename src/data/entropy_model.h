// A byte n-gram model, reduced to what the `entropy` rule asks of it: how hard the next byte is to predict.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

/// Order N: the next byte given up to N - 1 before it, by counts with Witten-Bell smoothing (Witten and Bell
/// 1991, method C, interpolated):
///
///   p(b | c) = (n(cb) + d(c) p(b | c')) / (n(c) + d(c))
///
/// c the context, c' the same without its first byte, n(cb) how often b follows c in the training text, n(c)
/// the sum of it over b, d(c) how many different b follow; below the empty context stands 1/256. A context
/// that is seen fewer than kMinSeen times has p(b | c) = p(b | c').
///
/// The entropy H(c) = -sum p log2 p depends on the longest known context alone, so the model is kept as a
/// table of contexts and their bits: small, and one look-up a byte.
class EntropyModel {
 public:
  static constexpr int kMaxOrder = 8;  // a context and a byte fit into 64 bits
  static constexpr uint32_t kMinSeen = 2;

  /// Counts the text as one document; its first N - 1 bytes are context only. Takes 8 bytes of memory per
  /// byte. Throws ConfigError for an order outside 1 .. kMaxOrder, or a text shorter than N bytes.
  static EntropyModel train(std::string_view text, int order);

  /// One line "aunet-entropy 1 order N contexts C text BYTES\n"; C records in order of the reversed contexts:
  /// a byte with the length, the context's bytes, the bits as a little-endian float32; 32 hex digits, the
  /// hash (core/hash.h) of all before. Throws Error naming the file.
  void save(const std::string& path) const;
  static EntropyModel load(const std::string& path);

  /// The longest known context of what was read so far; a segment begins with the empty one.
  struct Context {
    uint64_t bytes = 0;  // the newest lowest
    int length = 0;
  };
  /// Reads a byte; returns the bits of entropy of the byte after it.
  float next(Context& context, uint8_t byte) const;
  /// Bits of the first byte of a segment.
  float first() const { return empty_bits_; }

  int order() const { return order_; }
  int64_t n_contexts() const { return static_cast<int64_t>(contexts_.size()); }

 private:
  struct Entry {
    uint64_t key = 0;  // length and bytes; 0: the empty context, or a free slot
    float bits = 0;
  };
  class Trainer;
  EntropyModel(int order, int64_t text_bytes, std::vector<Entry> contexts);
  size_t slot_of(uint64_t key) const;

  int order_;
  int64_t text_bytes_;
  std::vector<Entry> contexts_;  // as in the file
  std::vector<Entry> slots_;     // the same by key: open addressing, at most half full
  int shift_ = 64;
  float empty_bits_ = 8;
};

}  // namespace aunet
