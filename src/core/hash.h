// 128-bit content hashes (XXH3) as lower-case hex: identities of runs, corpora and tokenizers.
// Not for secrets: nobody is expected to forge a corpus.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace aunet {

/// 32 hex digits of XXH3-128 over `bytes`.
std::string hash_hex(std::string_view bytes);

/// XXH3-64: for tables of many hashes, where 128 bits would be waste.
uint64_t hash_u64(std::string_view bytes);

/// The same hash as hash_hex over pieces: update in order, then hex().
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;
  void update(std::string_view bytes);
  std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// hash_hex of a file's bytes, read in blocks. Throws Error naming the file.
std::string hash_file(const std::string& path);

}  // namespace aunet
