// aunet bundle and aunet repeat: a cell as one file, and the same cell again from the run or from the file.
#include "core/archive.h"
#include "core/file.h"
#include "fixture.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <set>

using namespace aunet;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

/// The small sweep, run to its end, and one of its BPE cells.
struct Trained {
  SweepFixture sweep;
  std::string key;

  Trained() {
    sweep.without_tuning();
    REQUIRE(sweep.start_sweep("step_ms=0")->wait().code == 0);
    for (const std::string& candidate : sweep.planned_keys())
      if (exists(sweep.runs().run(candidate).tokenizer())) key = candidate;
    REQUIRE_FALSE(key.empty());
  }
  Finished aunet(std::vector<std::string> words, const std::string& fake = "step_ms=0") const {
    words.insert(words.end(), {"--runs", sweep.runs().path});
    return sweep.aunet(words, fake);
  }
  std::string bundle(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"bundle", key, "-o", sweep.path("cell.bundle")};
    words.insert(words.end(), more.begin(), more.end());
    const Finished made = aunet(words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    return sweep.path("cell.bundle");
  }
  /// From the bundle alone: another folder of runs, no corpus where it was.
  Finished elsewhere(std::vector<std::string> words, const std::string& fake = "step_ms=0") const {
    words.insert(words.end(), {"--runs", sweep.path("elsewhere")});
    return sweep.aunet(words, fake);
  }
};

std::set<std::string> names_in(const std::string& bundle) {
  std::set<std::string> names;
  ArchiveReader archive(bundle);
  while (archive.next()) names.insert(archive.name());
  return names;
}

}  // namespace

TEST_CASE("a run is repeated from its directory, bit by bit", "[cli]") {
  const Trained trained;
  const Finished repeated = trained.aunet({"repeat", trained.key.substr(0, 8), "--verify"});
  INFO(repeated.out << repeated.err);
  CHECK(repeated.code == 0);
  CHECK_THAT(repeated.out, Contains("bit by bit") && Contains("steps: equal") &&
                               Contains("final weights: equal") && Contains("repeats the run"));
  CHECK(exists(trained.sweep.path("runs/repeats/" + trained.key + "-1/repeat.json")));
  // The next one is fresh again, and neither is a run of the sweep.
  CHECK(trained.aunet({"repeat", trained.key}).code == 0);
  CHECK(exists(trained.sweep.path("runs/repeats/" + trained.key + "-2/journal.jsonl")));
  CHECK_THAT(trained.aunet({"status"}).out, !Contains("repeats"));
}

TEST_CASE("a difference names its first step and exits 1", "[cli]") {
  const Trained trained;
  const Finished repeated =
      trained.aunet({"repeat", trained.key, "--verify"}, "step_ms=0 drift=1e-9 drift_step=3");
  CHECK(repeated.code == 1);
  CHECK_THAT(repeated.out, Contains("different: first differs at step 3: expected ") &&
                               Contains("does not repeat the run"));
}

TEST_CASE("other hardware is compared within the tolerance", "[cli]") {
  const Trained trained;
  const std::string bundle = trained.bundle();
  const Finished close =
      trained.elsewhere({"repeat", bundle, "--verify", "--json"}, "step_ms=0 isa=AVX2 drift=1e-7");
  REQUIRE(close.code == 0);
  const auto report = nlohmann::json::parse(close.out);
  CHECK(report.at("equal") == true);
  CHECK(report.at("bitwise") == false);
  CHECK(report.at("class_difference") == "instruction set FAKE512 -> AVX2");
  CHECK(report.at("verdicts").at(0).at("verdict") == "within tolerance");
  CHECK(trained.elsewhere({"repeat", bundle, "--verify"}, "step_ms=0 isa=AVX2 drift=1e-2").code == 1);
  const Finished threads = trained.elsewhere({"repeat", bundle, "--verify", "--threads", "2"});
  CHECK(threads.code == 0);
  CHECK_THAT(threads.out, Contains("threads 1 -> 2; so within the tolerance"));
}

TEST_CASE("a bundle holds all that the cell needs but its text, and equal runs give equal bundles", "[cli]") {
  const Trained trained;
  const std::string bundle = trained.bundle();
  CHECK(names_in(bundle) ==
        std::set<std::string>{"bundle.json", "run.toml", "tokenizer.tiktoken", "bundle.hash"});
  const std::string first = read_file(bundle);
  CHECK(read_file(trained.bundle()) == first);
  CHECK(names_in(trained.bundle({"--with-data"})).count("data/train-0/corpus.jsonl") == 1);
}

