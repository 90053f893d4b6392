// What a run came to, and when another one came to the same.
#include "sweep/run_result.h"

#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

using namespace aunet;
using Catch::Contains;

namespace {

class Folder {
 public:
  Folder() : run_{std::filesystem::temp_directory_path() / ("aunet-result-" + std::to_string(getpid()))} {
    make_directories(run_.path);
  }
  ~Folder() { remove_tree(run_.path); }
  const RunDir& run() const { return run_; }
  void write(const std::vector<JournalRecord>& records) const {
    AppendFile journal(run_.journal());
    for (const JournalRecord& record : records) journal.append_line(to_json_line(record));
  }

 private:
  RunDir run_;
};

StepRecord step(int64_t attempt, int64_t number, double loss) {
  StepRecord record;
  record.attempt = attempt;
  record.step = number;
  record.loss_nats = loss;
  return record;
}

AttemptRecord attempt(int64_t number, int64_t from_step, int64_t threads = 1) {
  AttemptRecord record;
  record.attempt = number;
  record.from_step = from_step;
  record.threads = threads;
  record.device = "cpu: Model 5";
  record.torch_version = "2.11.0";
  return record;
}

RunResult result_of(std::vector<double> losses, double heldout = 4) {
  RunResult result;
  result.numerics = {1, 2, "cpu", "AVX512", "2.11.0", "", false};
  for (const double loss : losses)
    result.curve.push_back({static_cast<int64_t>(result.curve.size()) + 1, loss});
  result.evals = {{"heldout", "e", heldout * 100, heldout, 1000}};
  result.steps = static_cast<int64_t>(losses.size());
  result.weights_hash = "w";
  return result;
}

Verdict::Word word_of(const Comparison& comparison, const std::string& quantity) {
  for (const Verdict& verdict : comparison.verdicts)
    if (verdict.quantity.find(quantity) != std::string::npos) return verdict.word;
  FAIL("no verdict on " << quantity);
  return {};
}

}  // namespace

TEST_CASE("the result of a run counts every step once, as the last attempt had it", "[sweep]") {
  const Folder folder;
  folder.write({attempt(1, 0), step(1, 1, 5), step(1, 2, 4), step(1, 3, 3.5), attempt(2, 1), step(2, 2, 4),
                EvalRecord{.attempt = 2, .step = 2, .split = "heldout", .nats = 7, .text_bytes = 3},
                EndRecord{2, 2, "done", "", ""}});
  const RunResult result = read_run_result(folder.run());
  REQUIRE(result.curve.size() == 2);
  CHECK(result.curve[1].step == 2);
  CHECK(result.curve[1].loss_nats == 4);
  CHECK(result.evals.at(0).nats == 7);
  CHECK(result.numerics.hardware == "Model 5");  // no checkpoint names the instruction set
  CHECK(result.weights_hash.empty());
  CHECK_FALSE(result.numerics.mixed);
}

TEST_CASE("the final checkpoint says the instruction set and the weights' hash", "[sweep]") {
  const Folder folder;
  folder.write({attempt(1, 0, 3), step(1, 1, 5), EndRecord{1, 1, "done", "", ""}});
  make_directories(folder.run().checkpoints() + "/step-00000001");
  write_file_atomic(
      folder.run().checkpoints() + "/step-00000001/state.json",
      R"({"files":{"model.safetensors":"abc"},"hash":"def","numerics":{"version":1,"threads":3,)"
      R"("device":"cpu","instruction_set":"AVX2","torch_version":"2.11.0"}})");
  const RunResult result = read_run_result(folder.run());
  CHECK(result.weights_hash == "abc");
  CHECK(result.checkpoint_hash == "def");
  CHECK(result.numerics.instruction_set == "AVX2");
  CHECK(result.numerics.hardware.empty());
}

