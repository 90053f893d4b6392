// The real binary on real files: what a launcher sees of `aunet-torch train-run`.
#include "tests/train/run_fixture.h"

#include "core/hash.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

extern char** environ;

using namespace aunet;

namespace {

using Args = std::vector<std::string>;

constexpr int64_t kSteps = 120;  // long enough that a kill lands before the end on a fast machine too
constexpr int64_t kCheckpointSteps = 10;

/// A child process of aunet-torch; its stdout and stderr go to files.
class Process {
 public:
  Process(const Args& args, const std::string& log) : log_(log) {
    std::vector<std::string> words = {std::string(AUNET_BIN_DIR) + "/aunet-torch"};
    words.insert(words.end(), args.begin(), args.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, (log + ".out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_addopen(&files, 2, (log + ".err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    REQUIRE(posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ) == 0);
    posix_spawn_file_actions_destroy(&files);
  }
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void signal(int number) const { ::kill(pid_, number); }
  bool ended() {
    if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = 0;
    return pid_ == 0;
  }
  /// Exit code, or minus the signal that ended it.
  int wait() {
    if (pid_ > 0) ::waitpid(pid_, &status_, 0);
    pid_ = 0;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : -WTERMSIG(status_);
  }
  std::string out() const { return read_file(log_ + ".out"); }
  std::string err() const { return read_file(log_ + ".err"); }

 private:
  std::string log_;
  pid_t pid_ = 0;
  int status_ = 0;
};

/// A folder with corpora, and run directories made from one configuration.
struct Workplace {
  TemporaryFolder folder;
  RunConfig run = aunet_run(kSteps);

  Workplace() {
    const Corpus corpus = small_corpus();
    write_corpus("train.jsonl", corpus, 0, 9);
    write_corpus("heldout.jsonl", corpus, 9, 12);
    run.data.train = {{.path = path("train.jsonl"), .weight = 1}};
    run.data.heldout = {path("heldout.jsonl")};
    run.data.train_fingerprint = read_corpus(run.data.train).fingerprint;
    run.data.heldout_fingerprint = read_corpus(run.data.heldout).fingerprint;
    run.runtime.checkpoint_steps = kCheckpointSteps;
  }
  std::string path(const std::string& name) const { return folder.path() + "/" + name; }
  std::string make_run(const std::string& name) const {
    make_directories(path(name));
    write_file_atomic(path(name) + "/run.toml", to_toml(run));
    return path(name);
  }
  Process start(const std::string& run_dir, const Args& more = {}) const {
    Args args = {"train-run", run_dir};
    args.insert(args.end(), more.begin(), more.end());
    return Process(args, path("log"));
  }
  int train(const std::string& run_dir, const Args& more = {}) const { return start(run_dir, more).wait(); }

