// The real binary on a database that the real ingest built from synthetic run directories.
#include "../db/synthetic.h"
#include "analysis/gnuplot.h"
#include "analysis/multiplier.h"
#include "config/claim.h"
#include "core/file.h"
#include "synthetic_runs.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <sys/wait.h>

#include <cstdio>
#include <iostream>

using namespace aunet;
using nlohmann::json;

namespace {

struct Result {
  int code = 0;
  std::string out;
};

/// stdout and exit code of `aunet-analyze ARGS`; stderr goes to the folder's err.txt.
Result analyze(const testing::TempDir& folder, const std::string& args) {
  const std::string command =
      "cd " + folder.path() + " && " + AUNET_BIN_DIR + "/aunet-analyze " + args + " 2> err.txt";
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Result result;
  char buffer[4096];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) result.out.append(buffer, n);
  result.code = WEXITSTATUS(pclose(pipe));
  return result;
}

void make_database(const testing::TempDir& folder, double multiplier, const SyntheticTuning& tuning = {}) {
  SyntheticSweep sweep;
  sweep.families = families_with_multiplier(multiplier);
  write_synthetic_database(sweep, tuning, 3, folder / "runs", folder / "sweep.db");
}

}  // namespace

TEST_CASE("compare recovers a planted multiplier from the database and prints what is not matched",
          "[commands]") {
  const testing::TempDir folder;
  make_database(folder, 1.5);
  const Result text = analyze(folder, "compare --bootstrap 300");
  CHECK(text.code == 0);
  CHECK(text.out.starts_with(
      "aunet2 reaches the same held-out bits per byte with less compute than bpe: multiplier 1."));
  CHECK(text.out.find("Small-scale: 72 runs, 5 budgets, 1e11 to 4.7e12 FLOPs") != std::string::npos);
  for (const char* words : {"text bytes trained on", "epochs", "parameters, non-embedding",
                            "inference FLOPs per byte", "Tuning effort", "seconds"}) {
    CHECK(text.out.find(words) != std::string::npos);
  }
  const Result first = analyze(folder, "compare --bootstrap 300 --json"),
               second = analyze(folder, "compare --bootstrap 300 --json");
  CHECK(first.out == second.out);
  const json value = json::parse(first.out);
  CHECK_FALSE(value["refused"].get<bool>());
  CHECK(value["ci95"][0].get<double>() < 1.5);
  CHECK(value["ci95"][1].get<double>() > 1.5);
  CHECK(value["marks"].empty());
  CHECK(value["beside"].size() == 2);
  CHECK(json::parse(analyze(folder, "compare --bootstrap 300 --json --convention paper").out)["marks"][0] ==
        "counted in paper FLOPs");
}

TEST_CASE("a stored conclusion can be exported", "[commands]") {
  const testing::TempDir folder;
  make_database(folder, 1.5);
  CHECK(analyze(folder, "compare --bootstrap 300 --store").code == 0);
  CHECK(analyze(folder, "compare --bootstrap 300 --store").code == 0);  // replaces, adds nothing
  const std::string multipliers = analyze(folder, "export multiplier").out,
                    fits = analyze(folder, "export fits").out;
  CHECK(std::count(multipliers.begin(), multipliers.end(), '\n') == 1 + 3 * 5);
  CHECK(std::count(fits.begin(), fits.end(), '\n') == 1 + 4);
}

TEST_CASE("a family without a finished run is a refusal, not an error", "[commands]") {
  const testing::TempDir folder;
  SyntheticSweep sweep;
  sweep.families = families_with_multiplier(1.5);
  sweep.families.pop_back();
  write_synthetic_database(sweep, {.trials_a = 3, .trials_b = 0, .lean = 0}, 3, folder / "runs",
                           folder / "sweep.db");
  CHECK(analyze(folder, "compare").code == 2);  // one family: nothing to compare
  CHECK(read_file(folder / "err.txt") ==
        "aunet-analyze: --a, --b: expected two families; sweep 'synthetic' has aunet2\n");
  CHECK(analyze(folder, "report -o page").code == 0);
  FitInputRow failed;
  failed.row.family = "bpe";
  failed.exclusion = "failed: nan";
  RandomStream stream(0, "test");
  std::vector<FitInputRow> rows = synthetic_rows(sweep, stream);
  rows.push_back(failed);
  CHECK(compare_families(group_cells(rows), "aunet2", "bpe", {}).refusal ==
        "bpe has no finished run that may enter");
}

