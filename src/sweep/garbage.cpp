#include "sweep/garbage.h"

#include "config/run_config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "sweep/run_state.h"
#include "sweep/slurm_round.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace aunet {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::chrono::hours kLeftoverAge(1);  // younger ones may be of a process on another machine
constexpr const char* kTemporary = ".tmp-";
constexpr const char* kUnusedTokenizer = "tokenizer that no run has";

double size_of(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) {
    const auto bytes = fs::file_size(path, ignored);
    return ignored ? 0 : static_cast<double>(bytes);
  }
  double sum = 0;
  for (const auto& entry : fs::recursive_directory_iterator(path, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    const auto bytes = entry.file_size(ignored);
    if (!ignored) sum += static_cast<double>(bytes);
  }
  return sum;
}

bool is_old(const std::string& path) {
  std::error_code ignored;
  const auto written = fs::last_write_time(path, ignored);
  return !ignored && fs::file_time_type::clock::now() - written > kLeftoverAge;
}

/// NAME.tmp-PID: a name that only holds the word may be anybody's.
bool is_temporary(const std::string& name) {
  const size_t at = name.rfind(kTemporary);
  if (at == std::string::npos || at == 0) return false;
  const std::string number = name.substr(at + std::string_view(kTemporary).size());
  return !number.empty() && number.find_first_not_of("0123456789") == std::string::npos;
}

bool is_leftover(const std::string& folder, const std::string& name) {
  return is_temporary(name) && is_old(folder + "/" + name);
}

/// Whether a call plans, a supervisor runs or jobs of Slurm are at work: each may hold the path of a cached
/// file and read it later.
bool is_at_work(const RunsRoot& runs) {
  const std::string plans = runs.path + "/plans";
  for (const std::string& name : list_directory(plans)) {
    const size_t dot = name.rfind('.');
    const std::string sweep = name.substr(0, dot), ending = dot == std::string::npos ? "" : name.substr(dot);
    if (ending == ".lock" && FileLock::is_held_by_someone(plans + "/" + name)) return true;
    if (ending == ".slurm" && !open_slurm_jobs(runs, sweep).empty()) return true;
  }
  return false;
}

/// The step of a complete checkpoint's folder name.
std::optional<int64_t> step_of(const std::string& name) {
  long long step = 0;
  int length = 0;
  if (std::sscanf(name.c_str(), "step-%lld%n", &step, &length) != 1) return std::nullopt;
  return length == static_cast<int>(name.size()) ? std::optional<int64_t>(step) : std::nullopt;
}

/// Steps of each run that others start from, by key.
using NeededSteps = std::map<std::string, std::set<int64_t>>;

/// `place` is KEY@STEP.
void need(NeededSteps& needed, const std::string& place) {
  const size_t at = place.find('@');
  int64_t step = 0;
  if (at == std::string::npos) return;
  std::from_chars(place.data() + at + 1, place.data() + place.size(), step);
  needed[place.substr(0, at)].insert(step);
}

void add_needs_of_plans(const RunsRoot& runs, NeededSteps& needed) {
  for (const std::string& name : list_directory(runs.path + "/plans")) {
    if (!name.ends_with(".json")) continue;
    const Json plan = Json::parse(read_file(runs.path + "/plans/" + name), nullptr, false);
    if (!plan.is_object() || !plan.contains("cells")) continue;
    for (const Json& cell : plan["cells"])
      if (cell.contains("parent") && cell["parent"].is_string()) need(needed, cell["parent"]);
  }
}

/// A run directory as the search sees it.
struct Known {
  std::string key;
  std::optional<RunConfig> run;  // nullopt: its run.toml cannot be read
};

std::vector<Known> read_runs(const RunsRoot& runs) {
  std::vector<Known> known;
  for (const std::string& key : list_directory(runs.path)) {
    const RunDir dir = runs.run(key);
    if (!exists(dir.run_toml())) continue;
    Known& one = known.emplace_back(Known{key, std::nullopt});
    try {
      one.run = read_run_config(dir.run_toml());
    } catch (const ConfigError&) {
      continue;
    }
  }
  return known;
}

