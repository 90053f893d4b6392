// aunet train and aunet resume: one run from an experiment file.
#include "core/file.h"
#include "fixture.h"
#include "sweep/run_state.h"

#include <catch2/catch.hpp>

#include <signal.h>
#include <unistd.h>

using namespace aunet;
using Catch::Contains;

namespace {

constexpr char kExperiment[] = R"(
name = "one"
family = "bpe"
[model]
kind = "llama"
tokenizer = { train = true, vocab = 280 }
dim = 16
n_layers = 1
head_dim = 8
multiple_of = 8
[data]
train = ["corpus.jsonl"]
heldout = ["heldout.jsonl"]
context_bytes = 64
[optim]
lr = 0.02
[horizon]
flops = 1e8
batch_bytes = 128
)";

std::vector<std::string> train_words(const SweepFixture& fixture) {
  write_file_atomic(fixture.path("one.toml"), kExperiment);
  return {"train", fixture.path("one.toml"), "--runs", fixture.runs().path};
}

}  // namespace

TEST_CASE("train makes the run's directory and runs it; doing it again changes nothing", "[cli]") {
  const SweepFixture fixture;
  const Finished finished = fixture.aunet(train_words(fixture));
  INFO(finished.err);
  REQUIRE(finished.code == 0);
  const auto journals = fixture.journals();
  REQUIRE(journals.size() == 1);
  const RunDir run = fixture.runs().run(journals.begin()->first);
  CHECK(read_run_state(run).status == "done");
  CHECK(exists(run.tokenizer()));
  CHECK(fixture.aunet(train_words(fixture)).code == 0);
  CHECK(fixture.journals().begin()->second.size() == journals.begin()->second.size());
  const Finished resumed = fixture.aunet({"resume", run.path});
  CHECK(resumed.code == 0);
  CHECK_THAT(resumed.out, Contains("done already"));
}

TEST_CASE("a run that crashed goes on with resume", "[cli]") {
  const SweepFixture fixture;
  CHECK(fixture.aunet(train_words(fixture), "crash_once=bpe").code == -SIGKILL);
  const std::string key = fixture.journals().begin()->first;
  CHECK(read_run_state(fixture.runs().run(key)).status == "interrupted");
  CHECK(fixture.aunet({"resume", key.substr(0, 6), "--runs", fixture.runs().path}).code == 0);
  CHECK(read_run_state(fixture.runs().run(key)).status == "done");
}

TEST_CASE("--run-dir puts the run where it is wanted, and refuses a folder of another run", "[cli]") {
  const SweepFixture fixture;
  std::vector<std::string> words = train_words(fixture);
  words.insert(words.end(), {"--run-dir", fixture.path("mine")});
  REQUIRE(fixture.aunet(words).code == 0);
  CHECK(read_run_state({fixture.path("mine")}).status == "done");
  words.insert(words.end(), {"--set", "optim.lr=0.01"});
  const Finished refused = fixture.aunet(words);
  CHECK(refused.code == 1);
  CHECK_THAT(refused.err, Contains("mine/run.toml: expected the run that is planned here, got another one"));
}

TEST_CASE("a resolved run.toml is an experiment: the same key", "[cli]") {
  const SweepFixture fixture;
  REQUIRE(fixture.aunet(train_words(fixture)).code == 0);
  const std::string key = fixture.journals().begin()->first;
  const Finished finished =
      fixture.aunet({"train", fixture.runs().run(key).run_toml(), "--runs", fixture.path("elsewhere")});
  INFO(finished.err);
  CHECK(finished.code == 0);
  CHECK(exists(fixture.path("elsewhere/" + key + "/journal.jsonl")));
}
