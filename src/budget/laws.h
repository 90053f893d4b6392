// Published rate and batch laws as functions of training compute C.
#pragma once

#include <string>

namespace aunet {

/// value(C) = coefficient * C^exponent.
struct PowerLaw {
  double coefficient = 0, exponent = 0;
  double operator()(double c) const;
};

/// Rate and batch (units per step: bytes or tokens) of one family. `fitted_from/to`: the source's range of C.
struct HyperLaw {
  PowerLaw lr, batch_units;
  double fitted_from = 1e19, fitted_to = 1e22;
};

/// kind: "aunet" (lr 6.6118244 C^-0.1759971, batch 0.66 C^0.321 bytes) or "llama" (19.304165 C^-0.1770069,
/// 29.9 C^0.231 tokens): AU-Net paper section 2 with the digits that reproduce its 36 rows (DESIGN section
/// 4). "bytes" has no published law: aunet's. Throws BugError for other kinds.
HyperLaw paper_law(const std::string& kind);

/// gamma_byte = k^2 gamma_token, k = 4.56 bytes per LLaMA-3 token on DCLM (paper.md 2.1).
inline constexpr double kPaperBytesPerToken = 4.56;

}  // namespace aunet
