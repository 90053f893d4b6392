// Texts as people mistype them: what robustness is measured on. Torch-free, deterministic.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "data/corpus.h"

namespace aunet {

/// `text` corrupted as `eval` says. Every byte outside ASCII stays, so valid UTF-8 stays valid.
///
///   none       as it is
///   typos      each ASCII letter is hit with probability `rate`, and then, at equal chances: swapped with
///   the next
///              letter (with none, or the same one, next: one of the others), dropped, doubled, or replaced
///              by a neighbour on a QWERTY keyboard of the same case. A pure function of (text, rate, seed,
///              document)
///   no_spaces  without U+0020; other white space stays
///   lowercase, uppercase   of ASCII letters
/// `n_hit`: letters that were hit, when not null. Throws BugError for another word.
std::string corrupt_text(std::string_view text, const EvalConfig& eval, int64_t document,
                         int64_t* n_hit = nullptr);

/// Every document corrupted, under its old index; one that loses all its bytes is empty. Bits per byte of the
/// result are per byte of the corrupted text. The fingerprint stays that of the clean text.
Corpus corrupted(const Corpus& clean, const EvalConfig& eval);

}  // namespace aunet
