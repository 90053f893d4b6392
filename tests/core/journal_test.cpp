#include "core/journal.h"

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"
#include "tests/core/temporary_folder.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <limits>

namespace aunet {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Any finite double, of any size.
double any_double(RandomStream& stream) {
  for (;;) {
    const auto value = std::bit_cast<double>(stream.next_u64());
    if (std::isfinite(value)) return value;
  }
}

StepRecord random_step(RandomStream& stream, int64_t attempt, int64_t step) {
  StepRecord r;
  r.attempt = attempt;
  r.step = step;
  r.text_bytes = static_cast<int64_t>(stream.below(1ull << 62));
  r.units = static_cast<int64_t>(stream.below(1ull << 62));
  r.flops_useful = any_double(stream);
  r.flops_paper = any_double(stream);
  r.flops_executed = any_double(stream);
  r.loss_nats = any_double(stream);
  r.loss_bpb = any_double(stream);
  r.lr = any_double(stream);
  r.grad_norm = any_double(stream);
  r.seconds = any_double(stream);
  if (stream.below(2) == 0) r.cut_rows = 1 + static_cast<int64_t>(stream.below(1000));
  return r;
}

std::vector<JournalRecord> one_of_each() {
  AttemptRecord attempt{.attempt = 1,
                        .started = "2025-01-02T03:04:05Z",
                        .host = "h\xff\"",
                        .device = "cpu: x1",
                        .pid = 42,
                        .commit = "abc",
                        .command = "aunet train \"a b\"\n"};
  RandomStream stream(0, "journal");
  return {attempt,
          random_step(stream, 1, 1),
          CheckpointRecord{1, 1, "checkpoints/step-00000001"},
          EvalRecord{.attempt = 1,
                     .step = 1,
                     .split = "heldout",
                     .nats = 1.5,
                     .text_bytes = 10,
                     .units = 11,
                     .documents = 2,
                     .loss_nats = 0.1,
                     .loss_bpb = 0.2,
                     .eval_key = "e",
                     .seconds = 0.5},
          GateRecord{
              .attempt = 1, .step = 1, .gate = "causal", .verdict = "leak", .leak_rate = 0.25, .detail = "d"},
          GateRecord{.attempt = 1,
                     .step = 1,
                     .gate = "causal",
                     .verdict = "leak",
                     .leak_rate = 0.25,
                     .detail = "d",
                     .perturbations = 1500,
                     .positions = 8192,
                     .leaky_bytes = 20,
                     .clean_bytes = 8000,
                     .bpb_leaky = 1.25,
                     .bpb_clean = kNaN,
                     .seconds = 0.5},
          DiagnosisRecord{.attempt = 1,
                          .step = 1,
                          .rates = {0.1, 0.2},
                          .norms = {{"trunk", 1.5, kNaN, 7}, {"head", 2, 3, 0}},
                          .documents = {{"a \"b\".jsonl", 3, "first\nline"}},
                          .n_documents = 12},
          EndRecord{.attempt = 1, .step = 1, .status = "done", .cause = "", .message = "ünïcode"}};
}

void write_raw(const std::string& path, const std::string& bytes) {
  remove_tree(
      path);  // ext4 flushes a file that is truncated and written again: seconds over thousands of cases
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string lines_of(const std::vector<JournalRecord>& records) {
  std::string text;
  for (const JournalRecord& record : records) text += to_json_line(record) + "\n";
  return text;
}

}  // namespace

TEST_CASE("doubles come back bit for bit", "[core]") {
  RandomStream stream(1, "doubles");
  for (int i = 0; i < 20000; ++i) {
    const StepRecord wrote = random_step(stream, 1, i);
    const auto read = std::get<StepRecord>(parse_journal_line(to_json_line(wrote)).value());
    REQUIRE(std::bit_cast<uint64_t>(read.loss_nats) == std::bit_cast<uint64_t>(wrote.loss_nats));
    REQUIRE(std::bit_cast<uint64_t>(read.flops_useful) == std::bit_cast<uint64_t>(wrote.flops_useful));
    REQUIRE(read.text_bytes == wrote.text_bytes);
  }
}

TEST_CASE("losses that are not finite are null in the file and NaN when read", "[core]") {
  StepRecord step;
  step.loss_nats = kNaN;
  step.loss_bpb = std::numeric_limits<double>::infinity();
  const std::string line = to_json_line(step);
  const auto json = nlohmann::json::parse(line);
  CHECK(json["type"] == "step");
  CHECK(json["loss_nats"].is_null());
  CHECK(json["loss_bpb"].is_null());
  const auto read = std::get<StepRecord>(parse_journal_line(line).value());
  CHECK(std::isnan(read.loss_nats));
  CHECK(std::isnan(read.loss_bpb));
  CHECK(read.lr == 0);
}

TEST_CASE("every record is one line of valid JSON and comes back the same", "[core]") {
  for (const JournalRecord& record : one_of_each()) {
    const std::string line = to_json_line(record);
    CHECK(line.find('\n') == std::string::npos);
    const auto back = parse_journal_line(line);
    REQUIRE(back.has_value());
    CHECK(to_json_line(*back) == line);
  }
}

TEST_CASE("a line of another type, shape or field type is no record", "[core]") {
  for (
      const char* line :
      {"", "{", "null", "[]", "{}", R"({"type":1})", R"({"type":"steps"})", R"({"type":"step"})",
       R"({"type":"checkpoint","attempt":1,"step":2.5,"path":"p"})",
       R"({"type":"checkpoint","attempt":1,"step":2,"path":7})",
       R"({"type":"checkpoint","attempt":1,"step":2})",
       R"({"type":"diagnosis","attempt":1,"step":2,"rates":[1],"norms":[3],"documents":[],"n_documents":0})",
       R"({"type":"diagnosis","attempt":1,"step":2,"rates":["1"],"norms":[],"documents":[],"n_documents":0})"}) {
    CHECK(!parse_journal_line(line).has_value());
  }
  CHECK(parse_journal_line(R"({"type":"checkpoint","attempt":1,"step":2,"path":"p","later":true})")
            .has_value());
}

TEST_CASE("a journal cut at any byte gives the records of its complete lines", "[core]") {
  const TemporaryFolder folder;
  const std::string text = lines_of(one_of_each());
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    write_raw(folder / "j", text.substr(0, cut));
    const auto complete =
        static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<long>(cut), '\n'));
    const auto records = read_journal(folder / "j");
    REQUIRE(records.size() == complete);
    REQUIRE(text.starts_with(lines_of(records)));
    // A writer that goes on after the kill leaves a whole journal.
    AppendFile(folder / "j").append_line(to_json_line(CheckpointRecord{2, 7, "p"}));
    REQUIRE(read_journal(folder / "j").size() == complete + 1);
  }
}

