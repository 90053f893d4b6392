// The real binary on real files: what a launcher sees of `aunet-torch train-run`.
#include "tests/train/process_fixture.h"

#include <sys/mount.h>

using namespace aunet;

namespace {

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
  CHECK(evals[0].text_bytes == read_texts(place.run.data.heldout).n_bytes());
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
  const auto stored = records<GateRecord>(run);
  REQUIRE(stored.size() == 3);  // the full gate's verdict is stored with the run
  CHECK((stored[2].step == kSteps && stored[2].verdict == "pass"));
  CHECK(stored[2].perturbations == printed["gate"]["perturbations"].get<int64_t>());
  CHECK(*stored[2].perturbations > *gates[1].perturbations);
  CHECK(*gates[1].perturbations > *gates[0].perturbations);
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

TEST_CASE("an evaluation of a done run is made from its final checkpoint, without a step",
          "[train][process]") {
  Workplace place;
  place.run.runtime.checkpoint_keep = 1;
  const std::string run = place.make_run("run");
  REQUIRE(place.train(run) == 0);
  const std::string weights =
      hash_file(run + "/checkpoints/" + list_directory(run + "/checkpoints").back() + "/model.safetensors");
  const auto n_steps = records<StepRecord>(run).size();

  const std::string& heldout = place.run.data.heldout_fingerprint;
  place.run.evals = {{"same", {}, "none", 0.05, 0, heldout},
                     {"typos", {}, "typos", 0.2, 1, heldout},
                     {"gone", {place.path("no-such.jsonl")}, "none", 0.05, 0, "abc"}};
  place.make_run("run");
  CHECK(place.train(run) == 1);  // one text is not there; the others are scored all the same
  CHECK(records<StepRecord>(run).size() == n_steps);
  CHECK(records<EndRecord>(run).back().status == "done");
  CHECK(records<AttemptRecord>(run).back().from_step == kSteps);
  CHECK(summarize(journal_of(run)).last_step == kSteps);
  const auto evals = records<EvalRecord>(run);
  REQUIRE(evals.size() == 3);
  CHECK(evals[1].split == "same");
  CHECK(evals[1].nats == evals[0].nats);  // the weights are those of the end of the training, bit by bit
  CHECK(evals[1].loss_bpb == evals[0].loss_bpb);
  CHECK(evals[2].split == "typos");
  CHECK(evals[2].loss_bpb > evals[0].loss_bpb);
  CHECK(evals[2].documents == evals[0].documents);
  CHECK(exists(fmt::format("{}/eval/typos-{:08d}.jsonl", run, kSteps)));
  CHECK(hash_file(run + "/checkpoints/" + list_directory(run + "/checkpoints").back() +
                  "/model.safetensors") == weights);

  place.run.evals.pop_back();
  place.make_run("run");
  CHECK(place.train(run) == 0);  // nothing is missing
  CHECK(records<EvalRecord>(run).size() == 3);

  // Without the final checkpoint a new evaluation fails clearly, and the run stays done.
  remove_tree(run + "/checkpoints");
  place.run.evals.push_back({"upper", {}, "uppercase", 0.05, 0, heldout});
  place.make_run("run");
  Process process = place.start(run);
  CHECK(process.wait() == 1);
  CHECK(process.err().find("the final checkpoint (step 120) is gone") != std::string::npos);
  CHECK(summarize(journal_of(run)).status == "done");
  CHECK(records<StepRecord>(run).size() == n_steps);
}

TEST_CASE("evaluations are made at the end of the training as well", "[train][process]") {
  Workplace place;
  place.run.evals = {{"lower", {}, "lowercase", 0.05, 0, place.run.data.heldout_fingerprint}};
  const std::string run = place.make_run("run");
  REQUIRE(place.train(run) == 0);
  const auto evals = records<EvalRecord>(run);
  REQUIRE(evals.size() == 2);
  CHECK(evals[1].split == "lower");
  CHECK(evals[1].step == kSteps);
}

TEST_CASE("a run that diverges leaves its diagnosis", "[train][process]") {
  Workplace place;
  place.run.optim.lr = 1e30;
  place.run.schedule.warmup = 0;
  const std::string run = place.make_run("run");
  CHECK(place.train(run) == 1);
  const auto found = records<DiagnosisRecord>(run);
  REQUIRE(found.size() == 1);
  CHECK(records<EndRecord>(run).back().cause == "nan");
  CHECK(found[0].step == records<EndRecord>(run).back().step);
  CHECK(found[0].documents.at(0).source == place.path("train.jsonl"));
}

TEST_CASE("a run refused before it begins says so from where it stood", "[train][process]") {
  Workplace place;
  const std::string run = place.make_run("run");
  {
    Process process = place.start(run);
    while (!process.ended() && (!exists(run + "/journal.jsonl") || records<CheckpointRecord>(run).empty()))
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    process.signal(SIGTERM);
    REQUIRE(process.wait() == 75);
  }
  const int64_t stood = records<CheckpointRecord>(run).back().step;
  place.run.runtime.threads = 2;
  write_file_atomic(run + "/run.toml", to_toml(place.run));
  CHECK(place.train(run) == 2);
  const AttemptRecord refused = records<AttemptRecord>(run).back();
  CHECK(refused.from_step == stood);
  CHECK(refused.threads == 2);
  CHECK(summarize(journal_of(run)).last_step == stood);
  CHECK(records<EndRecord>(run).back().cause == "config");
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
