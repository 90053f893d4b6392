#include "core/run_dir.h"
#include "db/queries.h"
#include "synthetic.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace aunet;
using namespace aunet::testing;

TEST_CASE("a journal that grew since the ingest is stale, one with a torn line is not", "[db]") {
  TempDir runs;
  const RunConfig run = aunet_run();
  const std::string directory = make_run(runs.path(), run);
  append(directory, {attempt(1), step(1, 1)});
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  REQUIRE(known_journals(db).size() == 1);
  CHECK(known_journals(db)[0].key == train_key(run));
  CHECK(stale_journals(db).empty());
  std::ofstream(RunDir{directory}.journal(), std::ios::app) << "{\"type\":";
  CHECK(stale_journals(db).empty());
  append(directory, {step(1, 2)});  // the append cuts the torn line off
  REQUIRE(stale_journals(db).size() == 1);
  CHECK(stale_journals(db)[0].path == RunDir{directory}.journal());
}

TEST_CASE("a curve is read back bit by bit", "[db]") {
  TempDir runs;
  const RunConfig run = aunet_run();
  append(make_run(runs.path(), run), finished(run, 2.5));
  Db db = Db::in_memory();
  ingest(db, {runs.path()});
  const std::vector<CurvePoint> points = curve(db, train_key(run));
  REQUIRE(points.size() == 10);
  for (int64_t i = 1; i <= 10; ++i) {
    const StepRecord expected = step(1, i);
    const CurvePoint& point = points[static_cast<size_t>(i - 1)];
    CHECK(point.step == i);
    CHECK(point.text_bytes == static_cast<double>(expected.text_bytes));
    CHECK(point.loss_nats == expected.loss_nats);
    CHECK(point.loss_bpb == expected.loss_bpb);
    CHECK(point.flops_paper == expected.flops_paper);
    CHECK(point.flops_useful == expected.flops_useful);
    CHECK(point.flops_executed == expected.flops_executed);
    CHECK(point.grad_norm == expected.grad_norm);
    CHECK(point.seconds == expected.seconds);
  }
}
