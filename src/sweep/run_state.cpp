#include "sweep/run_state.h"

#include "core/error.h"
#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <variant>
#include <vector>

namespace aunet {

namespace {

constexpr int64_t kFirstTail = 4096;  // bytes: the last ten records or so
constexpr int64_t kLongestTail = 1 << 20;
constexpr size_t kSpeedSteps = 4;  // steps that a speed is averaged over

/// What the end of a journal holds. Filled from the last line backwards, until nothing older can matter.
struct Tail {
  std::optional<EndRecord> end;
  std::optional<AttemptRecord> attempt;  // the newest
  std::optional<EvalRecord> eval;
  std::optional<GateRecord> gate;
  std::vector<StepRecord> steps;  // newest first, of one attempt
  int64_t newest_attempt = 0;
  int64_t step = -1;  // that the newest attempt has reached; -1: not known yet
  int64_t bound =
      std::numeric_limits<int64_t>::max();  // older attempts' steps count up to here: later ones were redone
  bool steps_complete = false;              // the attempt that `steps` is of began here, or enough are known

  void take(const JournalRecord& record) {
    const int64_t number = std::visit([](const auto& r) { return r.attempt; }, record);
    newest_attempt = std::max(newest_attempt, number);
    if (const auto* ended = std::get_if<EndRecord>(&record)) {
      if (!end && !attempt && number == newest_attempt) end = *ended;
    } else if (const auto* begun = std::get_if<AttemptRecord>(&record)) {
      take_attempt(*begun);
    } else if (const auto* scored = std::get_if<EvalRecord>(&record)) {
      if (!eval && scored->split == "heldout") eval = *scored;
    } else if (const auto* judged = std::get_if<GateRecord>(&record)) {
      if (!gate) gate = *judged;
    } else if (const auto* done = std::get_if<StepRecord>(&record)) {
      take_step(*done);
    }
  }
  /// Nothing older changes what read_run_state() says.
  bool complete() const { return steps_complete && (!end || end->status != "done" || eval); }

 private:
  void take_attempt(const AttemptRecord& begun) {
    if (!attempt) attempt = begun;
    if (step < 0) step = begun.from_step;
    bound = std::min(bound, begun.from_step);
    steps_complete = steps_complete || !steps.empty() || bound == 0;
  }
  void take_step(const StepRecord& done) {
    if (steps_complete || done.step > bound) return;
    if (step < 0) step = done.step;
    steps.push_back(done);
    steps_complete = steps.size() == kSpeedSteps;
  }
};

/// The last `n_bytes` of a file; `whole` tells whether that is all of it.
std::string read_tail(const std::string& path, int64_t n_bytes, bool& whole) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return "";
  struct stat status = {};
  std::string text;
  ssize_t n_read = -1;
  if (fd >= 0 && ::fstat(fd, &status) == 0) {
    const int64_t from = std::max<int64_t>(0, status.st_size - n_bytes);
    whole = from == 0;
    text.resize(static_cast<size_t>(status.st_size - from));
    n_read = ::pread(fd, text.data(), text.size(), from);
  }
  const int cause = errno;
  if (fd >= 0) ::close(fd);
  if (n_read < 0) throw Error(path + ": " + std::strerror(cause));
  text.resize(static_cast<size_t>(n_read));
  return text;
}

/// Lines from the last complete one backwards. The first line of a cut text is torn and not parsed.
Tail parse_tail(const std::string& text, bool whole) {
  Tail tail;
  size_t end = text.rfind('\n');
  while (end != std::string::npos && end > 0 && !tail.complete()) {
    const size_t before = text.rfind('\n', end - 1);
    if (before == std::string::npos && !whole) break;
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    if (const auto record = parse_journal_line(text.substr(begin, end - begin))) tail.take(*record);
    end = before;
  }
  return tail;
}

void set_speed(const std::vector<StepRecord>& steps, RunState& state) {
  double seconds = 0;
  for (const StepRecord& step : steps) seconds += step.seconds;
  if (steps.empty() || !(seconds > 0)) return;
  // Counters are cumulative: with n steps at hand the first one's own share is known only from its
  // predecessor.
  const double n = static_cast<double>(steps.size());
  const StepRecord& newest = steps.front();
  state.seconds_per_step = seconds / n;
  if (steps.size() > 1) {
    const StepRecord& oldest = steps.back();
    const double span = seconds - oldest.seconds;
    if (!(span > 0)) return;
    state.bytes_per_second = static_cast<double>(newest.text_bytes - oldest.text_bytes) / span;
    state.flops_per_second = (newest.flops_useful - oldest.flops_useful) / span;
  } else {
    const double done = static_cast<double>(std::max<int64_t>(1, newest.step));
    state.bytes_per_second = static_cast<double>(newest.text_bytes) / done / seconds;
    state.flops_per_second = newest.flops_useful / done / seconds;
  }
}

}  // namespace

RunState read_run_state(const RunDir& run) {
  Tail tail;
  bool whole = true;
  for (int64_t n_bytes = kFirstTail; n_bytes <= kLongestTail; n_bytes *= 16) {
    tail = parse_tail(read_tail(run.journal(), n_bytes, whole), whole);
    if (whole || tail.complete()) break;
  }
  RunState state;
  state.attempt = tail.newest_attempt;
  state.step = std::max<int64_t>(0, tail.step);
  if (!tail.steps.empty()) state.last = tail.steps.front();
  if (tail.eval) state.heldout_bpb = tail.eval->loss_bpb;
  if (tail.gate) state.gate_verdict = tail.gate->verdict;
  set_speed(tail.steps, state);
  if (tail.end) {
    state.status = state.end_status = tail.end->status;
    state.cause = tail.end->cause;
    state.message = tail.end->message;
  } else if (state.attempt > 0) {
    state.status = "interrupted";
  }
  // Between a new process's lock and its attempt record the journal still tells of the attempt before.
  if (state.status != "done" && FileLock::is_held_by_someone(run.lock())) state.status = "running";
  return state;
}

bool is_deterministic(const std::string& cause) {
  return cause == "nan" || cause == "diverged" || cause == "gate";
}

std::optional<double> loss_of(const RunState& state) {
  constexpr double kDiverged = std::numeric_limits<double>::infinity();
  if (state.status == "failed" && (state.cause == "nan" || state.cause == "diverged")) return kDiverged;
  if (state.status != "done" || !state.heldout_bpb) return std::nullopt;
  return std::isfinite(*state.heldout_bpb) ? *state.heldout_bpb : kDiverged;
}

std::string plan_word(const RunState& state) {
  if (state.status == "interrupted" || state.status == "stopped") return "stale";
  return state.status;
}

}  // namespace aunet
