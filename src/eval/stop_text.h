// The text that a generation has made so far: where a stop string ends it, and what of it may be shown
// already.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace aunet {

class StopText {
 public:
  /// `stops`: none of them empty.
  explicit StopText(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  /// Appends one byte. True when it completes a stop string, which is then cut off together with all that
  /// follows; of several that end at this byte the longest. The first completed one counts, so the result
  /// does not depend on how bytes are grouped into tokens.
  bool append(char byte);
  const std::string& text() const { return text_; }

  /// What may be shown beyond what was taken before: not the beginning of a possible stop string, and not a
  /// character of which bytes are missing. At the end everything is.
  std::string_view take(bool at_end);

 private:
  size_t held_back() const;
  std::vector<std::string> stops_;
  std::string text_;
  size_t taken_ = 0;
};

}  // namespace aunet
