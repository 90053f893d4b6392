// Base of the rules that see characters, not bytes.
#pragma once

#include "data/boundary_rule.h"
#include "data/utf8.h"

#include <string>
#include <unordered_set>

namespace aunet {

/// Decodes the bytes. A boundary on a character is on its last byte. A byte that is no part of a valid
/// character counts as one U+FFFD, from the byte on at which that is certain; a character that is not
/// complete yet has no boundary of its own.
class CharacterRule : public BoundaryRule {
 public:
  void start() final;
  bool step(uint8_t byte) final;

 protected:
  /// A new segment begins.
  virtual void start_text() = 0;
  /// Reads the next character; true when a boundary became certain with it.
  virtual bool character(uint32_t code) = 0;
  /// Reads one more byte of a character that is not complete; `bytes` are its bytes so far, the first one
  /// highest. True when they make a boundary certain whatever the character, or invalid bytes, they become.
  virtual bool unfinished(uint32_t bytes);

 private:
  Utf8Decoder decoder_;
  uint32_t held_ = 0;  // bytes of the unfinished character
};

/// What `unfinished` is given for the characters outside ASCII that `pattern` matches: all their beginnings.
std::unordered_set<uint32_t> unfinished_bytes(const std::string& pattern);

}  // namespace aunet