TEST_CASE("compare refuses families that share no loss, and says so with exit 0", "[commands]") {
  const testing::TempDir folder;
  make_database(folder, 200);
  const Result result = analyze(folder, "compare --json");
  CHECK(result.code == 0);
  const json value = json::parse(result.out);
  CHECK(value["refused"].get<bool>());
  CHECK(value["multiplier"].is_null());
  CHECK(value["refusal"].get<std::string>().starts_with("no loss that both reach"));
  CHECK(analyze(folder, "report -o page").code == 0);
}

TEST_CASE("unequal tuning marks the multiplier and makes check fail", "[commands]") {
  const testing::TempDir folder;
  make_database(folder, 1.5, {.trials_a = 5, .trials_b = 3, .lean = 0});
  CHECK(analyze(folder, "compare --bootstrap 300")
            .out.find("Marked: unequal tuning: 5 trials, 5e11 FLOPs against 3 trials, 3e11 FLOPs.") !=
        std::string::npos);
  const Result check = analyze(folder, "check --json");
  CHECK(check.code == 1);
  CHECK(json::parse(check.out)[0]["name"] == "unequal_tuning");
}

TEST_CASE("check passes on a sound sweep and names an optimal rate at the edge of another", "[commands]") {
  const testing::TempDir sound, leaning;
  make_database(sound, 1.3);
  CHECK(analyze(sound, "check").code == 0);
  make_database(leaning, 1.3, {.trials_a = 5, .trials_b = 5, .lean = 4});
  std::string edges;
  for (const json& finding : json::parse(analyze(leaning, "check --json").out)) {
    if (finding["name"] == "edge_rate") edges += finding["family"].get<std::string>() + " ";
  }
  CHECK(edges == "aunet2 bpe ");
}

TEST_CASE("the report is one page that needs nothing else, the same bytes every time", "[commands]") {
  const testing::TempDir folder;
  make_database(folder, 1.5);
  CHECK(analyze(folder, "report -o page --bootstrap 300").out == "page/report.html\n");
  const std::string page = read_file(folder / "page/report.html");
  for (const char* words : {"Loss against compute", "Sizes at equal budgets", "(Mis)Fitting checklist",
                            "fedcba98", "What may be wrong"}) {
    CHECK(page.find(words) != std::string::npos);
  }
  for (const char* outside : {"href='http", "href=\"http", "src=", "<script", "@import"}) {
    CHECK(page.find(outside) == std::string::npos);
  }
  CHECK(exists(folder / "page/tables/scaling.csv"));
  if (have_gnuplot()) {
    for (const char* name : {"loss", "isoflop_0", "isoflop_1", "training", "multiplier"}) {
      CHECK(exists(folder / (std::string("page/figures/") + name + ".svg")));
    }
  } else {
    std::cout << "skipped: the figures, gnuplot is not on PATH\n";
  }
  analyze(folder, "report -o again --bootstrap 300");
  CHECK(read_file(folder / "again/report.html") == page);
}

TEST_CASE("tables of runs and trials come in every format", "[commands]") {
  const testing::TempDir folder;
  make_database(folder, 1.5);
  const std::string csv = analyze(folder, "table scaling --format csv").out;
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 73);  // header, 72 runs, no tuning trials
  CHECK(analyze(folder, "table tuning --format latex").out.find("\\begin{tabular}") != std::string::npos);
  CHECK(analyze(folder, "isoflop --format markdown").out.find("| aunet2 |") != std::string::npos);
  CHECK(json::parse(analyze(folder, "table tuning --json").out).size() == 10);
  CHECK(analyze(folder, "table runs").code == 2);
}

