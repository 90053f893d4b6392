#include "sweep/retry.h"

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "sweep/stop_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string_view>

namespace aunet {

namespace {

/// Signals by which people, schedulers and the kernel's limits end a process from outside.
bool comes_from_outside(int signal) {
  constexpr int kOutside[] = {SIGKILL, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU, SIGQUIT};
  return std::find(std::begin(kOutside), std::end(kOutside), signal) != std::end(kOutside);
}

constexpr std::streamoff kLogTail = 4096;
constexpr size_t kLongestLine = 300;  // bytes of a log's line in a message

bool is_within_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

int64_t retry_limit(const RetrySpec& limits, const std::string& cause) {
  if (cause == "preempted") return limits.preempted;
  if (cause == "timeout") return limits.timeout;
  if (cause == "oom") return limits.oom;
  if (cause == "nan") return limits.nan;
  return cause == "crash" ? limits.crash : 0;
}

std::string retry_cause(const std::string& journal_cause) {
  if (journal_cause == "diverged") return "nan";
  if (journal_cause == "signal") return "crash";
  if (journal_cause.empty()) return "preempted";
  const bool known =
      std::find(std::begin(kRetryCauses), std::end(kRetryCauses), journal_cause) != std::end(kRetryCauses);
  return known ? journal_cause : "";
}

std::string cause_of(const ProcessEnd& end, int64_t oom_kills) {
  if (end.signal == SIGKILL && oom_kills > 0) return "oom";
  if (end.signal != 0) return comes_from_outside(end.signal) ? "preempted" : "signal";
  if (end.code == static_cast<int>(ExitCode::BadInput)) return "config";
  return end.code == static_cast<int>(ExitCode::Interrupted) ? "preempted" : "crash";
}

bool RetryCount::allows(const std::string& cause, bool progress) {
  if (cause.empty()) return false;
  if (progress && cause != "nan") in_a_row_.clear();
  const int64_t limit = retry_limit(limits_, cause);
  // An attempt with progress costs nothing of the limit, but a limit of 0 means: never.
  if (progress && cause != "nan") return limit > 0;
  return ++in_a_row_[cause] <= limit;
}

std::string retry_words(const RetrySpec& retry) {
  return fmt::format("preempted={},timeout={},oom={},nan={},crash={}", retry.preempted, retry.timeout,
                     retry.oom, retry.nan, retry.crash);
}

int64_t newest_checkpoint(const RunDir& run) {
  int64_t step = -1;
  for (const std::string& name : list_directory(run.checkpoints())) {
    long long number = 0;
    int length = 0;
    const bool matches = std::sscanf(name.c_str(), "step-%lld%n", &number, &length) == 1;
    if (matches && length == static_cast<int>(name.size())) step = std::max<int64_t>(step, number);
  }
  return step;
}

std::string last_log_line(const RunDir& run) {
  std::ifstream in(run.log(), std::ios::binary | std::ios::ate);
  const std::streamoff size = in ? static_cast<std::streamoff>(in.tellg()) : 0;
  if (size <= 0) return "";
  std::string text(static_cast<size_t>(std::min(size, kLogTail)), '\0');
  in.seekg(size - static_cast<std::streamoff>(text.size()));
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  std::string_view lines = trim(text);
  while (!lines.empty() && is_within_character(lines.front())) lines.remove_prefix(1);
  const size_t newline = lines.find_last_of("\n\r");
  std::string line(newline == std::string_view::npos ? lines : lines.substr(newline + 1));
  if (line.size() <= kLongestLine) return line;
  size_t cut = kLongestLine;
  while (cut > 0 && is_within_character(line[cut])) --cut;
  return line.substr(0, cut) + " ...";
}

std::string journal_failure(const RunDir& run, const std::string& cause, const std::string& end) {
  const FileLock lock(run.lock());
  if (!lock.held()) return "";
  const RunState state = read_run_state(run);
  if (state.end_status == "done") return "";
  std::string message = end;
  if (const std::string line = last_log_line(run); !line.empty()) message += ": " + line;
  AppendFile journal(run.journal());
  journal.append_line(to_json_line(EndRecord{state.attempt, state.step, "failed", cause, message}));
  journal.sync();
  return message;
}

bool can_be_tried_again(const RunDir& run, const RunState& state) {
  const bool stopped = state.status != "running" && state.status != "done" && is_asked_to_stop(run.stop());
  return state.status == "failed" || stopped;
}

bool journal_retry(const RunDir& run) {
  const FileLock lock(run.lock());
  if (!lock.held()) return false;
  withdraw_stop(run.stop());
  const RunState state = read_run_state(run);  // what was seen without the lock may be old
  if (state.end_status != "failed") return true;
  AppendFile journal(run.journal());
  const std::string message = fmt::format("to be tried again; was {}: {}", state.cause, state.message);
  journal.append_line(to_json_line(EndRecord{state.attempt, state.step, "interrupted", kRetryMark, message}));
  journal.sync();
  return true;
}

}  // namespace aunet