TEST_CASE("a broken line in the middle names its place", "[core]") {
  const TemporaryFolder folder;
  const std::string good = to_json_line(CheckpointRecord{1, 2, "p"}) + "\n";
  write_raw(folder / "j", good + "{broken\n" + good);
  CHECK_THROWS_WITH(read_journal(folder / "j"),
                    folder / "j:2: journal: expected a JSON record of a known type, got a broken line");
  write_raw(folder / "j", good + "{broken\n");
  CHECK(read_journal(folder / "j").size() == 1);
  CHECK_THROWS_AS(read_journal(folder / "absent"), Error);
}

TEST_CASE("random and mutated bytes never crash the reader", "[core]") {
  const TemporaryFolder folder;
  const std::string valid = lines_of(one_of_each());
  RandomStream stream(2, "fuzz");
  int refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = i % 2 ? valid : std::string(stream.below(300), '\0');
    const uint64_t n_changes = i % 2 ? 1 + stream.below(8) : text.size();
    for (uint64_t k = 0; k < n_changes; ++k) {
      text[i % 2 ? stream.below(text.size()) : k] = static_cast<char>(stream.below(256));
    }
    write_raw(folder / "j", text);
    try {
      read_journal(folder / "j");
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 100);
  CHECK(!parse_journal_line(std::string(100000, '[')).has_value());
}

TEST_CASE("a summary follows attempts, repeats and ends", "[core]") {
  const auto step = [](int64_t attempt, int64_t n) {
    StepRecord r;
    r.attempt = attempt;
    r.step = n;
    r.text_bytes = 100 * n;
    return r;
  };
  std::vector<JournalRecord> records;
  CHECK(summarize(records).status == "new");
  records = {AttemptRecord{.attempt = 1}, step(1, 1), step(1, 2), CheckpointRecord{1, 2, "c2"}, step(1, 3)};
  CHECK(summarize(records).status == "running");
  CHECK(summarize(records).last_step == 3);

  records.push_back(AttemptRecord{.attempt = 2, .from_step = 2});
  JournalSummary resumed = summarize(records);
  CHECK(resumed.attempts == 2);
  CHECK(resumed.last_step == 2);
  REQUIRE(resumed.last.has_value());
  CHECK(resumed.last->text_bytes == 200);
  CHECK(resumed.steps_executed == 3);

  records.insert(records.end(),
                 {step(2, 3), step(2, 4), EvalRecord{.step = 4, .split = "heldout", .loss_bpb = 2.5},
                  GateRecord{.step = 4, .verdict = "pass"}, CheckpointRecord{2, 4, "c4"},
                  EndRecord{.attempt = 2, .step = 4, .status = "done"}});
  const JournalSummary done = summarize(records);
  CHECK(done.status == "done");
  CHECK(done.last_step == 4);
  CHECK(done.steps_executed == 5);
  CHECK(done.final_eval->loss_bpb == 2.5);
  CHECK(done.final_gate->verdict == "pass");
  CHECK(done.latest_checkpoint == "c4");

  records.push_back(AttemptRecord{.attempt = 3, .from_step = 0});
  CHECK(summarize(records).status == "running");
  CHECK(!summarize(records).last.has_value());
  records.push_back(EndRecord{.attempt = 3, .status = "failed", .cause = "nan", .message = "m"});
  CHECK(summarize(records).cause == "nan");
}

TEST_CASE("an attempt names the run it branched from; older journals have no such field", "[core]") {
  AttemptRecord record{.attempt = 1, .from_step = 80, .from_run = "0123456789abcdef"};
  const std::string line = to_json_line(record);
  CHECK(std::get<AttemptRecord>(*parse_journal_line(line)).from_run == record.from_run);
  record.from_run.clear();
  const std::string old = to_json_line(record);
  CHECK(old.find("from_run") == std::string::npos);
  CHECK(std::get<AttemptRecord>(*parse_journal_line(old)).from_run.empty());
}

TEST_CASE("a gate's measurements are absent where they were not made, as in older journals", "[core]") {
  const std::string old =
      R"({"type":"gate","attempt":1,"step":0,"gate":"causal","verdict":"pass","leak_rate":0.0,"detail":""})";
  const auto record = std::get<GateRecord>(parse_journal_line(old).value());
  CHECK_FALSE(
      (record.perturbations || record.positions || record.leaky_bytes || record.bpb_leaky || record.seconds));
  CHECK(to_json_line(record) == old);
  CHECK(!parse_journal_line(old.substr(0, old.size() - 1) + R"(,"positions":"many"})"));
}

}  // namespace aunet