 private:
  void write_corpus(const std::string& name, const Corpus& corpus, int64_t first, int64_t last) const {
    std::string lines;
    for (int64_t d = first; d < last; ++d) {
      lines += nlohmann::json{{"text", std::string(corpus.text(d))}}.dump() + "\n";
    }
    write_file_atomic(path(name), lines);
  }
};

/// A file system in memory, unmounted at the end of the scope.
struct SmallDisk {
  SmallDisk(const std::string& where, const char* size) : path(where) {
    make_directories(path);
    mounted = ::mount("tmpfs", path.c_str(), "tmpfs", 0, size) == 0;
  }
  ~SmallDisk() {
    if (mounted) ::umount(path.c_str());
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  bool resize(const char* size) const {
    return ::mount("tmpfs", path.c_str(), "tmpfs", MS_REMOUNT, size) == 0;
  }
  std::string path;
  bool mounted = false;
};

std::vector<JournalRecord> journal_of(const std::string& run_dir) {
  return read_journal(run_dir + "/journal.jsonl");
}

template <class Record>
std::vector<Record> records(const std::string& run_dir) {
  std::vector<Record> found;
  for (const JournalRecord& record : journal_of(run_dir)) {
    if (const auto* match = std::get_if<Record>(&record)) found.push_back(*match);
  }
  return found;
}

/// Waits until attempt number `attempt` has journalled `step`, or the process ended.
void wait_for_step(Process& process, const std::string& run_dir, int64_t attempt, int64_t step) {
  while (!process.ended()) {
    if (exists(run_dir + "/journal.jsonl")) {
      const auto steps = records<StepRecord>(run_dir);
      if (!steps.empty() && steps.back().attempt == attempt && steps.back().step >= step) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

/// Everything a run computes, to the last bit; attempts and times left out.
std::string fingerprint(const std::string& run_dir) {
  std::string text;
  for (const StepRecord& s : curve(run_dir)) {
    text += fmt::format("{} {} {} {} {} {} {} {} {} {}\n", s.step, s.text_bytes, s.units, s.flops_useful,
                        s.flops_paper, s.flops_executed, s.loss_nats, s.loss_bpb, s.lr, s.grad_norm);
  }
  const std::string last = list_directory(run_dir + "/checkpoints").back();
  for (const char* file : {"model.safetensors", "optim.safetensors"}) {
    text += last + " " + hash_file(run_dir + "/checkpoints/" + last + "/" + file) + "\n";
  }
  for (const std::string& name : list_directory(run_dir + "/eval"))
    text += name + read_file(run_dir + "/eval/" + name);
  return text;
}

}  // namespace

TEST_CASE("train-run takes a run.toml to its end and a second call changes nothing", "[train][process]") {
  const Workplace place;
  const std::string run = place.make_run("run");
  REQUIRE(place.train(run) == 0);
  CHECK(curve(run).size() == kSteps);
  const auto gates = records<GateRecord>(run);
  REQUIRE(gates.size() == 2);
  CHECK((gates[0].step == 0 && gates[0].verdict == "pass"));
  CHECK((gates[1].step == kSteps && gates[1].verdict == "pass"));
  const auto evals = records<EvalRecord>(run);
  REQUIRE(evals.size() == 1);
  CHECK(evals[0].text_bytes == static_cast<int64_t>(read_corpus(place.run.data.heldout).bytes.size()));
  CHECK(evals[0].loss_bpb > 0);
  CHECK(evals[0].loss_bpb < curve(run)[0].loss_bpb);
  const auto attempts = records<AttemptRecord>(run);
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].from_step == 0);
  CHECK(attempts[0].started.size() == 20);
  const auto ends = records<EndRecord>(run);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].status == "done");
  CHECK(list_directory(run + "/checkpoints").back() == "step-00000120");

  const std::string before = read_file(run + "/journal.jsonl");
  CHECK(place.train(run) == 0);
  CHECK(read_file(run + "/journal.jsonl") == before);

