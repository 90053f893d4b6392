// Stands in for aunet-torch in tests of the engine: keeps every promise of `train-run` (lock, journal,
// checkpoints, resume, signals, exit codes) and computes a loss by a formula instead of training. Its
// behaviour comes from AUNET_FAKE, a list like "step_ms=5 checkpoint_steps=5 nan=bpe crash=aunet2".
#include "config/evaluation.h"
#include "config/run_config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/journal.h"
#include "core/machine.h"
#include "core/run_dir.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <map>
#include <string>
#include <thread>

using namespace aunet;

namespace {

std::atomic<bool> stop_asked = false;
void on_signal(int) { stop_asked = true; }

std::map<std::string, std::string> read_settings() {
  std::map<std::string, std::string> settings;
  const char* text = std::getenv("AUNET_FAKE");
  for (const std::string& word : split_on(text ? text : "", ' ')) {
    const size_t equals = word.find('=');
    if (equals != std::string::npos) settings[word.substr(0, equals)] = word.substr(equals + 1);
  }
  return settings;
}

/// A bowl in log2 of rate and batch around (0.02, 8 windows), lower with more steps and for AU-Net.
double loss_of(const RunConfig& run, int64_t step) {
  const double rate = std::log2(run.optim.lr / 0.02);
  const double batch = std::log2(static_cast<double>(run.horizon.batch_windows) / 8);
  const double family = kind_of(run.model) == "aunet" ? 0 : 0.1;
  return 2 + family + 0.05 * rate * rate + 0.02 * batch * batch +
         4 / std::sqrt(1.0 + static_cast<double>(step));
}

class FakeTrainer {
 public:
  explicit FakeTrainer(const std::string& path)
      : dir_{path}, run_(read_run_config(dir_.run_toml())), lock_(dir_.lock()), settings_(read_settings()) {}

  int train() {
    if (!lock_.held()) {
      fmt::print(stderr, "{}: somebody else works on this run\n", dir_.lock());
      return 1;
    }
    if (applies("vanish")) {
      fmt::print(stderr, "no device\n");
      return 3;
    }
    AppendFile journal(dir_.journal());
    journal_ = &journal;
    const JournalSummary before = summarize(read_journal(dir_.journal()));
    if (before.status == "done") return evaluate_again(before);
    attempt_ = before.attempts + 1;
    step_ = newest_checkpoint();
    write(AttemptRecord{.attempt = attempt_,
                        .started = "2026-01-01T00:00:00Z",
                        .from_step = step_,
                        .host = host_name(),
                        .device = "cpu: fake",
                        .pid = getpid(),
                        .command = "fake",
                        .environment = relevant_environment()});
    return steps();
  }

 private:
  int steps() {
    const int64_t batch = run_.horizon.batch_windows;
    const int64_t n_steps = (run_.horizon.windows + batch - 1) / batch;
    const int64_t every = number("checkpoint_steps", 5);
    while (step_ < n_steps) {
      if (stop_asked) return stop();
      misbehave();
      std::this_thread::sleep_for(std::chrono::milliseconds(number("step_ms", 2)));
      ++step_;
      if (applies("nan")) return nan();
      if (applies("oom")) return end("failed", "oom", "out of memory", 1);
      write(step_record(n_steps));
      if (step_ % every == 0) checkpoint();
    }
    checkpoint();
    EvalRecord eval;
    eval.attempt = attempt_;
    eval.step = step_;
    eval.split = "heldout";
    eval.text_bytes = eval.units = 1000;
    eval.loss_bpb = drifted(loss_of(run_, step_));
    eval.nats = eval.loss_bpb * std::log(2.0) * 1000;
    eval.loss_nats = eval.nats / 1000;
    write(eval);
    evaluate();
    write(GateRecord{attempt_, step_, "causal", "pass", 0, ""});
    return end("done", "", "", 0);
  }

  /// The [[eval]]s that the journal lacks, but for "lost_text=NAME": that one fails.
  bool evaluate() {
    bool complete = true;
    for (const EvalConfig& eval : run_.evals) {
      const std::string key = eval_key(run_, eval);
      const auto known = [&](const JournalRecord& record) {
        const auto* scored = std::get_if<EvalRecord>(&record);
        return scored && scored->split == eval.name && scored->eval_key == key;
      };
      const auto records = read_journal(dir_.journal());
      if (std::any_of(records.begin(), records.end(), known)) continue;
      if (settings_["lost_text"] == eval.name) {
        complete = false;
        continue;
      }
      EvalRecord record;
      record.attempt = attempt_;
      record.step = step_;
      record.split = eval.name;
      record.eval_key = key;
      record.text_bytes = record.units = 1000;
      record.loss_bpb = loss_of(run_, step_) + 0.5;
      write(record);
    }
    return complete;
  }

  int evaluate_again(const JournalSummary& before) {
    if (run_.evals.empty()) return 0;
    step_ = newest_checkpoint();
    attempt_ = before.attempts + 1;
    AttemptRecord attempt;
    attempt.attempt = attempt_;
    attempt.from_step = step_;
    write(attempt);
    const bool complete = evaluate();
    end("done", "", "", 0);
    if (!complete) {
      fmt::print(stderr, "not evaluated: the text is gone\n");
      return 1;
    }
    return 0;
  }

