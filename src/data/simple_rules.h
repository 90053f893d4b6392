// Split rules beyond the paper that count, or look at two neighbours. None looks ahead, so both modes agree.
#pragma once

#include "data/boundary_rule.h"

#include <cstdint>
#include <memory>

namespace aunet {

/// `every=N`: bytes N, 2N, ... of a segment, the first being byte 1. Units of N bytes whatever the text, as
/// in MegaByte (arXiv 2305.07185) and SpaceByte's fixed P; they cut characters.
std::unique_ptr<BoundaryRule> make_every_rule(int64_t n);

/// `chars=N`: characters N, 2N, ... of a segment, on their last byte. A byte that is no part of a valid
/// character counts as one (data/character_rule.h), and is counted where it becomes certain that it is none.
std::unique_ptr<BoundaryRule> make_chars_rule(int64_t n);

/// `space`: SpaceByte (arXiv 2404.14408 section 3; checked against its released code). A byte is spacelike if
/// it is no ASCII letter, no ASCII digit and no UTF-8 continuation byte: so is the first byte of a multi-byte
/// character. A boundary is at each spacelike byte whose predecessor is not spacelike. The begin mark is
/// spacelike (and a boundary itself): a segment that opens with blanks has none there.
std::unique_ptr<BoundaryRule> make_space_rule();

}  // namespace aunet
