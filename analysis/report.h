// `aunet-analyze report`: everything that a sweep says, as one page that needs no network.
#pragma once

#include <string>

#include "analysis/cells.h"
#include "analysis/conclusion.h"
#include "cli/command.h"

namespace aunet {

struct ReportOptions {
  ConclusionOptions comparison;
  bool include_leaky = false, include_repeated = false;
};

/// Writes DIR/report.html (figures inside), DIR/figures/*.svg with their gnuplot scripts, and
/// DIR/tables/*.csv. The same database and seed give the same bytes. Without gnuplot the page says that
/// figures are missing. Returns the page's path.
std::string write_report(Db& db, const std::string& sweep, const std::string& directory,
                         const ReportOptions& options);

/// aunet-analyze report -o DIR [--db F] [--sweep S] [--a X --b Y] [--bootstrap B] [--seed N]
/// [--include-leaky] [--include-repeated]
int cmd_report(const Args& args);

}  // namespace aunet
