// `aunet-analyze sql` and `aunet-analyze export`: the database as text and as CSV.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "db/store.h"

namespace aunet {

/// aunet-analyze sql [--db F] [--json] QUERY: prints the rows of one read-only statement.
int cmd_sql(const Args& args);

/// aunet-analyze export runs|curves|fits|multiplier|items [--db F] [--sweep S] [-o F.csv]: columns and units
/// in db/README.md.
int cmd_export(const Args& args);

/// The frozen columns of an export, in order. Throws ConfigError naming the legal ones for an unknown `what`.
std::vector<std::string> export_columns(const std::string& what);

/// The whole CSV of an export (RFC 4180, LF, NULL empty, reals round-trip). "" for `sweep`: all sweeps.
std::string export_csv(Db& db, const std::string& what, const std::string& sweep);

}  // namespace aunet
