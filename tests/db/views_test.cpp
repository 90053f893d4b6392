#include "budget/params.h"
#include "db/queries.h"
#include "synthetic.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace aunet;
using namespace aunet::testing;

namespace {

/// A database of one run and what its journal says.
Db database_of(const RunConfig& run, const std::vector<JournalRecord>& records,
               const std::string& role = "grid") {
  TempDir runs;
  append(make_run(runs.path(), run), records);
  write_plan_file(runs.path(), "demo", {cell_json(run, role, 2e10, 1)});
  Db db = Db::in_memory();
  REQUIRE(ingest(db, {runs.path()}).problems.empty());
  return db;
}

std::string exclusion_of(const RunConfig& run, const std::vector<JournalRecord>& records,
                         const std::string& role = "grid") {
  Db db = database_of(run, records, role);
  return fit_input(db, "demo").at(0).exclusion;
}

}  // namespace

TEST_CASE("v_final begins with the columns of the contract, in its order", "[db]") {
  Db db = Db::in_memory();
  const std::vector<std::string> contract = {
      "key",         "sweep",        "family",         "params", "params_non_embedding",
      "flops_paper", "flops_useful", "flops_executed", "bytes",  "tokens",
      "epochs",      "lr",           "batch_bytes",    "seed",   "loss_nats",
      "loss_bpb",    "attempts",     "steps_executed", "status", "gate_causal"};
  std::vector<std::string> columns = query(db, "SELECT * FROM v_final").columns;
  columns.resize(contract.size());
  CHECK(columns == contract);
}

TEST_CASE("a finished byte run has its last step's spending and its held-out loss, and no tokens", "[db]") {
  const RunConfig run = aunet_run(3, 0.02);
  Db db = database_of(run, finished(run, 2.5));
  const FinalRow row = final_rows(db).at(0);
  CHECK(row.key == train_key(run));
  CHECK(row.sweep == "demo");
  CHECK(row.family == "aunet2");
  CHECK(row.kind == "aunet");
  CHECK(row.dims == "32,64");
  CHECK(row.layers == "1,3");
  CHECK(row.split_mode == "causal");
  CHECK(row.params == count_params(run.model).total);
  CHECK(row.params_non_embedding == count_params(run.model).non_embedding);
  CHECK(row.flops_paper == 1e10);
  CHECK(row.flops_useful == 2e10);
  CHECK(row.flops_executed == 3e10);
  CHECK(row.bytes == 20000);
  CHECK_FALSE(row.tokens);
  CHECK(row.epochs == 0.5);
  CHECK(row.lr == 0.02);
  CHECK(row.lr_source == "given");
  CHECK(row.batch_bytes == 2000);
  CHECK(row.batch_windows == 4);
  CHECK(row.seed == 3);
  CHECK(row.loss_bpb == 2.5);
  CHECK(*row.loss_nats == Approx(2.5 * 0.69314718055994530942 * 10000 / 10040).epsilon(1e-15));
  CHECK(row.heldout_bytes == 10000);
  CHECK(row.heldout_documents == 7);
  CHECK(row.attempts == 1);
  CHECK(row.steps_executed == 10);
  CHECK(row.steps_planned == 10);
  CHECK(row.status == "done");
  CHECK(row.gate_causal == true);
  CHECK(row.gate_verdict == "pass");
  CHECK(row.device == "cpu: test x1");
  CHECK(row.commit == "abc123");
  CHECK(row.budget_flops == 2e10);
  CHECK(row.size_index == 1);
}

TEST_CASE("a finished BPE run counts tokens", "[db]") {
  const RunConfig run = bpe_run();
  Db db = database_of(run, finished(run, 2.5));
  const FinalRow row = final_rows(db).at(0);
  CHECK(row.kind == "llama");
  CHECK(row.tokens == 20080);
  CHECK(row.bytes == 20000);
  CHECK(row.tokenizer_fingerprint == "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb");
}

TEST_CASE("a failed run is a row with its cause and without results", "[db]") {
  const RunConfig run = aunet_run();
  Db db = database_of(run, {attempt(1), step(1, 1), step(1, 2), end(1, 2, "failed", "nan")});
  const FinalRow row = final_rows(db).at(0);
  CHECK(row.status == "failed");
  CHECK(row.cause == "nan");
  CHECK(row.message == "because of nan");
  CHECK(row.steps_executed == 2);
  for (const auto& value :
       {row.flops_paper, row.flops_useful, row.flops_executed, row.bytes, row.loss_nats, row.loss_bpb}) {
    CHECK_FALSE(value);
  }
  CHECK(row.params == count_params(run.model).total);
  CHECK(scalar(db, "SELECT spent_flops_useful FROM v_final") == "4000000000");
}

