#include "data/simple_rules.h"

#include "core/error.h"
#include "data/character_rule.h"

namespace aunet {
namespace {

class EveryRule final : public BoundaryRule {
 public:
  explicit EveryRule(int64_t n) : n_(n) {}
  void start() override { seen_ = 0; }
  bool step(uint8_t) override {
    if (++seen_ < n_) return false;
    seen_ = 0;
    return true;
  }

 private:
  int64_t n_, seen_ = 0;
};

class CharsRule final : public CharacterRule {
 public:
  explicit CharsRule(int64_t n) : n_(n) {}

 protected:
  void start_text() override { seen_ = 0; }
  bool character(uint32_t) override {
    if (++seen_ < n_) return false;
    seen_ = 0;
    return true;
  }

 private:
  int64_t n_, seen_ = 0;
};

bool is_spacelike(uint8_t byte) {
  const bool digit = byte >= '0' && byte <= '9';
  const bool letter = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
  return !digit && !letter && !is_continuation(byte);
}

class SpaceRule final : public BoundaryRule {
 public:
  void start() override { after_spacelike_ = true; }
  bool step(uint8_t byte) override {
    const bool spacelike = is_spacelike(byte);
    const bool boundary = spacelike && !after_spacelike_;
    after_spacelike_ = spacelike;
    return boundary;
  }

 private:
  bool after_spacelike_ = true;
};

}  // namespace

std::unique_ptr<BoundaryRule> make_every_rule(int64_t n) {
  require(n >= 1, "every: a unit needs a byte");
  return std::make_unique<EveryRule>(n);
}

std::unique_ptr<BoundaryRule> make_chars_rule(int64_t n) {
  require(n >= 1, "chars: a unit needs a character");
  return std::make_unique<CharsRule>(n);
}

std::unique_ptr<BoundaryRule> make_space_rule() { return std::make_unique<SpaceRule>(); }

}  // namespace aunet
