#include "baselines/pretokenizer.h"

namespace aunet {

Pretokenizer::Pretokenizer(const BpePattern& pattern)
    : regex_(pattern.regex, pattern.name.empty() ? "pattern" : pattern.name),
      words_(pattern.name.empty()           ? Words::Unknown
             : pattern.name == "o200k_base" ? Words::CapitalsThenSmall
                                            : Words::Letters) {}

}  // namespace aunet
