// What the loader needs from a tokenizer. Implementations: bytes (here), BPE (baselines/bpe.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// Appends the ids of `text`; no marks. Safe to call from several threads.
  virtual void encode(std::string_view text, std::vector<int32_t>& ids) const = 0;
  /// The bytes that `id` stands for ("" for marks).
  virtual std::string text(int32_t id) const = 0;
  /// Number of them.
  virtual int64_t n_bytes(int32_t id) const = 0;
  virtual int32_t begin_id() const = 0;
  virtual int32_t end_id() const = 0;
  virtual int64_t vocab_size() const = 0;  ///< marks included
  /// What decides the ids, as a hash; "" for bytes.
  virtual std::string fingerprint() const { return {}; }
};

/// The bytes of `text` as ids; no marks.
std::vector<int32_t> byte_ids(std::string_view text);

/// 256 bytes, begin 256, end 257.
std::unique_ptr<Tokenizer> make_byte_tokenizer();

}  // namespace aunet
