#include "analysis/sql_export.h"

#include "core/error.h"
#include "core/file.h"
#include "core/run_dir.h"
#include "core/text.h"
#include "db/queries.h"
#include "synthetic.h"

#include <catch2/catch.hpp>

using namespace aunet;
using namespace aunet::testing;

namespace {

Db small_database() {
  TempDir runs;
  const RunConfig byte = aunet_run(), bpe = bpe_run(), other = aunet_run(5);
  append(make_run(runs.path(), byte), finished(byte, 2.5));
  append(make_run(runs.path(), bpe), {attempt(1), step(1, 1), end(1, 1, "failed", "nan")});
  append(make_run(runs.path(), other), finished(other, 2.25));
  make_directories(runs / train_key(byte) + "/eval");
  write_file_atomic(runs / train_key(byte) + "/eval/heldout-00000010.jsonl",
                    "{\"document\":0,\"bytes\":100,\"units\":101,\"nats\":69.5}\n");
  write_plan_file(runs.path(), "demo", {cell_json(byte, "grid", 2e10, 0), cell_json(bpe, "grid", 2e10, 0)});
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  return db;
}

std::vector<std::string> lines_of(const std::string& csv) {
  return split_on(csv.substr(0, csv.size() - 1), '\n');
}

}  // namespace

TEST_CASE("the columns of the exports are frozen", "[db][export]") {
  const auto header = [](const char* what) { return join(export_columns(what), ","); };
  CHECK(
      header("runs") ==
      "key,sweep,family,role,kind,dims,layers,budget_flops,convention,size_index,params,params_non_embedding,"
      "flops_paper,flops_useful,flops_executed,bytes,tokens,epochs,lr,lr_source,batch_bytes,batch_windows,"
      "seed,"
      "seed_data,context_bytes,loss_nats,loss_bpb,heldout_bytes,status,cause,attempts,steps_planned,steps_"
      "executed,"
      "gate_causal,gate_verdict,train_seconds,wall_seconds,inference_flops_per_byte,device,commit,exclusion");
  CHECK(header("curves") ==
        "key,family,step,attempt,bytes,units,flops_paper,flops_useful,flops_executed,loss_nats,loss_bpb,lr,"
        "grad_norm,seconds");
  CHECK(header("fits") ==
        "name,sweep,family,form,convention,n_rows,parameters,intervals,certificate,inputs_hash,created");
  CHECK(header("multiplier") ==
        "sweep,family_a,family_b,convention,flops,loss_bpb,multiplier,low,high,verdict,reason,inputs_hash,"
        "created");
  CHECK(header("items") == "key,family,task,step,item,bytes,units,nats,bpb");
  CHECK_THROWS_WITH(export_columns("run"), "export: expected runs|curves|fits|multiplier|items, got 'run'");
}

TEST_CASE("every exported column is explained in db/README.md", "[db][export]") {
  const std::string readme = read_file(AUNET_SOURCE_DIR "/db/README.md");
  for (const char* what : {"runs", "curves", "fits", "multiplier", "items"}) {
    const std::string list = "`" + join(export_columns(what), ", ") + "`";
    INFO(what << ": " << list);
    CHECK(readme.find(list) != std::string::npos);
  }
}

TEST_CASE("an export begins with its columns and leaves the unknown empty", "[db][export]") {
  Db db = small_database();
  for (const char* what : {"runs", "curves", "fits", "multiplier", "items"}) {
    CHECK(lines_of(export_csv(db, what, "")).at(0) == join(export_columns(what), ","));
  }
  const auto rows = lines_of(export_csv(db, "runs", "demo"));
  REQUIRE(rows.size() == 3);
  CHECK(rows[1].starts_with(train_key(aunet_run()) +
                            ",demo,aunet2,grid,aunet,\"32,64\",\"1,3\",20000000000,useful,0,"));
  CHECK(rows[1].find(",2.5,10000,done,,1,10,10,1,pass,") != std::string::npos);
  CHECK(rows[2].find(",,,failed,nan,1,10,1,,,") != std::string::npos);  // no loss, no gate
  CHECK(rows[2].ends_with(",failed: nan"));
}

TEST_CASE("an export can be limited to a sweep, whatever the sweep is called", "[db][export]") {
  Db db = small_database();
  CHECK(lines_of(export_csv(db, "runs", "")).size() == 4);  // with the run that no sweep planned
  CHECK(lines_of(export_csv(db, "curves", "demo")).size() == 1 + 10 + 1);
  CHECK(lines_of(export_csv(db, "curves", "")).size() == 1 + 10 + 1 + 10);
  CHECK(lines_of(export_csv(db, "items", "demo")).size() == 2);
  CHECK(lines_of(export_csv(db, "runs", "it's; DROP TABLE run")).size() == 1);
}

TEST_CASE("a CSV number reads back as the number in the database", "[db][export]") {
  Db db = small_database();
  store_fit(db, {.name = "a, \"quoted\" name",
                 .sweep = "demo",
                 .family = "aunet2",
                 .form = "frontier",
                 .convention = "useful",
                 .parameters = "{\"E\":0.1}",
                 .inputs_hash = "h",
                 .n_rows = 3,
                 .created = "2026-01-01T00:00:00Z"});
  CHECK(lines_of(export_csv(db, "fits", "demo"))
            .at(1)
            .starts_with("\"a, \"\"quoted\"\" name\",demo,aunet2,frontier,useful,3,\"{\"\"E\"\":0.1}\","));
  const auto point = split_on(lines_of(export_csv(db, "curves", "demo")).at(3), ',');
  CHECK(std::stod(point.at(9)) ==
        curve(db, point.at(0)).at(static_cast<size_t>(std::stoi(point.at(2))) - 1).loss_nats);
}
