#include "cli/bundle.h"
#include "cli/bundle_file.h"
#include "cli/find_run.h"
#include "cli/torch_binary.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "sweep/prepare_run.h"
#include "sweep/run_state.h"
#include "sweep/signal_inbox.h"
#include "sweep/stop_request.h"
#include "sweep/worker.h"

#include <fmt/format.h>

#include <filesystem>

namespace aunet {
namespace po = boost::program_options;

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct RepeatArguments {
  std::string what, runs = "runs", run_dir, data_dir, device;
  int64_t threads = 0;
  bool verify = false, json = false;
};

/// What is to be repeated, wherever it came from.
struct Original {
  RunDir folder{};  // run.toml and what it reads
  Bundle bundle{};  // of a run directory: what a bundle would say, its data by path alone
  std::string unpacked{};
};

bool is_bundle(const std::string& what) { return fs::is_regular_file(what); }

/// RUNS/repeats/KEY-N: the newest one when it has not come to an end, else the next. Apart from the runs of
/// sweeps: it is the same cell, and counts once.
std::string choose_folder(const RepeatArguments& arguments, const std::string& key) {
  if (!arguments.run_dir.empty()) return arguments.run_dir;
  const std::string stem = arguments.runs + "/repeats/" + key + "-";
  int64_t n = 1;
  while (exists(stem + std::to_string(n + 1))) ++n;
  const RunDir newest{stem + std::to_string(n)};
  const std::string status = exists(newest.path) ? read_run_state(newest).status : "new";
  if (status == "running")
    throw ConfigError(fmt::format("{}: another process is repeating this run", newest.path));
  return status == "done" || status == "failed" ? stem + std::to_string(n + 1) : newest.path;
}

Original open_original(const RepeatArguments& arguments, std::string& folder) {
  Original original;
  if (is_bundle(arguments.what)) {
    folder = choose_folder(arguments, bundle_key(arguments.what));
    original.unpacked = folder + "/bundle";
    original.folder = {original.unpacked};
    original.bundle = unpack_bundle(arguments.what, original.unpacked);
    if (!original.bundle.has_data) original.unpacked.clear();
    return original;
  }
  original.folder = find_run(arguments.runs, arguments.what);
  const RunConfig config = read_run_config(original.folder.run_toml());
  original.bundle.key = train_key(config);
  original.bundle.data = name_data(config);
  original.bundle.attempts = attempts_of(original.folder);
  if (arguments.verify) original.bundle.expected = read_run_result(original.folder);
  folder = choose_folder(arguments, original.bundle.key);
  std::error_code none;
  if (fs::equivalent(folder, original.folder.path, none))
    throw ConfigError(fmt::format("--run-dir: {}: expected another folder than the run's own", folder));
  return original;
}

/// Exit code of the rerun; 0: it is done.
int rerun(const RunDir& run, const RunConfig& config) {
  const int64_t batch = config.horizon.batch_windows;
  const int64_t n_steps = (config.horizon.windows + batch - 1) / batch;
  const auto launcher = make_local_launcher(torch_binary());
  SignalInbox inbox;
  ProgressLine line;
  const auto wait = [&](double seconds) {
    line.show(fmt::format("{}: step {} of {}", run.path, read_run_state(run).step, n_steps));
    return inbox.wait(seconds);
  };
  WorkerOptions options;
  options.once = true;
  const WorkOutcome outcome = work_on(run, *launcher, wait, options);
  if (outcome.end == WorkEnd::Done) return static_cast<int>(ExitCode::Done);
  if (outcome.end == WorkEnd::Failed)
    throw Error(fmt::format("{}: the rerun failed: {}", run.path, outcome.message));
  log_info(fmt::format("{}: {}; the same command goes on", run.path, outcome.message));
  return static_cast<int>(ExitCode::Interrupted);
}

/// "": the same, or one of them is not known.
std::string code_difference(const Json& expected, const Json& got) {
  const auto code = [](const Json& attempts) -> std::string {
    if (attempts.empty()) return "";
    const std::string dirty = attempts.back().value("dirty_diff_hash", "");
    return attempts.back().value("commit", "") + (dirty.empty() ? "" : " with changes " + dirty);
  };
  const std::string then = code(expected), now = code(got);
  return then.empty() || now.empty() || then == now ? "" : fmt::format("{} -> {}", then, now);
}

Json verdicts_to_json(const Comparison& comparison) {
  Json verdicts = Json::array();
  for (const Verdict& verdict : comparison.verdicts)
    verdicts.push_back(
        {{"quantity", verdict.quantity}, {"verdict", to_string(verdict.word)}, {"detail", verdict.detail}});
  return verdicts;
}

int verify(const Original& original, const RunDir& run, bool json) {
  const Comparison comparison =
      compare_results(original.bundle.expected, read_run_result(run), original.bundle.tolerance);
  const std::string code = code_difference(original.bundle.attempts, attempts_of(run));
  const Json report = {{"key", original.bundle.key},
                       {"run_dir", run.path},
                       {"equal", comparison.equal()},
                       {"bitwise", comparison.class_difference.empty()},
                       {"class_difference", comparison.class_difference},
                       {"code_difference", code},
                       {"tolerance", to_json(original.bundle.tolerance)},
                       {"verdicts", verdicts_to_json(comparison)}};
  write_file_atomic(run.path + "/repeat.json", report.dump(1) + "\n");
  const int exit_code = static_cast<int>(comparison.equal() ? ExitCode::Done : ExitCode::WorldFailed);
  if (json) {
    fmt::print("{}\n", report.dump(1));
    return exit_code;
  }
  if (!code.empty()) fmt::print("code: {}\n", code);
  fmt::print("{}\n", comparison.class_difference.empty()
                         ? "numerics: the same, so bit by bit"
                         : "numerics: " + comparison.class_difference + "; so within the tolerance");
  for (const Verdict& verdict : comparison.verdicts)
    fmt::print("{}: {}{}{}\n", verdict.quantity, to_string(verdict.word), verdict.detail.empty() ? "" : ": ",
               verdict.detail);
  fmt::print("{} {} the run {}\n", run.path, comparison.equal() ? "repeats" : "does not repeat",
             original.bundle.key);
  return exit_code;
}

}  // namespace

