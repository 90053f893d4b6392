// `script=N`: boundaries for scripts that are written without spaces.
//
// A run is a stretch of characters that share a script without spaces (data/scripts.h; a character of several
// scripts continues a run of any of them). Boundaries, on the last byte of a character:
//   inside a run     on every N-th character, counted from the run's last boundary, or from its beginning
//   at a new script  on the first character of a run that follows another letter or run directly, and on a
//                    letter that follows a run directly: no earlier byte shows the change
//   elsewhere        those of word1, which reads the runs too, as letters, so that it sees words end at the
//                    white space and punctuation after them
// After white space, a number, punctuation or the begin mark a run has no boundary at its beginning: it goes
// on with the unit that is open, as a Latin word does.
#pragma once

#include "data/boundary_rule.h"
#include "data/character_rule.h"
#include "data/scripts.h"

namespace aunet {

class ScriptRule final : public BoundaryRule {
 public:
  /// `word`: the machine of word1=1@1.
  ScriptRule(int64_t n, std::unique_ptr<BoundaryRule> word);
  void start() override;
  bool step(uint8_t byte) override;

 private:
  class Runs final : public CharacterRule {
   public:
    explicit Runs(int64_t n) : n_(n) {}
    bool open() const { return scripts_ != 0; }

   protected:
    void start_text() override;
    bool character(uint32_t code) override;

   private:
    ScriptTable table_;
    int64_t n_;
    int64_t length_ = 0;         // characters of the open run since its last boundary
    uint32_t scripts_ = 0;       // that all characters of the open run share; 0: none is open
    bool after_letter_ = false;  // the last character was a letter outside of runs
  };
  Runs runs_;
  std::unique_ptr<BoundaryRule> word_;
};

}  // namespace aunet
