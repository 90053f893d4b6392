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
