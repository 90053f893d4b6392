#include "cli/inspect.h"

#include "cli/find_run.h"
#include "config/run_config.h"
#include "core/file.h"
#include "core/journal.h"
#include "core/text.h"
#include "sweep/run_state.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>
#include <variant>

namespace aunet {
namespace po = boost::program_options;

namespace {

using Json = nlohmann::json;

constexpr size_t kShownSteps = 3, kShownLogLines = 10;

/// Everything but steps, and of the steps the last few.
void print_journal(const std::vector<JournalRecord>& records) {
  size_t n_steps = 0;
  for (const JournalRecord& record : records) n_steps += std::holds_alternative<StepRecord>(record);
  size_t step = 0;
  for (const JournalRecord& record : records) {
    if (std::holds_alternative<StepRecord>(record) && ++step + kShownSteps <= n_steps) continue;
    fmt::print("  {}\n", to_json_line(record));
  }
}

void print_log_end(const RunDir& run) {
  if (!exists(run.log())) return;
  const std::string text = read_file(run.log());
  std::vector<std::string> lines = split_on(trim(text), '\n');
  if (lines.size() > kShownLogLines) lines.erase(lines.begin(), lines.end() - kShownLogLines);
  fmt::print("\nend of {}:\n", run.log());
  for (const std::string& line : lines) fmt::print("  {}\n", line);
}

}  // namespace

int cmd_why(const Args& args) {
  po::options_description options("options");
  std::string name, runs = "runs";
  options.add_options()("run", po::value(&name)->required(),
                        "run directory, or the beginning of a key in RUNS")(
      "runs", po::value(&runs)->default_value(runs), "folder of run directories");
  po::variables_map values;
  if (!parse_command_line(args, "aunet why RUN [options]", "aunet why 0123abcd", options, {"run"}, values))
    return 0;
  const RunDir run = find_run(runs, name);
  const RunState state = read_run_state(run);
  fmt::print("{}: {}{}{}\n", run.path, state.status, state.cause.empty() ? "" : ", " + state.cause,
             state.message.empty() ? "" : ": " + state.message);
  if (!exists(run.journal())) return 0;
  const std::vector<JournalRecord> records = read_journal(run.journal());
  const JournalSummary summary = summarize(records);
  fmt::print("{} attempts, step {}, {} steps executed\n\njournal, without all but the last {} steps:\n",
             summary.attempts, summary.last_step, summary.steps_executed, kShownSteps);
  print_journal(records);
  print_log_end(run);
  return 0;
}

int cmd_diff(const Args& args) {
  po::options_description options("options");
  std::string first, second, runs = "runs";
  options.add_options()("a", po::value(&first)->required(),
                        "run directory, or the beginning of a key in RUNS")(
      "b", po::value(&second)->required(), "the other one")("runs", po::value(&runs)->default_value(runs),
                                                            "folder of run directories");
  po::variables_map values;
  if (!parse_command_line(args, "aunet diff RUN RUN [options]", "aunet diff 0123abcd 4567cdef", options,
                          {"a", "b"}, values)) {
    return 0;
  }
  const auto flat = [&](const std::string& name) {
    return Json::parse(canonical(read_run_config(find_run(runs, name).run_toml()))).flatten();
  };
  const Json a = flat(first), b = flat(second);
  std::set<std::string> fields;
  for (const auto& [field, value] : a.items()) fields.insert(field);
  for (const auto& [field, value] : b.items()) fields.insert(field);
  bool same = true;
  for (const std::string& field : fields) {
    const Json left = a.value(field, Json()), right = b.value(field, Json());
    if (left == right) continue;
    same = false;
    fmt::print("{}: {} -> {}\n", field.substr(1), left.is_null() ? "(not set)" : left.dump(),
               right.is_null() ? "(not set)" : right.dump());
  }
  if (same) fmt::print("no difference in what makes a run's key\n");
  return 0;
}

}  // namespace aunet
