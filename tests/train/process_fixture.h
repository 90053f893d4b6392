// Runs of the real binary on real files: corpora and run directories in a temporary folder, processes, what
// they leave behind.
#pragma once

#include "data/read_corpus.h"
#include "tests/train/run_fixture.h"

#include "core/hash.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <thread>

extern char** environ;

namespace aunet {

using Args = std::vector<std::string>;

inline constexpr int64_t kSteps = 120;  // long enough that a kill lands before the end on a fast machine too
inline constexpr int64_t kCheckpointSteps = 10;

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
    run.data.train_fingerprint = fingerprint(read_train_sources(run.data), run.data.train);
    run.data.heldout_fingerprint = fingerprint(read_texts(run.data.heldout));
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

inline std::vector<JournalRecord> journal_of(const std::string& run_dir) {
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
inline void wait_for_step(Process& process, const std::string& run_dir, int64_t attempt, int64_t step) {
  while (!process.ended()) {
    if (exists(run_dir + "/journal.jsonl")) {
      const auto steps = records<StepRecord>(run_dir);
      if (!steps.empty() && steps.back().attempt == attempt && steps.back().step >= step) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

/// Everything a run computes, to the last bit; attempts and times left out.
inline std::string fingerprint(const std::string& run_dir) {
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

}  // namespace aunet
