// The tables of a sweep: one row a cell, one row a tuning trial. `aunet-analyze table` prints them.
#pragma once

#include "analysis/table.h"
#include "cli/command.h"
#include "db/queries.h"

namespace aunet {

/// Every run of the sweep that was planned for the grid or as a replicate, with the reason when it stays out
/// of fits.
TextTable scaling_table(const std::vector<FitInputRow>& rows);
/// Every trial of the tuning rule; the best of each family and budget is marked.
TextTable tuning_table(const std::vector<TuningTrial>& trials);
/// isoFLOP parabolas: a picture, with its caveat in the note.
TextTable isoflop_table(Db& db, const std::string& sweep);

/// aunet-analyze table [scaling|tuning] [--db F] [--sweep S] [--format F | --json] [-o F]
int cmd_table(const Args& args);
/// aunet-analyze isoflop: isoflop_table with the same options.
int cmd_isoflop(const Args& args);

}  // namespace aunet
