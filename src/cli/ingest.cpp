#include "cli/ingest.h"

#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "db/ingest.h"

#include <fmt/format.h>

namespace aunet {
namespace po = boost::program_options;

namespace {

void print_report(const IngestReport& report, const std::string& db) {
  const double rate = report.seconds > 0 ? static_cast<double>(report.records) / report.seconds : 0;
  fmt::print("{}: {} runs, {} changed; {} records ({}) in {}, {}/s\n", db, report.runs_seen,
             report.runs_changed, report.records, human_bytes(static_cast<double>(report.bytes)),
             human_duration(report.seconds), human_count(rate));
  if (report.plans > 0) fmt::print("{} plans read, {} cells\n", report.plans, report.cells);
  if (report.fits_kept > 0) fmt::print("{} stored fits kept\n", report.fits_kept);
}

}  // namespace

int cmd_ingest(const Args& args) {
  po::options_description options("options");
  options.add_options()  //
      ("runs", po::value<std::vector<std::string>>()->default_value({"runs"}, "runs"),
       "RUNS directories, or single runs")                                              //
      ("db", po::value<std::string>()->default_value("sweep.db"), "database to write")  //
      ("rebuild", "make the database anew; stored fits are kept")                       //
      ("wait", po::value<double>()->default_value(60), "seconds to wait for another writer");
  po::variables_map values;
  if (!parse_command_line(args, "aunet ingest [RUNS...] [--db F] [--rebuild]",
                          "aunet ingest runs /scratch/runs --db sweep.db", options, {"runs..."}, values)) {
    return static_cast<int>(ExitCode::Done);
  }
  const std::string db = values["db"].as<std::string>();
  const auto roots = values["runs"].as<std::vector<std::string>>();
  const double wait = values["wait"].as<double>();
  const IngestReport report =
      values.count("rebuild") ? rebuild_file(db, roots, wait) : ingest_file(db, roots, wait);
  print_report(report, db);
  for (const IngestProblem& problem : report.problems)
    log_warn(fmt::format("not ingested whole: {}", problem.message));
  return static_cast<int>(report.problems.empty() ? ExitCode::Done : ExitCode::WorldFailed);
}

}  // namespace aunet