void find_in_run(const RunDir& dir, const Known& known, const std::set<int64_t>& needed, int64_t keep,
                 std::vector<Garbage>& found) {
  for (const std::string& folder : {dir.path, dir.checkpoints(), dir.eval()}) {
    for (const std::string& name : list_directory(folder))
      if (is_leftover(folder, name)) found.push_back({folder + "/" + name, "leftover", 0, known.key});
  }
  if (read_run_state(dir).status != "done") return;
  std::vector<std::pair<int64_t, std::string>> checkpoints;
  for (const std::string& name : list_directory(dir.checkpoints()))
    if (const auto step = step_of(name)) checkpoints.emplace_back(*step, name);
  std::sort(checkpoints.rbegin(), checkpoints.rend());
  const RuntimeConfig& runtime = known.run->runtime;
  const auto n_kept = static_cast<size_t>(std::max<int64_t>(1, keep > 0 ? keep : runtime.checkpoint_keep));
  for (size_t i = n_kept; i < checkpoints.size(); ++i) {
    const auto& [step, name] = checkpoints[i];
    if (step == runtime.checkpoint_pin || needed.count(step)) continue;
    found.push_back({dir.checkpoints() + "/" + name, "checkpoint of a done run", 0, known.key});
  }
}

void find_in_cache(const RunsRoot& runs, const std::vector<Known>& known, std::vector<Garbage>& found) {
  const std::string folder = runs.cache() + "/tokenizers";
  const std::vector<std::string> names = list_directory(folder);
  if (names.empty() || is_at_work(runs)) return;
  std::set<std::string> used;
  for (const Known& one : known) {
    const std::string copy = runs.run(one.key).tokenizer();
    if (exists(copy)) used.insert(hash_hex(read_file(copy)));
  }
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    if (!is_old(path) || used.count(hash_hex(read_file(path)))) continue;
    found.push_back({path, kUnusedTokenizer, 0, ""});
  }
}

}  // namespace

std::vector<Garbage> find_garbage(const RunsRoot& runs, int64_t keep) {
  const std::vector<Known> known = read_runs(runs);
  NeededSteps needed;
  add_needs_of_plans(runs, needed);
  for (const Known& one : known) {
    if (one.run && !one.run->runtime.parent_key.empty())
      needed[one.run->runtime.parent_key].insert(one.run->runtime.parent_step);
  }
  std::vector<Garbage> found;
  for (const Known& one : known) {
    const RunDir dir = runs.run(one.key);
    if (one.run && !FileLock::is_held_by_someone(dir.lock()))
      find_in_run(dir, one, needed[one.key], keep, found);
  }
  for (const std::string& name : list_directory(runs.path + "/plans"))
    if (is_leftover(runs.path + "/plans", name))
      found.push_back({runs.path + "/plans/" + name, "leftover", 0, ""});
  find_in_cache(runs, known, found);
  for (Garbage& one : found) one.n_bytes = size_of(one.path);
  std::sort(found.begin(), found.end(), [](const Garbage& a, const Garbage& b) { return a.path < b.path; });
  return found;
}

bool remove_garbage(const RunsRoot& runs, const Garbage& garbage) {
  std::unique_ptr<FileLock> lock;
  if (!garbage.key.empty()) {
    lock = std::make_unique<FileLock>(runs.run(garbage.key).lock());
    if (!lock->held()) return false;
  }
  // Somebody may have begun since it was found: asked again, as late as can be.
  if (garbage.why == kUnusedTokenizer && (is_at_work(runs) || !is_old(garbage.path))) return false;
  const bool temporary = is_temporary(fs::path(garbage.path).filename().string());
  const std::string doomed =
      temporary ? garbage.path : fmt::format("{}{}{}", garbage.path, kTemporary, ::getpid());
  if (!temporary) fs::rename(garbage.path, doomed);
  remove_tree(doomed);
  return true;
}

}  // namespace aunet