  Process eval({"eval", run, "--tasks", "bpb", "--gate", "causal", "--json"}, place.path("eval"));
  REQUIRE(eval.wait() == 0);
  const auto printed = nlohmann::json::parse(eval.out());
  CHECK(printed["tasks"]["bpb"]["loss_bpb"].get<double>() == evals[0].loss_bpb);
  CHECK(printed["gate"]["verdict"] == "pass");
  CHECK(printed["step"] == kSteps);
}

TEST_CASE("a run killed with SIGKILL again and again is bit by bit the undisturbed run", "[train][process]") {
  const Workplace place;
  const std::string calm = place.make_run("calm"), wild = place.make_run("wild");
  REQUIRE(place.train(calm) == 0);
  int64_t n_attempts = 0;
  for (const int64_t step : {5, 17, 38, 51}) {
    Process process = place.start(wild);
    wait_for_step(process, wild, ++n_attempts, step);
    process.signal(SIGKILL);
    REQUIRE(process.wait() == -SIGKILL);
  }
  REQUIRE(place.train(wild) == 0);
  const auto attempts = records<AttemptRecord>(wild);
  REQUIRE(attempts.size() == 5);
  for (size_t i = 2; i < attempts.size(); ++i) CHECK(attempts[i].from_step > attempts[i - 2].from_step);
  // No interruption costs more than a checkpoint interval.
  CHECK(records<StepRecord>(wild).size() <= kSteps + 4 * kCheckpointSteps);
  CHECK(fingerprint(calm) == fingerprint(wild));
}

TEST_CASE("SIGTERM ends a run after its step with a checkpoint and code 75", "[train][process]") {
  const Workplace place;
  const std::string calm = place.make_run("calm"), run = place.make_run("run");
  REQUIRE(place.train(calm) == 0);
  {
    Process process = place.start(run);
    wait_for_step(process, run, 1, 5);
    process.signal(SIGTERM);
    REQUIRE(process.wait() == 75);
  }
  const auto ends = records<EndRecord>(run);
  REQUIRE(ends.size() == 1);
  CHECK(ends[0].status == "interrupted");
  CHECK(ends[0].cause == "signal");
  CHECK(ends[0].step == records<StepRecord>(run).back().step);
  CHECK(list_directory(run + "/checkpoints").back() == fmt::format("step-{:08d}", ends[0].step));
  REQUIRE(place.train(run) == 0);
  CHECK(records<StepRecord>(run).size() == kSteps);
  CHECK(fingerprint(calm) == fingerprint(run));
}

TEST_CASE("a run has one worker at a time", "[train][process]") {
  const Workplace place;
  const std::string run = place.make_run("run");
  const FileLock lock(run + "/lock");
  Process second = place.start(run);
  CHECK(second.wait() == 1);
  CHECK(second.err().find(run + "/lock: another process works on this run") != std::string::npos);
  CHECK_FALSE(exists(run + "/checkpoints"));
}

TEST_CASE("a resume with other numerics needs to be allowed", "[train][process]") {
  Workplace place;
  const std::string run = place.make_run("run");
  {
    Process process = place.start(run);
    wait_for_step(process, run, 1, 5);
    process.signal(SIGTERM);
    REQUIRE(process.wait() == 75);
  }
  place.run.runtime.threads = 2;
  place.make_run("run");
  Process refused = place.start(run);
  CHECK(refused.wait() == 2);
  CHECK(refused.err().find("threads 1 -> 2; --allow-numerics accepts it") != std::string::npos);
  CHECK(place.train(run, {"--allow-numerics"}) == 0);
}

TEST_CASE("a changed corpus fails the run before its first step", "[train][process]") {
  const Workplace place;
  const std::string run = place.make_run("run");
  write_file_atomic(place.path("train.jsonl"), "{\"text\": \"another text, long enough to be one\"}\n");
  Process process = place.start(run);
  CHECK(process.wait() == 1);
  CHECK(process.err().find("data.train: corpus changed: expected fingerprint") != std::string::npos);
  CHECK(records<EndRecord>(run).back().cause == "config");
  CHECK(curve(run).empty());
}

TEST_CASE("a leaking split rule stops at the gate unless it is allowed", "[train][process]") {
  Workplace place;
  std::get<AunetConfig>(place.run.model).split_mode = SplitMode::Official;
  const std::string strict = place.make_run("strict");
  CHECK(place.train(strict) == 1);
  CHECK(records<EndRecord>(strict).back().cause == "gate");
  CHECK(records<GateRecord>(strict).back().verdict == "leak");
  CHECK(curve(strict).empty());
  place.run.runtime.gate_causal = "leaky-allowed";
  const std::string allowed = place.make_run("allowed");
  CHECK(place.train(allowed) == 0);
  CHECK(records<GateRecord>(allowed).back().verdict == "leak");
}

TEST_CASE("on a full disk the run fails with the file's name and goes on where there is room",
          "[train][process]") {
  Workplace place;
  place.run.runtime.checkpoint_keep = 100;
  const std::string calm = place.make_run("calm");
  REQUIRE(place.train(calm) == 0);
  const SmallDisk disk(place.path("small"), "size=400k");
  if (!disk.mounted) {
    WARN("skipped: a tmpfs cannot be mounted here");
    return;
  }
  const std::string run = place.make_run("small/run");
  {
    Process process = place.start(run);
    CHECK(process.wait() == 1);
    CHECK(process.err().find(run + "/") != std::string::npos);
    CHECK(process.err().find("No space left on device") != std::string::npos);
  }
  for (const std::string& name : list_directory(run + "/checkpoints"))
    CHECK(name.find("tmp") == std::string::npos);
  const auto kept = list_directory(run + "/checkpoints").size();
  CHECK(kept >= 1);
  REQUIRE(disk.resize("size=20m"));
  CHECK(place.train(run) == 0);
  CHECK(records<AttemptRecord>(run).back().from_step >= kCheckpointSteps * static_cast<int64_t>(kept));
  CHECK(fingerprint(calm) == fingerprint(run));
}
