// `aunet-analyze claims`, and the claims of a report.
#pragma once

#include "analysis/claim_judge.h"
#include "analysis/table.h"
#include "cli/command.h"

namespace aunet {

/// What the database says about one sweep and claim. `exclude` is put to v_fit_input; ConfigError
/// `file: claim.exclude: ...` with SQLite's words when a condition is none.
ClaimData load_claim_data(Db& db, const ClaimSpec& claim);

/// The claims that sweeps have registered ("": every sweep), as they were registered.
std::vector<ClaimSpec> registered_specs(Db& db, const std::string& sweep = "");

std::vector<ClaimVerdict> judge_all(Db& db, const std::vector<ClaimSpec>& claims,
                                    const MeasureOptions& options);

TextTable claims_table(const std::vector<ClaimVerdict>& verdicts);  ///< a row a test

/// aunet-analyze claims [--claims DIR|FILES...] [--db F] [--store] [--json]: exit 0 whatever the verdicts.
int cmd_claims(const Args& args);

}  // namespace aunet
