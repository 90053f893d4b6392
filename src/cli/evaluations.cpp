#include "cli/evaluations.h"

#include "cli/provenance.h"
#include "config/evaluation.h"
#include "config/schedule.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "data/corrupt.h"
#include "data/read_corpus.h"
#include "eval/bits_per_byte.h"
#include "sweep/missing_evals.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

#include <fmt/format.h>

#include <chrono>

namespace aunet {

namespace {

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Corpus read_clean(const RunParts& parts, const EvalConfig& eval) {
  Corpus clean = read_texts(eval.paths.empty() ? parts.run.data.heldout : eval.paths, parts.run.data.invalid);
  const std::string got = fingerprint(clean);
  if (got != eval.fingerprint) {
    throw RunFailure("config",
                     fmt::format("text changed: expected fingerprint {}, got {}", eval.fingerprint, got));
  }
  return clean;
}

/// nullopt when stopped.
std::optional<EvalRecord> evaluate_one(const RunParts& parts, const RunDir& dir, const EvalConfig& eval,
                                       int64_t step, const std::function<bool()>& stop) {
  const double started = monotonic_seconds();
  const Corpus text = corrupted(read_clean(parts, eval), eval);
  if (text.n_bytes() == 0) throw Error("no text is left");
  const auto score = score_corpus(*parts.model, parts.run.model, *parts.builder, text, parts.device,
                                  {.context_bytes = parts.run.data.context_bytes, .stop = stop});
  if (!score) return std::nullopt;
  make_directories(dir.eval());
  write_file_atomic(fmt::format("{}/{}-{:08d}.jsonl", dir.eval(), eval.name, step), to_jsonl(*score));
  log_info(fmt::format("{} {:.4f} bits/byte", eval.name, score->loss_bpb()));
  return EvalRecord{.attempt = 0,
                    .step = step,
                    .split = eval.name,
                    .nats = score->nats,
                    .text_bytes = score->text_bytes,
                    .units = score->units,
                    .documents = static_cast<int64_t>(score->documents.size()),
                    .loss_nats = score->loss_nats(),
                    .loss_bpb = score->loss_bpb(),
                    .eval_key = eval_key(parts.run, eval),
                    .seconds = monotonic_seconds() - started};
}

/// Loads the weights after the last step. Throws Error when no checkpoint of that step is intact.
int64_t load_final(const RunParts& parts, const RunDir& dir) {
  const Checkpoints checkpoints(dir.checkpoints(), parts.key, current_numerics(parts.run.runtime), 1);
  const auto loaded = checkpoints.load_newest(*parts.model, nullptr);
  const int64_t last = total_steps(parts.run.horizon);
  if (!loaded || loaded->state.step != last)
    throw Error(fmt::format("{}: the final checkpoint (step {}) is gone", dir.checkpoints(), last));
  return last;
}

}  // namespace

EvaluationRound make_evaluations(const RunParts& parts, const RunDir& dir,
                                 const std::vector<EvalConfig>& evals, int64_t attempt, int64_t step,
                                 const std::function<bool()>& stop) {
  EvaluationRound round;
  for (const EvalConfig& eval : evals) {
    // One text that is gone must cost neither the run nor the other evaluations: the failure is kept for the
    // end.
    try {
      auto record = evaluate_one(parts, dir, eval, step, stop);
      round.stopped = !record;
      if (round.stopped) return round;
      record->attempt = attempt;
      round.records.push_back(*record);
    } catch (const std::runtime_error& error) {
      log_error(fmt::format("evaluation {}: {}", eval.name, error.what()));
      round.failures += fmt::format("{}{}: {}", round.failures.empty() ? "" : "; ", eval.name, error.what());
    }
  }
  return round;
}

bool evaluate_done_run(const RunDir& dir, AppendFile& journal, const std::vector<JournalRecord>& past,
                       const std::function<bool()>& stop) {
  const RunConfig run = read_run_config(dir.run_toml());
  const auto missing = missing_evals(run, past);
  if (missing.empty()) {
    log_info(fmt::format("{}: done before, nothing to do", dir.path));
    return true;
  }
  const RunParts parts(dir);
  const int64_t step = load_final(parts, dir);
  const int64_t number = summarize(past).attempts + 1;
  AttemptRecord attempt = describe_attempt(number, run.runtime.device, run.runtime.threads);
  attempt.from_step = step;
  const EvaluationRound round = make_evaluations(parts, dir, missing, number, step, stop);
  if (!round.records.empty()) {
    journal.append_line(to_json_line(attempt));
    for (const EvalRecord& record : round.records) journal.append_line(to_json_line(record));
    journal.append_line(to_json_line(EndRecord{number, step, "done", "", ""}));
    journal.sync();
  }
  if (!round.failures.empty()) throw Error("not evaluated: " + round.failures);
  return !round.stopped;
}

}  // namespace aunet
