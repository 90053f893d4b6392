// Philox4x32-10, the counter-based generator under RandomStream. Separate so that its published known answers
// can be tested; everything else draws through core/random.h.
#pragma once

#include <array>
#include <cstdint>

namespace aunet {

/// One block: ten rounds of Philox4x32 over `counter` with `key`.
///
/// Source   Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011, section 4.3;
///          known answers: Random123 1.09, kat_vectors (philox 4 32 10)
std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

}  // namespace aunet