TEST_CASE("a run whose attempts had other threads promises no bits", "[sweep]") {
  const Folder folder;
  folder.write(
      {attempt(1, 0, 1), step(1, 1, 5), attempt(2, 1, 2), step(2, 2, 4), EndRecord{2, 2, "done", "", ""}});
  const RunResult result = read_run_result(folder.run());
  CHECK(result.numerics.mixed);
  CHECK_FALSE(compare_results(result, result, {}).class_difference.empty());
}

TEST_CASE("a run that is not done has no result", "[sweep]") {
  const Folder folder;
  CHECK_THROWS_AS(read_run_result(folder.run()), ConfigError);
  folder.write({attempt(1, 0), step(1, 1, 5)});
  CHECK_THROWS_WITH(read_run_result(folder.run()),
                    Contains("expected a run that is done, got one that is running"));
}

TEST_CASE("a result survives JSON bit by bit", "[sweep]") {
  RunResult result =
      result_of({1.0 / 3, std::nextafter(2.0, 3.0), std::numeric_limits<double>::quiet_NaN()}, 0.1);
  const RunResult back = run_result_of(nlohmann::json::parse(to_json(result).dump()));
  const Comparison comparison = compare_results(result, back, {});
  CHECK(comparison.class_difference.empty());
  for (const Verdict& verdict : comparison.verdicts) CHECK(verdict.word == Verdict::Word::Equal);
  CHECK(back.numerics == result.numerics);
}

TEST_CASE("on the same class of hardware one unit in the last place is a difference", "[sweep]") {
  const RunResult expected = result_of({3, 2.5, 2});
  const Comparison comparison = compare_results(expected, result_of({3, std::nextafter(2.5, 3.0), 2}), {});
  CHECK_FALSE(comparison.equal());
  CHECK_THAT(comparison.verdicts.at(0).detail, Contains("first differs at step 2") && Contains("2.5 nats"));
}

TEST_CASE("on other hardware the tolerance decides, and weights are not compared", "[sweep]") {
  const RunResult expected = result_of(std::vector<double>(30, 3));
  RunResult got = result_of(std::vector<double>(30, 3 * (1 + 5e-6)), 4 * (1 + 5e-4));
  got.numerics.instruction_set = "AVX2";
  got.weights_hash = "other";
  Comparison comparison = compare_results(expected, got, {});
  CHECK(comparison.class_difference == "instruction set AVX512 -> AVX2");
  CHECK(comparison.equal());
  CHECK(word_of(comparison, "training loss") == Verdict::Word::WithinTolerance);
  CHECK(word_of(comparison, "held-out nats") == Verdict::Word::WithinTolerance);
  CHECK(word_of(comparison, "weights") == Verdict::Word::NotCompared);

  got.curve[19].loss_nats = 3 * (1 + 2e-5);  // step 20: still one of the first
  CHECK_THAT(compare_results(expected, got, {}).verdicts.at(0).detail, Contains("first differs at step 20"));
  got.curve[19].loss_nats = 3;
  got.curve[20].loss_nats = 3.03;  // one percent at step 21
  CHECK(compare_results(expected, got, {}).equal());
  got.evals[0].nats *= 1.002;
  CHECK_FALSE(compare_results(expected, got, {}).equal());
}

TEST_CASE("a missing step or evaluation is a difference, another text is not compared", "[sweep]") {
  const RunResult expected = result_of({3, 2, 1});
  RunResult got = result_of({3, 2});
  CHECK_THAT(compare_results(expected, got, {}).verdicts.at(0).detail, Contains("step 3: it is missing"));
  got = result_of({3, 2, 1});
  got.evals.clear();
  CHECK(word_of(compare_results(expected, got, {}), "held-out") == Verdict::Word::Different);
  got = result_of({3, 2, 1});
  got.evals[0].text_bytes = 7;
  CHECK(word_of(compare_results(expected, got, {}), "held-out") == Verdict::Word::NotCompared);
  got = result_of({3, 2, 1});
  got.weights_hash = "v";
  CHECK(word_of(compare_results(expected, got, {}), "weights") == Verdict::Word::Different);
}
