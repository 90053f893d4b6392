// `aunet-analyze`: reads the database (or a CSV) and concludes.
#include "analysis/check.h"
#include "analysis/claims_command.h"
#include "analysis/compare_command.h"
#include "analysis/fit_command.h"
#include "analysis/pareto_command.h"
#include "analysis/report.h"
#include "analysis/sql_export.h"
#include "analysis/sweep_tables.h"
#include "cli/command.h"

int main(int argc, char** argv) {
  using namespace aunet;
  return run_commands(
      argc, argv, "aunet-analyze", "Fits, compares and reports what the runs of a sweep say.",
      {
          {"fit", "fit the loss surface L(N, D) of a CSV or of each family, with a certificate", cmd_fit},
          {"compare", "the compute multiplier of one family over another, with its interval or a refusal",
           cmd_compare},
          {"pareto",
           "bits per byte against inference FLOPs per byte, parameters or memory: who is on the front",
           cmd_pareto},
          {"check", "what may be wrong with a sweep, by name, with its cure; exit 1 on an error", cmd_check},
          {"claims", "judge claims by the rules they were registered with: supported, contradicted, ...",
           cmd_claims},
          {"table", "the runs or tuning trials as text, Markdown, CSV, LaTeX, HTML or JSON", cmd_table},
          {"isoflop", "the parabola of each budget: a picture of where the best size lies", cmd_isoflop},
          {"report", "one self-contained page: comparison, figures, findings, tables, provenance",
           cmd_report},
          {"sql", "run one read-only SQL statement on the database", cmd_sql},
          {"export", "write runs, curves, fits or multipliers as CSV", cmd_export},
      });
}
