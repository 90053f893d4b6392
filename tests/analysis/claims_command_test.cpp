#include "analyze_binary.h"
#include "config/claim.h"
#include "core/file.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace aunet;
using nlohmann::json;

namespace {

const char* const kTie = R"([claim]
id = "tie"
statement = "aunet2 ties bpe"
source = "a paper"
sweep = "synthetic"
exclude = ["lr > 1"]
[[test]]
estimand = "log_multiplier"
families = ["aunet2", "bpe"]
decision = "equivalence"
margin = 0.2
margin_words = "a factor 1.22 of compute"
)";

/// Adds the claim to the synthetic plan, as `aunet sweep` would have, and ingests again.
void register_claim(const testing::TempDir& folder, const std::string& text, const std::string& time) {
  const ClaimSpec claim = parse_claim(text, "tie.toml");
  edit_plan(folder, [&](json& plan) {
    plan["claims"] =
        json::array({{{"id", claim.id}, {"hash", claim_hash(claim)}, {"text", text}, {"registered", time}}});
  });
}

}  // namespace

TEST_CASE("claims are judged as registered, or from files that are told from the registered ones",
          "[commands][claims]") {
  const testing::TempDir folder;
  make_database(folder, 2.0);
  CHECK(analyze(folder, "claims").code == 2);
  CHECK(read_file(folder / "err.txt").find("no sweep of ./sweep.db registered a claim") != std::string::npos);
  register_claim(folder, kTie, "2025-01-01T00:00:00Z");
  const json verdicts = json::parse(analyze(folder, "claims --json --bootstrap 300").out);
  REQUIRE(verdicts.size() == 1);
  CHECK(verdicts[0]["verdict"] == "contradicted");
  CHECK(verdicts[0]["marks"].empty());
  CHECK(verdicts[0]["tests"][0]["ci95"][0].get<double>() < std::log(2.0));
  CHECK(verdicts[0]["tests"][0]["ci95"][1].get<double>() > std::log(2.0));
  std::string changed = kTie;
  changed.replace(changed.find("0.2"), 3, "0.9");  // a wider margin, after the fact
  write_file_atomic(folder / "tie.toml", changed);
  const json after = json::parse(analyze(folder, "claims tie.toml --json --bootstrap 300").out);
  CHECK(after[0]["verdict"] == "supported");
  REQUIRE(after[0]["marks"].size() == 1);
  CHECK(after[0]["marks"][0].get<std::string>().starts_with("changed after launch: registered as "));
  register_claim(folder, kTie, "2027-01-01T00:00:00Z");
  CHECK(json::parse(analyze(folder, "claims --json --bootstrap 300").out)[0]["marks"][0].get<std::string>() ==
        "registered after 82 of 82 runs had started");
}

TEST_CASE("verdicts are printed, stored and part of the report", "[commands][claims]") {
  const testing::TempDir folder;
  make_database(folder, 1.0);
  register_claim(folder, kTie, "2025-01-01T00:00:00Z");
  const Analyzed text = analyze(folder, "claims --store --bootstrap 300");
  CHECK(text.out.starts_with("tie: "));
  CHECK(text.out.find("margin 0.2 (a factor 1.22 of compute); equivalence: ") != std::string::npos);
  CHECK(analyze(folder,
                "sql \"select sweep, claim, registered_hash = hash, json_array_length(tests) from "
                "verdict\"")
            .out.find("synthetic") != std::string::npos);
  CHECK(analyze(folder, "report -o page --bootstrap 200").code == 0);
  CHECK(read_file(folder / "page/report.html").find("aunet2 ties bpe") != std::string::npos);
  CHECK(read_file(folder / "page/tables/claims.csv").starts_with("claim,statement,"));
}

TEST_CASE("a wrong exclusion of a claim is wrong input", "[commands][claims]") {
  const testing::TempDir folder;
  make_database(folder, 1.0);
  std::string wrong = kTie;
  wrong.replace(wrong.find("lr > 1"), 6, "rate > 1");
  write_file_atomic(folder / "tie.toml", wrong);
  CHECK(analyze(folder, "claims tie.toml").code == 2);
  CHECK(
      read_file(folder / "err.txt")
          .find(
              "tie.toml: claim.exclude: expected a condition on columns of v_fit_input, got \"rate > 1\"") !=
      std::string::npos);
}

TEST_CASE("compare tests equivalence within a factor", "[commands][claims]") {
  const testing::TempDir folder;
  make_database(folder, 1.0);
  CHECK(analyze(folder, "compare --bootstrap 300 --margin 1.3")
            .out.find("Equivalent within a factor 1.3: yes (90 % interval ") != std::string::npos);
  const json no = json::parse(analyze(folder, "compare --bootstrap 300 --margin 1.001 --json").out);
  CHECK_FALSE(no["equivalence"]["equivalent"].get<bool>());
  CHECK(no["equivalence"]["p"].get<double>() > 0.05);
  CHECK(analyze(folder, "compare --margin 0.9").code == 2);
  CHECK(read_file(folder / "err.txt") == "aunet-analyze: --margin: expected a factor above 1, got 0.9\n");
}
