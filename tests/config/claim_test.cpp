#include "config/claim.h"
#include "config/sweep_spec.h"

#include "core/error.h"
#include "core/file.h"
#include "tests/core/temporary_folder.h"

#include <catch2/catch.hpp>

#include <set>

namespace aunet {
namespace {

// Line numbers in the messages below count from here.
const char* const kClaim = R"([claim]
id = "tie"
statement = "a ties b"
source = "a paper, Table 2"
sweep = "s"
exclude = ["epochs > 4"]
[scale]
source_flops = [1e19, 1e22]
min_flops = 1e12
[[test]]
estimand = "log_multiplier"
families = ["a", "b"]
decision = "equivalence"
margin = 0.2
margin_words = "a factor 1.22"
)";

struct Case {
  const char* from;
  const char* to;
  const char* message;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string message_of(const std::string& text) {
  try {
    parse_claim(text, "c.toml");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a claim file reads into a plain struct", "[config][claim]") {
  const ClaimSpec claim = parse_claim(kClaim, "c.toml");
  CHECK(claim.id == "tie");
  CHECK(claim.scale.source_flops == std::vector<double>{1e19, 1e22});
  CHECK(claim.scale.min_budgets == 3);
  CHECK(claim.exclude == std::vector<std::string>{"epochs > 4"});
  REQUIRE(claim.tests.size() == 1);
  CHECK(claim.tests[0].margin == 0.2);
  CHECK(claim.tests[0].splits.empty());
}

TEST_CASE("paired estimands say on which text they are measured", "[config][claim]") {
  const std::string robust = replaced(kClaim, "\"log_multiplier\"", "\"robustness\"\nsplits = [\"typos\"]");
  CHECK(parse_claim(robust, "c.toml").tests[0].relative_to == std::vector<std::string>{"heldout"});
  const std::string difference = replaced(kClaim, "\"log_multiplier\"", "\"loss_difference\"");
  CHECK(parse_claim(difference, "c.toml").tests[0].splits == std::vector<std::string>{"heldout"});
  CHECK(parse_claim(difference, "c.toml").tests[0].relative_to.empty());
}

TEST_CASE("a wrong claim is one line with place, key and what was expected", "[config][claim]") {
  const std::vector<Case> cases = {
      {"id = \"tie\"", "", "c.toml:1:1: claim.id: expected a name, got nothing"},
      {"id = \"tie\"", "id = \"a b\"",
       "c.toml:2:6: claim.id: expected a name of letters, digits, '-', '_', '.', got \"a b\""},
      {"statement", "statment", "c.toml:3:1: unknown key 'statment'; did you mean 'statement'?"},
      {"source = \"a paper, Table 2\"", "source = \" \"",
       "c.toml:4:10: claim.source: expected who says so, with the page, section or table, got \" \""},
      {"sweep = \"s\"", "",
       "c.toml:1:1: claim.sweep: expected the name of the sweep that tests it, got nothing"},
      {"[1e19, 1e22]", "[1e22, 1e19]", "c.toml:8:16: scale.source_flops: expected the lowest first"},
      {"[1e19, 1e22]", "[1e22]",
       "c.toml:8:16: scale.source_flops: expected 2 values (lowest and highest), got 1"},
      {"log_multiplier", "log_multiplyer",
       "c.toml:11:12: test.0.estimand: expected one of \"log_multiplier\", \"log_multiplier_slope\", "
       "\"loss_difference\", \"robustness\", \"transfer\", got \"log_multiplyer\"; did you mean "
       "'log_multiplier'?"},
      {"[\"a\", \"b\"]", "[\"a\"]", "c.toml:12:12: test.0.families: expected 2 values (a and b), got 1"},
      {"[\"a\", \"b\"]", "[\"a\", \"a\"]",
       "c.toml:12:12: test.0.families: expected each name once, got \"a\" twice"},
      {"[\"a\", \"b\"]", "[\"a\", \"b\"]\nsplits = [\"typos\"]",
       "c.toml:13:10: test.0.splits: expected nothing, because log_multiplier has no pairs of runs"},
      {"\"log_multiplier\"", "\"robustness\"",
       "c.toml:10:1: test.0.splits: expected the names of evaluations, like [\"typos\"], got nothing"},
      {"\"log_multiplier\"", "\"transfer\"\nsplits = [\"x\", \"heldout\"]",
       "c.toml:12:10: test.0.splits: expected evaluations apart from relative_to, got \"heldout\" in both"},
      {"equivalence", "tie",
       "c.toml:13:12: test.0.decision: expected one of \"equivalence\", \"superiority\", got \"tie\""},
      {"margin = 0.2", "margin = 0", "c.toml:14:10: test.0.margin: expected a number > 0, got 0"},
      {"margin_words = \"a factor 1.22\"", "",
       "c.toml:10:1: test.0.margin_words: expected the margin in words, like \"a factor 1.2 of compute\", "
       "got "
       "nothing"},
      {"sweep = \"s\"", "testable = false",
       "c.toml:1:1: claim.reason: expected why nothing here can test it, got nothing"},
      {"sweep = \"s\"\nexclude = [\"epochs > 4\"]", "testable = false\nreason = \"too large\"",
       "c.toml:7:1: scale: expected nothing, because testable = false"},
  };
  for (const Case& one : cases) {
    INFO(one.from << " -> " << one.to);
    CHECK(message_of(replaced(kClaim, one.from, one.to)) == one.message);
  }
  CHECK(message_of(std::string(kClaim).substr(0, std::string(kClaim).find("[[test]]"))) ==
        "c.toml:1:1: test: expected at least one [[test]], got none");
}

TEST_CASE("the hash of a claim is what it asserts, not how the file looks", "[config][claim]") {
  const ClaimSpec claim = parse_claim(kClaim, "c.toml");
  CHECK(claim_hash(parse_claim("# a comment\n" + std::string(kClaim), "other.toml")) == claim_hash(claim));
  CHECK(claim_hash(parse_claim(replaced(kClaim, "[scale]", "[scale]\nmin_budgets = 3"), "c.toml")) ==
        claim_hash(claim));
  for (const auto& [from, to] :
       std::vector<std::pair<const char*, const char*>>{{"0.2", "0.25"},
                                                        {"a ties b", "b ties a"},
                                                        {"[\"a\", \"b\"]", "[\"b\", \"a\"]"},
                                                        {"epochs > 4", "epochs > 2"},
                                                        {"1e12", "2e12"}}) {
    INFO(to);
    CHECK(claim_hash(parse_claim(replaced(kClaim, from, to), "c.toml")) != claim_hash(claim));
  }
  CHECK(claim_hash(claim) == "8dd7539df3f192ff");  // frozen: a later release keeps it
}

TEST_CASE("a folder of claims is read whole, its sweeps apart", "[config][claim]") {
  const TemporaryFolder folder;
  write_file_atomic(folder / "b.toml", kClaim);
  write_file_atomic(folder / "a.toml", replaced(kClaim, "tie", "other"));
  write_file_atomic(folder / "x.sweep.toml", "not a claim");
  const std::vector<ClaimSpec> claims = read_claims({folder.path});
  REQUIRE(claims.size() == 2);
  CHECK(claims[0].id == "other");
  write_file_atomic(folder / "c.toml", kClaim);
  CHECK_THROWS_WITH(read_claims({folder.path}),
                    Catch::Contains("got \"tie\" in") && Catch::Contains("b.toml"));
}

TEST_CASE("a sweep names its claims, which must be about it", "[config][claim]") {
  const TemporaryFolder folder;
  make_directories(folder / "claims");
  const std::string sweep = R"([sweep]
name = "s"
claims = ["claims/tie.toml"]
[data]
train = ["t.jsonl"]
heldout = ["h.jsonl"]
[budget]
flops = [1e9]
[[family]]
name = "a"
model = { kind = "aunet", stages = 2, split = "word" }
sizes = { per_budget = 2, around = "optimum" }
[[family]]
name = "b"
model = { kind = "bytes" }
sizes = { same_as = "a" }
)";
  const auto message = [&](const std::string& claim) {
    write_file_atomic(folder / "claims/tie.toml", claim);
    try {
      const SweepSpec spec = parse_sweep_spec(sweep, folder / "s.toml");
      return "read " + spec.claims.at(0).id;
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
  };
  const std::string place =
      (folder / "s.toml") + ":3:10: sweep.claims: " + (folder / "claims/tie.toml") + ": ";
  CHECK(message(kClaim) == "read tie");
  CHECK(message(replaced(kClaim, "sweep = \"s\"", "sweep = \"t\"")) ==
        place + "expected a claim about this sweep, \"s\", got one about \"t\"");
  CHECK(message(replaced(kClaim, "[\"a\", \"b\"]", "[\"a\", \"c\"]")) ==
        place + "expected a claim about families of this sweep (a, b), got one about \"c\"");
  CHECK(
      message("[claim]\nid = \"x\"\nstatement = \"x\"\nsource = \"x\"\ntestable = false\nreason = \"x\"\n") ==
      place + "expected a testable claim, got one with testable = false");
  CHECK(message(replaced(kClaim, "id = ", "ident = "))
            .starts_with((folder / "claims/tie.toml") + ":2:1: unknown key"));
}

}  // namespace aunet

namespace aunet {

TEST_CASE("the shipped claims read, and each is registered by a sweep that has its families",
          "[config][claim]") {
  const std::string folder = AUNET_SOURCE_DIR "/sweeps/claims";
  std::set<std::string> registered;
  for (const std::string& name : list_directory(folder)) {
    if (!name.ends_with(".sweep.toml")) continue;
    const SweepSpec spec = read_sweep_spec(folder + "/" + name);  // throws when a claim is not about it
    CHECK(spec.name + ".sweep.toml" == name);
    for (const ClaimSpec& claim : spec.claims) registered.insert(claim.id);
  }
  const std::string readme = read_file(folder + "/README.md");
  int testable = 0, untestable = 0;
  for (const ClaimSpec& claim : read_claims({folder})) {
    INFO(claim.file);
    CHECK(claim.file == folder + "/" + claim.id + ".toml");
    CHECK(registered.count(claim.id) == (claim.testable ? 1 : 0));
    CHECK(readme.find("`" + claim.id + "`") != std::string::npos);
    ++(claim.testable ? testable : untestable);
  }
  CHECK(testable >= 6);
  CHECK(untestable == 4);
}

}  // namespace aunet