TEST_CASE("fit of a CSV prints the contract's fields", "[commands]") {
  const testing::TempDir folder;
  const ChinchillaParams law{.A = 406.4, .B = 410.7, .E = 1.69, .alpha = 0.34, .beta = 0.28};
  std::string csv = "size,flops,loss\n";
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 6; ++j) {
      const double n = 1e8 * std::pow(2, i), d = 1e9 * std::pow(3, j);
      csv +=
          std::to_string(n) + "," + std::to_string(6 * n * d) + "," + std::to_string(law.loss(n, d)) + "\n";
    }
  }
  write_file_atomic(folder / "runs.csv", csv);
  const json fit = json::parse(
      analyze(folder,
              "fit --csv runs.csv --n size --flops flops --loss loss --form chinchilla --bootstrap 50 --json")
          .out);
  CHECK(fit["form"] == "chinchilla");
  CHECK(fit["n"] == 30);
  CHECK(fit["certificate"]["converged"].get<bool>());
  CHECK(fit["params"]["E"].get<double>() == Approx(1.69).epsilon(1e-3));
  CHECK(fit["ci95"]["alpha"].size() == 2);
  CHECK(fit["warnings"].is_array());
  CHECK(json::parse(
            analyze(folder, "fit --csv runs.csv --n size --flops flops --loss loss --drop-highest 4 --json")
                .out)["n"] == 26);
}

TEST_CASE("a fit without enough rows is refused with exit 0, wrong input is exit 2", "[commands]") {
  const testing::TempDir folder;
  write_file_atomic(folder / "few.csv", "n,d,loss\n1e8,1e9,3\n2e8,2e9,2.8\n");
  const Result few = analyze(folder, "fit --csv few.csv --n n --d d --loss loss --json");
  CHECK(few.code == 0);
  CHECK_FALSE(json::parse(few.out)["certificate"]["converged"].get<bool>());
  CHECK(json::parse(few.out)["params"].is_null());
  write_file_atomic(folder / "bad.csv", "n,d,loss\n1e8,1e9,nan\n");
  CHECK(analyze(folder, "fit --csv bad.csv --n n --d d --loss loss").code == 2);
  CHECK(read_file(folder / "err.txt") ==
        "aunet-analyze: bad.csv:2: loss: expected a finite number above 0, got 'nan'\n");
  CHECK(analyze(folder, "fit --csv bad.csv --n n --loss loss").code == 2);
  CHECK(analyze(folder, "fit --csv none.csv --n n --d d --loss loss").code == 1);
  CHECK(analyze(folder, "fit --form cubic --csv bad.csv --n n --d d --loss loss").code == 2);
}

TEST_CASE("fit on a database fits each family", "[commands]") {
  const testing::TempDir folder;
  make_database(folder, 1.5);
  const json fits = json::parse(analyze(folder, "fit --json").out);
  REQUIRE(fits.size() == 2);
  CHECK(fits[0]["family"] == "aunet2");
  CHECK(fits[0]["certificate"]["converged"].get<bool>());
  CHECK(fits[0]["params"]["E"].get<double>() == Approx(1.0).margin(0.3));
}

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
  const std::string path = folder / "runs/plans/synthetic.json";
  json plan = json::parse(read_file(path));
  const ClaimSpec claim = parse_claim(text, "tie.toml");
  plan["claims"] =
      json::array({{{"id", claim.id}, {"hash", claim_hash(claim)}, {"text", text}, {"registered", time}}});
  write_file_atomic(path, plan.dump());
  REQUIRE(ingest_file(folder / "sweep.db", {folder / "runs"}).problems.empty());
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
  const Result text = analyze(folder, "claims --store --bootstrap 300");
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
