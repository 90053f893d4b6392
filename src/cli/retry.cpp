#include "sweep/retry.h"

#include "cli/select_runs.h"
#include "cli/stop.h"
#include "core/error.h"
#include "core/text.h"
#include "sweep/run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace aunet {
namespace po = boost::program_options;

namespace {

constexpr const char* kAnyCause = "any";

/// The words that --failed takes: the causes of [retry] and those of a journal.
void check_cause(const std::string& cause) {
  std::vector<std::string> words(std::begin(kRetryCauses), std::end(kRetryCauses));
  for (const char* word : {"diverged", "signal", "gate", "config", "disk", kAnyCause}) words.push_back(word);
  if (std::find(words.begin(), words.end(), cause) != words.end()) return;
  const std::string near = nearest_name(cause, words);
  throw ConfigError(fmt::format("--failed: expected {}, got '{}'{}", join(words, ", "), cause,
                                near.empty() ? "" : "; did you mean '" + near + "'?"));
}

bool has_cause(const RunState& state, const std::string& cause) {
  return cause.empty() || (state.status == "failed" &&
                           (cause == kAnyCause || state.cause == cause || retry_cause(state.cause) == cause));
}

/// 1 when it could not be marked.
int mark(const RunsRoot& runs, const std::string& key, const RunState& state) {
  if (!journal_retry(runs.run(key))) {
    fmt::print("{}: somebody works on it: not marked\n", key);
    return 1;
  }
  const std::string was =
      state.status == "failed" ? state.cause + ": " + state.message : "stopped on request";
  fmt::print("{}: to be tried again; was {}\n", key, was);
  return 0;
}

/// A run that a person named must be one that can be marked; of a sweep's, the others are passed over.
void refuse_others(const RunsRoot& runs, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const RunState state = read_run_state(runs.run(key));
    if (!can_be_tried_again(runs.run(key), state))
      throw ConfigError(
          fmt::format("run '{}': expected a failed or stopped run, got one that is {}", key, state.status));
  }
}

}  // namespace

int cmd_retry(const Args& args) {
  po::options_description options("options");
  std::string folder = "runs", cause;
  std::vector<std::string> names;
  options.add_options()("names", po::value(&names), "sweep files, names of sweeps, or runs")(
      "runs", po::value(&folder)->default_value(folder), "folder of run directories")(
      "failed", po::value(&cause)->implicit_value(kAnyCause, ""),
      "[=CAUSE] all failed runs of the sweeps (without names: of RUNS), of one cause: preempted, timeout, "
      "oom, "
      "nan, crash, or as `aunet status` shows it");
  po::variables_map values;
  if (!parse_command_line(args, "aunet retry [SWEEP|KEY...] [--failed[=CAUSE]] [options]",
                          "aunet retry sweeps/quickstart.toml --failed=oom", options, {"names..."}, values)) {
    return 0;
  }
  const RunsRoot runs{folder};
  if (!cause.empty()) check_cause(cause);
  const Selection selection = select_runs(runs, names);
  if (selection.keys.empty() && cause.empty())
    throw ConfigError("expected --failed or the keys of runs, got neither");
  refuse_others(runs, selection.keys);
  std::set<std::string> keys(selection.keys.begin(), selection.keys.end());
  for (const std::string& sweep : selection.sweeps)
    for (const std::string& key : keys_of_sweep(runs, sweep)) keys.insert(key);
  if (names.empty())
    for (const std::string& key : all_keys(runs)) keys.insert(key);
  int failed = 0, marked = 0;
  for (const std::string& key : keys) {
    const RunState state = read_run_state(runs.run(key));
    if (!can_be_tried_again(runs.run(key), state) || !has_cause(state, cause)) continue;
    ++marked;
    failed += mark(runs, key, state);
  }
  fmt::print("{} runs marked{}\n", marked - failed, marked > failed ? "; `aunet sweep` starts them" : "");
  return static_cast<int>(failed == 0 ? ExitCode::Done : ExitCode::WorldFailed);
}

}  // namespace aunet