int cmd_repeat(const Args& args) {
  po::options_description options("options");
  RepeatArguments arguments;
  options.add_options()("what", po::value(&arguments.what)->required(),
                        "a bundle, a run directory, or the beginning of a key in RUNS")(
      "verify", po::bool_switch(&arguments.verify),
      "compare with what the run came to, or the bundle expects")(
      "runs", po::value(&arguments.runs)->default_value(arguments.runs),
      "folder of run directories; the new one is RUNS/repeats/KEY-N")(
      "run-dir", po::value(&arguments.run_dir), "the new run directory, instead")(
      "data-dir", po::value(&arguments.data_dir), "where to look for texts that are not where they were")(
      "threads", po::value(&arguments.threads), "other threads than the run had (not bitwise any more)")(
      "device", po::value(&arguments.device), "another device, cpu or cuda (likewise)")(
      "json", po::bool_switch(&arguments.json), "with --verify: one JSON object");
  po::variables_map values;
  if (!parse_command_line(
          args,
          "aunet repeat KEY|BUNDLE [--verify] [options]\n\n"
          "Runs a cell again, from its first step, in a folder of its own. With --verify: exit\n"
          "0 equal, 1 different, 2 bad input; bit by bit where the numerics are the same.",
          "aunet repeat cell.bundle --verify --data-dir corpora", options, {"what"}, values)) {
    return static_cast<int>(ExitCode::Done);
  }
  if (values.count("threads") && arguments.threads < 1)
    throw ConfigError(fmt::format("--threads: expected at least 1, got {}", arguments.threads));
  if (!arguments.device.empty() && arguments.device != "cpu" && arguments.device != "cuda")
    throw ConfigError(fmt::format("--device: expected cpu or cuda, got '{}'", arguments.device));
  torch_binary();  // before any work: is there something to train with
  std::string folder;
  const Original original = open_original(arguments, folder);
  RunConfig config = detached_config(original.folder);
  locate_data(original.bundle.data, {original.unpacked, arguments.data_dir}, config);
  if (arguments.threads > 0) config.runtime.threads = arguments.threads;
  if (!arguments.device.empty()) config.runtime.device = arguments.device;
  const RunDir run{folder};
  prepare_run_directory(run, config);
  withdraw_stop(run.stop());
  if (read_run_state(run).status != "done") {
    if (const int code = rerun(run, config); code != static_cast<int>(ExitCode::Done)) return code;
  }
  if (arguments.verify) return verify(original, run, arguments.json);
  fmt::print("{}: done\n", run.path);
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
