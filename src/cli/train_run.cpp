#include "cli/train_run.h"

#include "cli/evaluations.h"
#include "cli/gate.h"
#include "cli/provenance.h"
#include "cli/run_parts.h"
#include "config/schedule.h"
#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"
#include "core/log.h"
#include "core/text.h"
#include "data/leak.h"
#include "eval/bits_per_byte.h"
#include "sweep/host_memory.h"
#include "sweep/missing_evals.h"
#include "train/diagnosis.h"
#include "train/trainer.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

namespace aunet {

namespace {

volatile std::sig_atomic_t stop_signal = 0;

extern "C" void note_stop(int signal) { stop_signal = signal; }

void listen_for_stop() {
  struct sigaction action = {};
  action.sa_handler = note_stop;
  action.sa_flags = SA_RESTART;  // a journal write must not fail because someone asked us to stop
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGUSR1, &action, nullptr);
  action.sa_flags |= SA_RESETHAND;  // a second Ctrl-C kills: the impatient lose at most a checkpoint interval
  sigaction(SIGINT, &action, nullptr);
}

bool stop_requested() { return stop_signal != 0; }

double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Waits a moment: `status` looks at locks with a short shared lock of its own, which must not turn a launch
/// away.
std::unique_ptr<FileLock> take_lock(const RunDir& dir) {
  for (int tries = 0; tries < 20; ++tries) {
    auto lock = std::make_unique<FileLock>(dir.lock());
    if (lock->held()) return lock;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw Error(fmt::format("{}: another process works on this run", dir.lock()));
}

/// The run directory beside `dir` that is called `key`.
RunDir sibling(const RunDir& dir, const std::string& key) {
  const auto path = std::filesystem::absolute(dir.path + "/").lexically_normal();
  return {(path.parent_path().parent_path() / key).string()};
}

/// One attempt at a run: what happens between the attempt's record and the end's.
class Attempt {
 public:
  Attempt(const RunDir& dir, AppendFile& journal, std::vector<JournalRecord> past, bool allow_numerics)
      : dir_(dir),
        journal_(journal),
        past_(std::move(past)),
        attempt_(summarize(past_).attempts + 1),
        allow_numerics_(allow_numerics) {}

  /// Returns false when it was interrupted.
  bool work();
  /// Journals the end as failed. Never throws: the first error is the one to report.
  void journal_failure(const std::string& cause, const std::string& message) noexcept;
  /// What further evaluations could not be made of a run that is done; "": none.
  const std::string& not_evaluated() const { return not_evaluated_; }

 private:
  const RunDir& dir_;
  AppendFile& journal_;
  const std::vector<JournalRecord> past_;  // of earlier attempts
  const int64_t attempt_;
  const bool allow_numerics_;
  bool begun_ = false;  // the attempt's record is written
  TrainState state_;
  std::string from_run_;  // whose checkpoint it started from; "": its own, or none
  std::string not_evaluated_;
  std::optional<double> start_seconds_;  // from the process's start to the first step

  void resume(const RunParts& parts, const Checkpoints& checkpoints, AdamW& optimizer);
  void branch(const RunParts& parts, AdamW& optimizer);
  void begin(const RuntimeConfig& runtime);
  void begin_in_vain();
  void gate(const RunParts& parts, const Corpus& heldout, int64_t n_perturbations);
  bool evaluate(const RunParts& parts, const Corpus& heldout);
  bool evaluate_further(const RunParts& parts);
  void end(const std::string& status, const std::string& cause, const std::string& message);
};

bool Attempt::work() {
  const RunParts parts(dir_);
  const Corpus train = read_train_corpus(parts.run);
  const Corpus heldout = read_heldout_corpus(parts.run);
  warn_of_leak(parts.run.model, train);
  Checkpoints checkpoints(dir_.checkpoints(), parts.key, current_numerics(parts.run.runtime),
                          parts.run.runtime.checkpoint_keep, parts.run.runtime.checkpoint_pin);
  checkpoints.remove_leftovers();
  AdamW optimizer(parts.model->parameters(), parts.run.optim);
  resume(parts, checkpoints, optimizer);
  begin(parts.run.runtime);
  const int64_t n_perturbations = parts.run.runtime.gate_perturbations;
  if (state_.step == 0) gate(parts, heldout, std::min(n_perturbations, kQuickGate));

  Loader loader(train, parts.run, *parts.tokenizer,
                {.first_step = state_.step, .workers = parts.run.runtime.loader_workers});
  Trainer trainer(
      {parts.run, *parts.model, optimizer, loader, checkpoints, journal_, stop_requested, monotonic_seconds,
       [&] {
         journal_.append_line(to_json_line(diagnose(*parts.model, parts.run, train, state_.step, attempt_)));
       }},
      state_, attempt_);
  start_seconds_ = seconds_since_exec();
  log_info(fmt::format("training begins {:.2f} s after the process did", *start_seconds_));
  const TrainOutcome outcome = trainer.run();
  if (outcome == TrainOutcome::Interrupted || stop_requested() || !evaluate(parts, heldout) ||
      !evaluate_further(parts)) {
    end("interrupted", "signal",
        fmt::format("stopped by {} after step {}", strsignal(stop_signal), state_.step));
    return false;
  }
  gate(parts, heldout, n_perturbations);
  end("done", "", "");
  return true;
}

void Attempt::resume(const RunParts& parts, const Checkpoints& checkpoints, AdamW& optimizer) {
  const auto loaded = checkpoints.load_newest(*parts.model, &optimizer);
  if (!loaded) return branch(parts, optimizer);
  const std::string difference = describe_difference(loaded->numerics, current_numerics(parts.run.runtime));
  if (!difference.empty() && !allow_numerics_) {
    throw ConfigError(fmt::format(
        "{}: a resume would not be bit by bit the run that was begun: {}; --allow-numerics accepts it",
        loaded->path, difference));
  }
  if (!difference.empty())
    log_warn(fmt::format("{}: resumed with other numerics: {}", loaded->path, difference));
  log_info(fmt::format("resumes from {}", loaded->path));
  state_ = loaded->state;
}

/// The first attempt of a run tree's branch: starts in the state that its parent had on the way. Without that
/// checkpoint, or where it would not be this run bit by bit, it starts at step 0: the same run, only dearer.
void Attempt::branch(const RunParts& parts, AdamW& optimizer) {
  const RuntimeConfig& runtime = parts.run.runtime;
  if (runtime.parent_key.empty()) return;
  const RunDir parent = sibling(dir_, runtime.parent_key);
  const std::string here =
      fmt::format("{}: starts at step 0, not at {}@{}", dir_.path, runtime.parent_key, runtime.parent_step);
  if (!exists(parent.run_toml())) return log_warn(fmt::format("{}: it is not there", here));
  const RunConfig trunk = read_run_config(parent.run_toml());
  if (train_key(trunk) != runtime.parent_key || shared_steps(trunk, parts.run) < runtime.parent_step) {
    throw ConfigError(fmt::format("{}: run.parent: expected a run that shares its first {} steps, got {}",
                                  dir_.run_toml(), runtime.parent_step, runtime.parent_key));
  }
  const Numerics now = current_numerics(runtime);
  const Checkpoints checkpoints(parent.checkpoints(), runtime.parent_key, now, 1);
  const auto then = checkpoints.numerics_at(runtime.parent_step);
  if (!then) return log_warn(fmt::format("{}: its checkpoint is gone or damaged", here));
  const std::string difference = describe_difference(*then, now);
  if (!difference.empty() && !allow_numerics_) return log_warn(fmt::format("{}: {}", here, difference));
  const auto loaded = checkpoints.load_step(runtime.parent_step, *parts.model, &optimizer);
  if (!loaded) return;
  log_info(fmt::format("branches off at {}", loaded->path));
  state_ = loaded->state;
  from_run_ = runtime.parent_key;
}

void Attempt::begin(const RuntimeConfig& runtime) {
  AttemptRecord record = describe_attempt(attempt_, runtime.device, runtime.threads);
  record.from_step = state_.step;
  record.from_run = from_run_;
  journal_.append_line(to_json_line(record));
  begun_ = true;
}

/// The record of an attempt that failed before it could begin: of the run's own settings, and from the
/// checkpoint that it would have gone on from, so that what was done before still counts as done.
void Attempt::begin_in_vain() {
  RuntimeConfig runtime;
  try {
    runtime = read_run_config(dir_.run_toml()).runtime;
  } catch (const ConfigError&) {  // it may be why we are here
  }
  const std::string newest = summarize(past_).latest_checkpoint.value_or("");
  if (state_.step == 0 && newest.rfind('-') != std::string::npos)
    state_.step = std::strtoll(newest.c_str() + newest.rfind('-') + 1, nullptr, 10);
  begin(runtime);
}

void Attempt::gate(const RunParts& parts, const Corpus& heldout, int64_t n_perturbations) {
  const std::string& demanded = parts.run.runtime.gate_causal;
  if (demanded == "off") return;
  const double started = monotonic_seconds();
  const CausalityVerdict verdict = run_gate(parts, heldout, n_perturbations);
  journal_.append_line(
      to_json_line(gate_record(verdict, attempt_, state_.step, monotonic_seconds() - started)));
  if (verdict.verdict == "pass") return;
  if (verdict.verdict == "leak" && demanded == "leaky-allowed") {
    log_warn(fmt::format("causality gate: leak: {}", verdict.detail));
    return;
  }
  throw RunFailure("gate", fmt::format("causality gate: expected \"{}\", got \"{}\": {}", demanded,
                                       verdict.verdict, verdict.detail));
}

bool Attempt::evaluate(const RunParts& parts, const Corpus& heldout) {
  if (heldout.empty()) {
    log_warn("data.heldout is empty: the run has no held-out loss");
    return true;
  }
  const double started = monotonic_seconds();
  const auto score = score_corpus(*parts.model, parts.run.model, *parts.builder, heldout, parts.device,
                                  {.context_bytes = parts.run.data.context_bytes, .stop = stop_requested});
  if (!score) return false;
  make_directories(dir_.eval());
  write_file_atomic(fmt::format("{}/heldout-{:08d}.jsonl", dir_.eval(), state_.step), to_jsonl(*score));
  journal_.append_line(to_json_line(EvalRecord{.attempt = attempt_,
                                               .step = state_.step,
                                               .split = "heldout",
                                               .nats = score->nats,
                                               .text_bytes = score->text_bytes,
                                               .units = score->units,
                                               .documents = static_cast<int64_t>(score->documents.size()),
                                               .loss_nats = score->loss_nats(),
                                               .loss_bpb = score->loss_bpb(),
                                               .eval_key = eval_key(parts.run),
                                               .seconds = monotonic_seconds() - started}));
  log_info(fmt::format("held-out {:.4f} bits/byte on {}", score->loss_bpb(),
                       human_bytes(static_cast<double>(score->text_bytes))));
  return true;
}

/// The [[eval]]s that no earlier attempt has made. Returns false when stopped.
bool Attempt::evaluate_further(const RunParts& parts) {
  const EvaluationRound round =
      make_evaluations(parts, dir_, missing_evals(parts.run, past_), attempt_, state_.step, stop_requested);
  for (const EvalRecord& record : round.records) journal_.append_line(to_json_line(record));
  not_evaluated_ = round.failures;
  return !round.stopped;
}

void Attempt::end(const std::string& status, const std::string& cause, const std::string& message) {
  EndRecord record{attempt_, state_.step, status, cause, message};
  record.peak_bytes = peak_resident_bytes();
  record.seconds = seconds_since_exec();
  record.start_seconds = start_seconds_;
  journal_.append_line(to_json_line(record));
  journal_.sync();
}

void Attempt::journal_failure(const std::string& cause, const std::string& message) noexcept {
  try {
    if (!begun_) begin_in_vain();
    end("failed", cause, message);
  } catch (const std::exception& error) {
    log_error(fmt::format("the failure could not be journalled: {}", error.what()));
  }
}

std::string cause_of(const std::string& message) {
  if (message.find(std::strerror(ENOSPC)) != std::string::npos) return "disk";
  // What ATen's CPU allocator and the CUDA allocator say.
  if (message.find("allocate memory") != std::string::npos ||
      message.find("out of memory") != std::string::npos) {
    return "oom";
  }
  return "crash";
}

/// Works and journals how it ended. The one catch below main: a failed run must be a row with its cause.
bool work_and_journal(Attempt& attempt) {
  try {
    return attempt.work();
  } catch (const RunFailure& failure) {
    attempt.journal_failure(failure.cause, failure.what());
    throw;
  } catch (const ConfigError& error) {
    attempt.journal_failure("config", error.what());
    throw;
  } catch (const std::bad_alloc&) {
    attempt.journal_failure("oom", "out of memory");
    throw;
  } catch (const c10::Error& error) {  // without torch's backtrace
    const std::string message = error.what_without_backtrace();
    attempt.journal_failure(cause_of(message), message);
    throw Error(message);
  } catch (const std::exception& error) {
    attempt.journal_failure(cause_of(error.what()), error.what());
    throw;
  }
}

}  // namespace

int cmd_train_run(const Args& args) {
  namespace po = boost::program_options;
  po::options_description options("options");
  options.add_options()("run-dir", po::value<std::string>()->required(), "run directory (holds run.toml)")(
      "allow-numerics",
      "resume although threads, device, instruction set or torch differ from the first attempt's");
  po::variables_map values;
  if (!parse_command_line(args, "aunet-torch train-run RUN_DIR [--allow-numerics]",
                          "aunet-torch train-run runs/0123456789abcdef", options, {"run-dir"}, values)) {
    return static_cast<int>(ExitCode::Done);
  }
  const RunDir dir{values["run-dir"].as<std::string>()};
  if (!exists(dir.run_toml())) throw ConfigError(fmt::format("{}: no such file", dir.run_toml()));
  listen_for_stop();
  const std::unique_ptr<FileLock> lock = take_lock(dir);
  AppendFile journal(dir.journal());
  const std::vector<JournalRecord> past = read_journal(dir.journal());
  if (was_done(past)) {
    const bool finished = evaluate_done_run(dir, journal, past, stop_requested);
    return static_cast<int>(finished ? ExitCode::Done : ExitCode::Interrupted);
  }
  Attempt attempt(dir, journal, past, values.count("allow-numerics") > 0);
  if (!work_and_journal(attempt)) return static_cast<int>(ExitCode::Interrupted);
  if (!attempt.not_evaluated().empty()) throw Error("not evaluated: " + attempt.not_evaluated());
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
