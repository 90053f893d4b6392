// The command line of every binary: help, errors, exit codes.
#include "cli/command.h"

#include "core/error.h"
#include "core/file.h"
#include "fixture.h"

#include <catch2/catch.hpp>

using namespace aunet;
using Catch::Contains;
namespace po = boost::program_options;

namespace {

/// Parses with two options, `name` (positional) and `count`; the error's text.
std::string error_of(const Args& args, const std::vector<std::string>& positional = {"name"}) {
  po::options_description options("options");
  options.add_options()("name", po::value<std::string>()->required(), "")("count", po::value<int>(), "");
  po::variables_map values;
  try {
    parse_command_line(args, "tool NAME", "tool x", options, positional, values);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a wrong command line names what is wrong and the nearest legal word", "[cli]") {
  CHECK(error_of({"x", "--count", "3"}).empty());
  CHECK(error_of({"x", "--cuont", "3"}) == "unknown option '--cuont'; did you mean '--count'?");
  CHECK(error_of({"x", "--zzzzzzzz"}) == "unknown option '--zzzzzzzz'");
  CHECK(error_of({"x", "--cou", "3"}) ==
        "unknown option '--cou'; did you mean '--count'?");  // no abbreviations
  CHECK(error_of({}) == "--name: expected a value, got none; usage: tool NAME");
  CHECK(error_of({"x", "y"}) == "expected one value without a flag (name), got more: 'x y'");
  CHECK(error_of({"x"}, {}) == "expected options only, got 'x'");
  CHECK_THAT(error_of({"x", "--count", "many"}), Contains("--count") && Contains("many"));
  CHECK_THAT(error_of({"x", "--count"}), Contains("--count"));
}

TEST_CASE("a positional that ends in dots takes all that is left", "[cli]") {
  po::options_description options("options");
  options.add_options()("first", po::value<std::string>(), "")("rest", po::value<std::vector<std::string>>(),
                                                               "");
  po::variables_map values;
  REQUIRE(parse_command_line({"a", "b", "c"}, "", "", options, {"first", "rest..."}, values));
  CHECK(values["first"].as<std::string>() == "a");
  CHECK(values["rest"].as<std::vector<std::string>>() == std::vector<std::string>{"b", "c"});
}

TEST_CASE("exit codes: 0 done, 1 the world, 2 the input, 70 a bug", "[cli]") {
  const auto code = [](int (*run)(const Args&)) {
    std::string binary = "tool", verb = "do";
    char* argv[] = {binary.data(), verb.data(), nullptr};
    return run_commands(2, argv, "tool", "about", {{"do", "does", run}});
  };
  CHECK(code([](const Args&) { return 75; }) == 75);
  CHECK(code([](const Args&) -> int { throw Error("disk"); }) == 1);
  CHECK(code([](const Args&) -> int { throw std::bad_alloc(); }) == 1);
  CHECK(code([](const Args&) -> int { throw ConfigError("key"); }) == 2);
  CHECK(code([](const Args&) -> int { throw BugError("promise"); }) == 70);
}

TEST_CASE("every command explains itself with an example", "[cli]") {
  const SweepFixture fixture;
  for (const char* verb : {"plan", "sweep", "status", "why", "diff", "train", "resume", "ingest", "split"}) {
    const Finished finished = fixture.aunet({verb, "--help"});
    INFO(verb << finished.err);
    CHECK(finished.code == 0);
    CHECK_THAT(finished.out, Contains(std::string("usage: aunet ") + verb) && Contains("example:\n  "));
  }
  CHECK(fixture.aunet({"--help"}).code == 0);
  CHECK(fixture.aunet({}).code == 2);
  const Finished unknown = fixture.aunet({"swep"});
  CHECK(unknown.code == 2);
  CHECK(unknown.err == "aunet: unknown command 'swep'; did you mean 'sweep'? (see aunet --help)\n");
}

TEST_CASE("a full disk behind stdout is an error", "[cli]") {
  const SweepFixture fixture;
  const Finished finished =
      run({"/bin/sh", "-c", AUNET_BIN_DIR "/aunet --help > /dev/full"}, {}, fixture.path("output"));
  CHECK(finished.code == 1);
  CHECK(finished.err == "aunet: stdout: No space left on device\n");
}

TEST_CASE("verbs that need tensors go to aunet-torch with the same arguments", "[cli]") {
  const SweepFixture fixture;
  const std::string echo = fixture.path("echo.sh");
  write_file_atomic(echo, "#!/bin/sh\necho \"$@\"\n");
  REQUIRE(run({"/bin/chmod", "+x", echo}, {}, fixture.path("output")).code == 0);
  const Finished finished = run({AUNET_BIN_DIR "/aunet", "bench", "step", "--json"},
                                {"AUNET_TRAINER=" + echo}, fixture.path("output"));
  CHECK(finished.code == 0);
  CHECK(finished.out == "bench step --json\n");
}
