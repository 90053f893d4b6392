#include "cli/gate.h"

#include "core/error.h"
#include "core/file.h"
#include "core/log.h"

#include <fmt/format.h>

namespace aunet {

CausalityVerdict run_gate(const RunParts& parts, const Corpus& heldout, int64_t n_perturbations) {
  return check_causality(*parts.model, parts.run.model, *parts.builder, heldout, parts.device,
                         {.n_perturbations = n_perturbations, .context_bytes = parts.run.data.context_bytes});
}

GateRecord gate_record(const CausalityVerdict& verdict, int64_t attempt, int64_t step, double seconds) {
  GateRecord record{.attempt = attempt,
                    .step = step,
                    .gate = "causal",
                    .verdict = verdict.verdict,
                    .leak_rate = verdict.leak_rate,
                    .detail = verdict.detail,
                    .perturbations = verdict.n_perturbations(),
                    .positions = verdict.n_positions,
                    .seconds = seconds};
  if (verdict.score) {
    record.leaky_bytes = verdict.score->leaky_bytes;
    record.clean_bytes = verdict.score->clean_bytes;
    record.bpb_leaky = verdict.score->leaky_bpb();
    record.bpb_clean = verdict.score->clean_bpb();
  }
  return record;
}

void store_gate(const RunDir& dir, GateRecord record) {
  try {
    const FileLock lock(dir.lock());
    if (!lock.held()) throw Error(fmt::format("{}: another process works on this run", dir.lock()));
    record.attempt = summarize(read_journal(dir.journal())).attempts;
    AppendFile journal(dir.journal());
    journal.append_line(to_json_line(record));
    journal.sync();
  } catch (const Error& error) {
    log_warn(fmt::format("the verdict is not stored with the run: {}", error.what()));
  }
}

}  // namespace aunet
