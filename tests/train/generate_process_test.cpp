// `aunet-torch generate` on a tiny trained run: what it prints, and what it refuses.
#include "tests/train/process_fixture.h"

using namespace aunet;
using nlohmann::json;

namespace {

/// A run of a few seconds.
struct TrainedRun : Workplace {
  std::string run_dir;
  TrainedRun() {
    run.horizon.windows = 40 * 4 - 1;
    run_dir = make_run("run");
    REQUIRE(train(run_dir) == 0);
  }
  Process generate(Args more) const {
    more.insert(more.begin(), {"generate", run_dir});
    return Process(more, path("generate"));
  }
  json as_json(Args more) const {
    more.push_back("--json");
    Process process = generate(std::move(more));
    REQUIRE(process.wait() == 0);
    return json::parse(process.out());
  }
};

}  // namespace

TEST_CASE("generate continues prompts and says how fast and who woke", "[train][process]") {
  const TrainedRun trained;
  const std::string journal = read_file(trained.run_dir + "/journal.jsonl");
  const json one = trained.as_json({"--prompt", "the cat", "--max-bytes", "25", "--temperature", "0"});
  const std::string text = one["prompts"][0]["text"];
  CHECK(one["step"] == 40);
  CHECK(one["prompt_units"] == 8);  // the begin mark too
  CHECK(one["prompts"][0]["stopped"] == "length");
  CHECK(one["prompts"][0]["bytes"] == 25);
  CHECK(one["prompts"][0]["base64"].is_null());
  CHECK(text.size() == 25);
  REQUIRE(one["woken"].size() == 2);
  CHECK(one["woken"][0] == 1);
  CHECK(one["woken"][1] < 1);
  CHECK(one["bytes_per_second"] > 0);

  SECTION("plainly: the continuation on stdout, the rest on stderr") {
    Process plain = trained.generate({"--prompt", "the cat", "--max-bytes", "25", "--temperature", "0"});
    REQUIRE(plain.wait() == 0);
    CHECK(plain.out() == text + "\n");
    CHECK_THAT(plain.err(), Catch::Contains("bytes/s") && Catch::Contains("steps woke stage 2 in"));
  }
  SECTION("up to a stop string") {
    const std::string stop = text.substr(6, 3);
    const json cut = trained.as_json({"--prompt", "the cat", "--max-bytes", "25", "--temperature", "0",
                                      "--stop", "no such text", "--stop", stop});
    CHECK(cut["prompts"][0]["text"] == text.substr(0, text.find(stop)));
    CHECK(cut["prompts"][0]["stopped"] == "stop");
  }
  SECTION("several prompts, in order, one of them empty") {
    write_file_atomic(trained.path("prompts"), "\"\"\n\"the cat\"\n\"caf\\u00e9\\n\"\n");
    const json all =
        trained.as_json({"--prompts", trained.path("prompts"), "--max-bytes", "25", "--temperature", "0"});
    REQUIRE(all["prompts"].size() == 3);
    CHECK(all["prompts"][1]["text"] == text);
    Process plain =
        trained.generate({"--prompts", trained.path("prompts"), "--max-bytes", "25", "--temperature", "0"});
    REQUIRE(plain.wait() == 0);
    std::string expected;
    for (int i = 0; i < 3; ++i)
      expected += fmt::format("--- prompt {} ---\n{}\n", i + 1, all["prompts"][i]["text"].get<std::string>());
    CHECK(plain.out() == expected);
  }
  SECTION("drawn by a seed") {
    const Args drawn = {"--prompt", "", "--max-bytes", "40", "--top-k", "30", "--seed"};
    const auto with_seed = [&](const char* seed) {
      Args args = drawn;
      args.push_back(seed);
      return trained.as_json(args)["prompts"][0];
    };
    CHECK(with_seed("1") == with_seed("1"));
    CHECK(with_seed("1") != with_seed("2"));
  }
  SECTION("from a checkpoint too, with a warning beyond the trained context") {
    const std::string checkpoint = trained.run_dir + "/checkpoints/step-00000040";
    Process process(
        {"generate", checkpoint, "--prompt", "the cat", "--max-bytes", "26", "--temperature", "0"},
        trained.path("generate"));
    REQUIRE(process.wait() == 0);
    CHECK(process.out().substr(0, 25) == text);
    CHECK_THAT(process.err(), Catch::Contains("trained context of 32"));
  }
  CHECK(read_file(trained.run_dir + "/journal.jsonl") == journal);
}

TEST_CASE("generate refuses bad input in one line", "[train][process]") {
  const Workplace place;
  const std::string run = place.make_run("run");  // never trained
  write_file_atomic(place.path("broken"), "\"fine\"\nno json\n");
  write_file_atomic(place.path("empty"), "");
  struct Case {
    Args args;
    int code;
    std::string message;
  };
  const std::vector<Case> cases = {
      {{run}, 2, "--prompt, --prompts: expected one of them, got neither"},
      {{run, "--prompt", "a", "--prompts", "b"}, 2, "--prompt, --prompts: expected one of them, got both"},
      {{run, "--prompt", "a", "--max-bytes", "0"}, 2, "--max-bytes: expected 1 or more bytes, got 0"},
      {{run, "--prompt", "a", "--temperature", "-1"},
       2,
       "--temperature: expected a number from 0 on, got -1"},
      {{run, "--prompt", "a", "--top-p", "0"}, 2, "--top-p: expected a number above 0, up to 1, got 0"},
      {{run, "--prompt", "a", "--top-p", "nan"}, 2, "--top-p: expected a number above 0, up to 1, got nan"},
      {{run, "--prompt", "a", "--top-k", "-3"}, 2, "--top-k: expected 0 or more ids, got -3"},
      {{run, "--prompt", "a", "--top-k", "x"}, 2, "--top-k"},
      {{run, "--prompt", "a", "--stop", ""}, 2, "--stop: expected a string, got an empty one"},
      {{run, "--prompt", "a", "--topk", "3"}, 2, "did you mean '--top-k'"},
      {{run, "--prompts", place.path("broken")}, 2, "broken:2: expected a JSON string"},
      {{run, "--prompts", place.path("empty")}, 2, "empty: expected a JSON string a line, got no line"},
      {{place.path("nowhere"), "--prompt", "a"}, 2, "nowhere: expected a run directory"},
      {{run, "--prompt", "a"}, 1, "checkpoints: no complete checkpoint"},
  };
  for (const Case& c : cases) {
    Args args = c.args;
    args.insert(args.begin(), "generate");
    Process process(args, place.path("refused"));
    INFO(c.message);
    CHECK(process.wait() == c.code);
    CHECK_THAT(process.err(), Catch::Contains(c.message));
    const std::string err = process.err();
    CHECK(std::count(err.begin(), err.end(), '\n') == 1);
    CHECK(process.out() == "");
  }
}