TEST_CASE("a cell without a run is a row whose status is NULL", "[db]") {
  TempDir runs;
  write_plan_file(runs.path(), "demo", {cell_json(aunet_run(), "grid", 2e10, 0)});
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  CHECK(
      scalar(db,
             "SELECT status IS NULL AND attempts IS NULL AND loss_bpb IS NULL AND params > 0 FROM v_final") ==
      "1");
  CHECK(fit_input(db, "demo").at(0).exclusion == "not started");
}

TEST_CASE("an attempt that resumed at the last step leaves the spending of that step", "[db]") {
  const RunConfig run = aunet_run();
  std::vector<JournalRecord> story = {attempt(1)};
  for (JournalRecord& record : steps(1, 1, 10)) story.push_back(std::move(record));
  story.insert(story.end(), {attempt(2, 10), heldout(run, 2, 10, 2.5), end(2, 10, "done")});
  Db db = database_of(run, story);
  const FinalRow row = final_rows(db).at(0);
  CHECK(row.flops_useful == 2e10);
  CHECK(row.loss_bpb == 2.5);
  CHECK_FALSE(row.gate_causal);
  CHECK(row.gate_verdict == "");
}

TEST_CASE("the held-out loss is the run's own evaluation at its last step, not an earlier or another one",
          "[db]") {
  const RunConfig run = aunet_run();
  std::vector<JournalRecord> story = finished(run, 2.5);
  story.push_back(heldout(run, 1, 5, 9.0));     // an earlier step
  EvalRecord other = heldout(run, 1, 10, 1.0);  // other held-out data
  other.eval_key = "ffffffffffffffff";
  story.push_back(other);
  Db db = database_of(run, story);
  CHECK(final_rows(db).at(0).loss_bpb == 2.5);
}

TEST_CASE("the worst verdict over the steps is the gate's, and a gate that passes a repeated step counts",
          "[db]") {
  const RunConfig run = aunet_run();
  std::vector<JournalRecord> story = finished(run, 2.5);
  story.push_back(gate(1, 10, "leak"));
  Db db = database_of(run, story);
  const FinalRow row = final_rows(db).at(0);
  CHECK(row.gate_causal == false);
  CHECK(row.gate_verdict == "leak");
  CHECK(row.leak_rate == 0.25);
  CHECK(fit_input(db, "demo").at(0).exclusion == "causality gate: leak");
  CHECK(fit_input(db, "demo", true).at(0).exclusion == "");
  story.push_back(gate(2, 10, "pass"));
  Db mended = database_of(run, story);
  CHECK(final_rows(mended).at(0).gate_causal == true);
}

TEST_CASE("what a leak buys is that of the newest gate, and missing where it was not measured", "[db]") {
  const RunConfig run = aunet_run();
  std::vector<JournalRecord> story = finished(run, 2.5);
  Db before = database_of(run, story);
  CHECK_FALSE(final_rows(before).at(0).bpb_leaky);
  CHECK(scalar(before, "SELECT count(*) FROM gate WHERE positions IS NULL AND seconds IS NULL") == "2");

  GateRecord early = gate(1, 0, "leak"), late = gate(1, 10, "leak");
  early.bpb_leaky = 8.5;
  late.perturbations = 1500;
  late.positions = 8192;
  late.leaky_bytes = 20;
  late.clean_bytes = 8000;
  late.bpb_leaky = 1.25;
  late.bpb_clean = 2.5;
  late.seconds = 0.5;
  story.insert(story.end(), {early, late});
  Db db = database_of(run, story);
  const FinalRow row = final_rows(db).at(0);
  CHECK(row.bpb_leaky == 1.25);
  CHECK(row.bpb_clean == 2.5);
  CHECK(row.leak_rate == 0.25);
  const SqlTable stored =
      query(db,
            "SELECT g.perturbations, g.positions, g.leaky_bytes, g.clean_bytes, g.seconds, "
            "v.step, v.positions FROM gate g JOIN v_gate v USING (key, gate) WHERE g.step = 10");
  REQUIRE(stored.rows.size() == 1);
  std::string values;
  for (const SqlValue& value : stored.rows[0]) values += to_text(value) + " ";
  CHECK(values == "1500 8192 20 8000 0.5 10 8192 ");
}

TEST_CASE("v_fit_input gives each row that is no fit's input its reason", "[db]") {
  const RunConfig run = aunet_run();
  CHECK(exclusion_of(run, finished(run, 2.5)) == "");
  CHECK(exclusion_of(run, finished(run, 2.5), "tune") == "tuning trial");
  CHECK(exclusion_of(run, finished(run, 2.5), "replicate") == "");
  CHECK(exclusion_of(run, {attempt(1), step(1, 1)}) == "not finished: running");
  CHECK(exclusion_of(run, {attempt(1), step(1, 1), end(1, 1, "interrupted", "signal")}) ==
        "not finished: stopped");
  CHECK(exclusion_of(run, {attempt(1), end(1, 0, "failed", "oom")}) == "failed: oom");
  CHECK(exclusion_of(run, {attempt(1), step(1, 10), end(1, 10, "done")}) == "no held-out loss");
}

