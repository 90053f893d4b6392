#include "data/level_stream.h"

#include "core/error.h"
#include "data/causal_rules.h"
#include "data/split_rules.h"
#include "data/utf8.h"

#include <optional>

namespace aunet {

struct LevelStream::Impl {
  Impl(const std::vector<SplitRule>& rules, SplitMode mode) {
    if (mode == SplitMode::Causal) {
      causal.emplace(rules);
      causal->start();
    } else {
      official.emplace(rules, mode);
    }
  }

  void start() {
    n_outside = 0;
    inside = false;
    segment.clear();
    if (causal) causal->start();
  }

  int32_t next(uint8_t byte) {
    if (official) {
      segment.push_back(byte);
      return official->levels(segment).back();
    }
    if (!inside && n_outside < kMaxLeadingContinuation && is_continuation(byte)) {
      ++n_outside;
      return 0;
    }
    inside = true;
    return causal->step(byte);
  }

  std::optional<CausalRules> causal;
  std::optional<Splitter> official;
  std::vector<int32_t> segment;  // official: its bytes so far
  int64_t n_outside = 0;         // causal: leading bytes of a character that lies partly outside
  bool inside = false;
};

LevelStream::LevelStream(const std::vector<SplitRule>& rules, SplitMode mode)
    : impl_(std::make_unique<Impl>(rules, mode)) {}
LevelStream::~LevelStream() = default;
LevelStream::LevelStream(LevelStream&&) noexcept = default;
LevelStream& LevelStream::operator=(LevelStream&&) noexcept = default;

int32_t LevelStream::next(int32_t id) {
  require(id >= 0, "split: id below 0");
  if (id <= 255) return impl_->next(static_cast<uint8_t>(id));
  impl_->start();
  return 0;
}

}  // namespace aunet