  StepRecord step_record(int64_t n_steps) {
    StepRecord record;
    record.attempt = attempt_;
    record.step = step_;
    record.text_bytes = record.units =
        std::min(run_.horizon.windows, step_ * run_.horizon.batch_windows) * run_.data.context_bytes;
    record.flops_useful =
        run_.origin.flops_planned * static_cast<double>(step_) / static_cast<double>(n_steps);
    record.flops_paper = record.flops_executed = record.flops_useful;
    record.loss_bpb = drifted(loss_of(run_, step_));
    record.loss_nats = record.loss_bpb * std::log(2.0);
    record.lr = run_.optim.lr;
    record.grad_norm = 1;
    record.seconds = 1e-3 * static_cast<double>(number("step_ms", 2));
    return record;
  }

  /// "crash=FAMILY": dies at every attempt; "crash_once=FAMILY": at its first; both before a checkpoint.
  /// "vanish=FAMILY": before its attempt record. "segv=FAMILY": likewise, by a mistake of its own.
  /// "hang=FAMILY": does nothing until it is asked to stop.
  void misbehave() const {
    while (applies("hang") && !stop_asked) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (applies("segv")) std::raise(SIGSEGV);
    if (applies("crash") || (applies("crash_once") && attempt_ == 1)) {
      fmt::print(stderr, "about to crash\n");
      std::raise(SIGKILL);
    }
    if (applies("refuse")) std::exit(2);
  }

  int nan() {
    StepRecord record = step_record(1);
    record.loss_bpb = record.loss_nats = std::numeric_limits<double>::quiet_NaN();
    write(record);
    DiagnosisRecord diagnosis;
    diagnosis.attempt = attempt_;
    diagnosis.step = step_;
    diagnosis.rates = {run_.optim.lr};
    diagnosis.norms = {{"embedding", 1.5, 2.5, 0}, {"trunk", 3, record.loss_nats, 12}};
    diagnosis.documents = {{"corpus.jsonl", 17, "once upon\na time"}};
    diagnosis.n_documents = 2;
    write(diagnosis);
    return end("failed", "nan", "loss is not a number", 1);
  }

  int stop() {
    checkpoint();
    return end("interrupted", "signal", "asked to stop", 75);
  }

  int end(const std::string& status, const std::string& cause, const std::string& message, int code) {
    write(EndRecord{attempt_, step_, status, cause, message});
    journal_->sync();
    return code;
  }

  /// "drift=1e-7": every loss from step "drift_step" on is larger by that share.
  double drifted(double loss) {
    const std::string share = settings_["drift"];
    return share.empty() || step_ < number("drift_step", 1)
               ? loss
               : loss * (1 + std::strtod(share.c_str(), nullptr));
  }

  /// state.json as the real trainer writes it; "isa=AVX2": the instruction set that it names.
  void checkpoint() {
    const std::string name = fmt::format("step-{:08d}", step_);
    make_directories(dir_.checkpoints() + "/" + name);
    const std::string isa = settings_["isa"];
    nlohmann::json state = {
        {"key", train_key(run_)},
        {"numerics",
         {{"version", kNumericsVersion},
          {"threads", run_.runtime.threads},
          {"device", "cpu"},
          {"instruction_set", isa.empty() ? "FAKE512" : isa},
          {"torch_version", "0.0"}}},
        {"files", {{"model.safetensors", hash_hex(fmt::format("{:.17g}", drifted(loss_of(run_, step_))))}}}};
    state["hash"] = hash_hex(state.dump());
    write_file_atomic(dir_.checkpoints() + "/" + name + "/state.json", state.dump());
    write(CheckpointRecord{attempt_, step_, "checkpoints/" + name});
    journal_->sync();
  }

  int64_t newest_checkpoint() const {
    const auto names = list_directory(dir_.checkpoints());
    return names.empty() ? 0 : std::strtoll(names.back().c_str() + 5, nullptr, 10);
  }

  void write(const JournalRecord& record) { journal_->append_line(to_json_line(record)); }
  bool applies(const std::string& name) const {
    const auto found = settings_.find(name);
    return found != settings_.end() && found->second == run_.origin.family;
  }
  int64_t number(const std::string& name, int64_t otherwise) const {
    const auto found = settings_.find(name);
    return found == settings_.end() ? otherwise : std::strtoll(found->second.c_str(), nullptr, 10);
  }

  RunDir dir_;
  RunConfig run_;
  FileLock lock_;
  std::map<std::string, std::string> settings_;
  AppendFile* journal_ = nullptr;
  int64_t attempt_ = 0, step_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::string(argv[1]) != "train-run") return 2;
  for (int signal : {SIGTERM, SIGINT, SIGUSR1}) std::signal(signal, on_signal);
  try {
    return FakeTrainer(argv[2]).train();
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