TEST_CASE("a repeated run is kept apart until it is asked for, also when it leaks", "[db]") {
  const RunConfig run = aunet_run();
  TempDir runs;
  append(make_run(runs.path(), run), finished(run, 2.5));
  auto cell = nlohmann::json::parse(cell_json(run, "grid", 2e10, 1));
  cell["epochs"] = 6.24;
  cell["unique_bytes"] = 12000;
  const auto database = [&] {
    write_plan_file(runs.path(), "demo", {cell.dump()});
    Db db = Db::in_memory();
    ingest(db, {runs.path()});
    return db;
  };
  for (const bool stated : {false, true}) {  // a plan of an earlier release does not say it
    if (stated) cell["repeated"] = true;
    Db db = database();
    CHECK(fit_input(db, "demo").at(0).exclusion == "repeated: 6.2 epochs");
    CHECK(fit_input(db, "demo", true).at(0).exclusion == "repeated: 6.2 epochs");
    CHECK(fit_input(db, "demo", false, true).at(0).exclusion == "");
    CHECK(final_rows(db).at(0).repeated == true);
    CHECK(final_rows(db).at(0).unique_bytes == 12000);
  }
  append(runs.path() + "/" + train_key(run), {gate(1, 10, "leak")});
  Db db = database();
  CHECK(fit_input(db, "demo").at(0).exclusion == "causality gate: leak");
  CHECK(fit_input(db, "demo", true).at(0).exclusion == "repeated: 6.2 epochs");
  CHECK(fit_input(db, "demo", false, true).at(0).exclusion == "causality gate: leak");
  CHECK(fit_input(db, "demo", true, true).at(0).exclusion == "");
}

TEST_CASE("tuning effort counts what every trial spent, failed ones included", "[db]") {
  TempDir runs;
  const RunConfig good = aunet_run(0, 0.03), bad = aunet_run(0, 0.06), grid = aunet_run(1, 0.03);
  append(make_run(runs.path(), good), finished(good, 2.5));
  append(make_run(runs.path(), bad), {attempt(1), step(1, 1), step(1, 2), end(1, 2, "failed", "diverged")});
  append(make_run(runs.path(), grid), finished(grid, 2.4));
  write_plan_file(
      runs.path(), "demo",
      {cell_json(good, "tune", 2e10, 0), cell_json(bad, "tune", 2e10, 0), cell_json(grid, "grid", 2e10, 0)});
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  const auto effort = tuning_effort(db, "demo");
  REQUIRE(effort.size() == 1);
  CHECK(effort[0].trials == 2);
  CHECK(effort[0].done == 1);
  CHECK(effort[0].flops_useful == 2e10 + 4e9);
  CHECK(effort[0].best_bpb == 2.5);
  const auto trials = tuning_trials(db, "demo");
  REQUIRE(trials.size() == 2);
  const TuningTrial& failed = trials[0].status == "failed" ? trials[0] : trials[1];
  CHECK(failed.cause == "diverged");
  CHECK(failed.flops_useful == 4e9);
  CHECK_FALSE(failed.loss_bpb);
  CHECK(failed.dims == "32,64");
  CHECK(failed.split == "word1=1@1");
  CHECK_FALSE(failed.vocab);
  CHECK(failed.weight_decay == bad.optim.weight_decay);
}

TEST_CASE("v_provenance has a row per attempt with where it ran and from what", "[db]") {
  const RunConfig run = aunet_run();
  Db db = database_of(run, {attempt(1), step(1, 1), attempt(2, 0), step(2, 1)});
  const SqlTable table = query(db,
                               "SELECT attempt, host, \"commit\", torch_version, train_fingerprint, "
                               "recomputed_key = key FROM v_provenance ORDER BY attempt");
  REQUIRE(table.rows.size() == 2);
  CHECK(to_text(table.rows[1][0]) == "2");
  CHECK(to_text(table.rows[1][2]) == "abc123");
  CHECK(to_text(table.rows[1][4]) == run.data.train_fingerprint);
  CHECK(to_text(table.rows[1][5]) == "1");
}

TEST_CASE("an attempt's libraries and environment are kept, a GPU only where there is one", "[db]") {
  AttemptRecord record = attempt(1);
  record.libraries = "g++ 12.2.0, glibc 2.36";
  record.environment = "OMP_NUM_THREADS=2";
  Db db = database_of(aunet_run(), {record, step(1, 1)});
  const SqlTable table =
      query(db, "SELECT libraries, environment, gpu IS NULL, driver IS NULL FROM v_provenance");
  REQUIRE(table.rows.size() == 1);
  CHECK(to_text(table.rows[0][0]) == "g++ 12.2.0, glibc 2.36");
  CHECK(to_text(table.rows[0][1]) == "OMP_NUM_THREADS=2");
  CHECK(to_text(table.rows[0][2]) == "1");
  CHECK(to_text(table.rows[0][3]) == "1");
}
