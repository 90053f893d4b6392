// [sweep] claims = [...]: the claims that a sweep is run for, read and held against it.
#pragma once

#include "config/reader.h"
#include "config/sweep_spec.h"

namespace aunet {

/// Reads the files named by `claims` of the [sweep] table into spec.claims. A claim must be testable, be
/// about the sweep of this name, and name families that it has. Call when spec.name and spec.families are
/// read.
void read_sweep_claims(const Table& sweep, const std::string& base_folder, SweepSpec& spec);

}  // namespace aunet
