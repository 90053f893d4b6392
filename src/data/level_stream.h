// Levels one id at a time, for generation: what Splitter::levels gives for everything read so far.
#pragma once

#include "config/model_config.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace aunet {

/// Reads ids and says the level of each as it comes. One per sequence, for one thread.
class LevelStream {
 public:
  /// Throws ConfigError as Splitter.
  LevelStream(const std::vector<SplitRule>& rules, SplitMode mode);
  ~LevelStream();
  LevelStream(LevelStream&&) noexcept;
  LevelStream& operator=(LevelStream&&) noexcept;

  /// Level of the id just read: the last of Splitter::levels on all ids so far. A mark (256, 257) has level 0
  /// and begins a new segment.
  ///
  /// Causal mode: constant work per byte (user rules: data/user_rule.h), and no later id changes the answer.
  /// Official mode: the whole segment so far is split again, without a bound on its length; the answer is the
  /// level that the newest byte has when the text ends there, and later bytes may change it.
  int32_t next(int32_t id);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace aunet