TEST_CASE("a bundle is repeated where nothing else is left", "[cli]") {
  const Trained trained;
  const bool with_data = GENERATE(false, true);
  const std::string bundle = with_data ? trained.bundle({"--with-data"}) : trained.bundle();
  make_directories(trained.sweep.path("moved/deep"));
  fs::rename(trained.sweep.path("corpus.jsonl"), trained.sweep.path("moved/deep/other_name.jsonl"));
  fs::rename(trained.sweep.path("heldout.jsonl"), trained.sweep.path("moved/heldout.jsonl"));
  write_file_atomic(trained.sweep.path("moved/corpus.jsonl"), "{\"text\": \"not that one\"}\n");
  remove_tree(trained.sweep.runs().path);
  std::vector<std::string> words = {"repeat", bundle, "--verify"};
  if (!with_data) words.insert(words.end(), {"--data-dir", trained.sweep.path("moved")});
  const Finished repeated = trained.elsewhere(words);
  INFO(repeated.out << repeated.err);
  CHECK(repeated.code == 0);
  CHECK_THAT(repeated.out, Contains("final weights: equal"));
}

TEST_CASE("an interrupted repeat goes on where it was", "[cli]") {
  const Trained trained;
  const std::string bundle = trained.bundle();
  const std::string folder = trained.sweep.path("elsewhere/repeats/" + trained.key + "-1");
  make_directories(folder);
  write_file_atomic(folder + "/leftover", "");  // begun and killed before its run.toml
  CHECK(trained.elsewhere({"repeat", bundle, "--verify"}).code == 0);
  CHECK(exists(folder + "/journal.jsonl"));
}

TEST_CASE("missing and changed data and damaged bundles are one line each", "[cli]") {
  const Trained trained;
  const std::string bundle = trained.bundle(), corpus = trained.sweep.path("corpus.jsonl");
  const auto message = [&](const std::vector<std::string>& words) {
    const Finished failed = trained.elsewhere(words);
    CHECK(failed.code == 2);
    CHECK(std::count(failed.err.begin(), failed.err.end(), '\n') == 1);
    return failed.err;
  };
  SECTION("missing") {
    fs::rename(corpus, corpus + ".away");
    CHECK_THAT(
        message({"repeat", bundle}),
        Contains("corpus.jsonl: missing data: expected the text with fingerprint") && Contains("--data-dir"));
    make_directories(trained.sweep.path("empty"));
    CHECK_THAT(message({"repeat", bundle, "--data-dir", trained.sweep.path("empty")}),
               Contains("nor is it under"));
    CHECK(trained.aunet({"bundle", trained.key, "-o", trained.sweep.path("b")}).code == 2);
  }
  SECTION("changed") {
    write_file_atomic(corpus, read_file(corpus) + "{\"text\": \"one more\"}\n");
    CHECK_THAT(message({"repeat", bundle}), Contains("changed data: expected the text with fingerprint"));
    const Finished run = trained.aunet({"repeat", trained.key});
    CHECK(run.code == 2);
    CHECK_THAT(run.err, Contains("data.train: changed data"));
    const Finished made = trained.aunet({"bundle", trained.key, "-o", trained.sweep.path("b")});
    CHECK(made.code == 2);
    CHECK_THAT(made.err, Contains("changed data"));
    CHECK_FALSE(exists(trained.sweep.path("b")));
  }
  SECTION("damaged") {
    const std::string bytes = read_file(bundle);
    for (const size_t at : {size_t{100}, bytes.size() / 4, bytes.size() / 2, 3 * bytes.size() / 4}) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ 1);
      if (flipped == bytes) continue;
      write_file_atomic(trained.sweep.path("flipped"), flipped);
      const Finished failed = trained.elsewhere({"repeat", trained.sweep.path("flipped")});
      INFO("byte " << at << ": " << failed.err);
      CHECK(failed.code != 1);
      CHECK(failed.code != 70);
    }
    for (const size_t length : {size_t{0}, size_t{700}, bytes.size() / 2, bytes.size() - 3000}) {
      write_file_atomic(trained.sweep.path("cut"), bytes.substr(0, length));
      message({"repeat", trained.sweep.path("cut")});
    }
    write_file_atomic(trained.sweep.path("text"), "not a bundle\n");
    CHECK_THAT(message({"repeat", trained.sweep.path("text")}), Contains("damaged bundle"));
  }
  SECTION("not done, not there") {
    CHECK(trained.aunet({"repeat", "0000"}).code == 2);
    const std::string journal = trained.sweep.runs().run(trained.key).journal();
    const std::string text = read_file(journal);
    write_file_atomic(journal, text.substr(0, text.rfind("{\"type\":\"end\"")));
    const Finished made = trained.aunet({"bundle", trained.key, "-o", trained.sweep.path("b")});
    CHECK(made.code == 2);
    CHECK_THAT(made.err, Contains("expected a run that is done"));
  }
}
