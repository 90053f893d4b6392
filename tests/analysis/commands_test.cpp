#include "analysis/gnuplot.h"
#include "analysis/multiplier.h"
#include "analyze_binary.h"
#include "core/file.h"

#include <catch2/catch.hpp>

#include <iostream>

using namespace aunet;
using nlohmann::json;

TEST_CASE("compare recovers a planted multiplier from the database and prints what is not matched",
          "[commands]") {
  const testing::TempDir folder;
  make_database(folder, 1.5);
  const Analyzed text = analyze(folder, "compare --bootstrap 300");
  CHECK(text.code == 0);
  CHECK(text.out.starts_with(
      "aunet2 reaches the same held-out bits per byte with less compute than bpe: multiplier 1."));
  CHECK(text.out.find("Small-scale: 72 runs, 5 budgets, 1e11 to 4.7e12 FLOPs") != std::string::npos);
  for (const char* words :
       {"text bytes trained on", "bytes per token, held-out text", "epochs", "parameters, non-embedding",
        "inference FLOPs per byte", "Tuning effort", "seconds", "Tuned settings", "executed  ",
        "At 4.7e12 FLOPs, bits per byte against inference FLOPs per byte: aunet2 "}) {
    CHECK(text.out.find(words) != std::string::npos);
  }
  const Analyzed first = analyze(folder, "compare --bootstrap 300 --json"),
                 second = analyze(folder, "compare --bootstrap 300 --json");
  CHECK(first.out == second.out);
  const json value = json::parse(first.out);
  CHECK_FALSE(value["refused"].get<bool>());
  CHECK(value["ci95"][0].get<double>() < 1.5);
  CHECK(value["ci95"][1].get<double>() > 1.5);
  CHECK(value["marks"].empty());
  CHECK(value["beside"].size() == 3);
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
  CHECK(std::count(multipliers.begin(), multipliers.end(), '\n') == 1 + 4 * 5);
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
  const Analyzed result = analyze(folder, "compare --json");
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
  const Analyzed check = analyze(folder, "check --json");
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
                            "fedcba98", "What may be wrong", "Pareto views", "Tuned settings"}) {
    CHECK(page.find(words) != std::string::npos);
  }
  for (const char* outside : {"href='http", "href=\"http", "src=", "<script", "@import"}) {
    CHECK(page.find(outside) == std::string::npos);
  }
  for (const char* name : {"scaling", "pareto_inference", "pareto_params", "tuned_settings"})
    CHECK(exists(folder / (std::string("page/tables/") + name + ".csv")));
  if (have_gnuplot()) {
    for (const char* name :
         {"loss", "isoflop_0", "isoflop_1", "training", "multiplier", "pareto_inference", "pareto_params"}) {
      CHECK(exists(folder / (std::string("page/figures/") + name + ".svg")));
    }
  } else {
    std::cout << "skipped: the figures, gnuplot is not on PATH\n";
  }
  analyze(folder, "report -o again --bootstrap 300");
  CHECK(read_file(folder / "again/report.html") == page);
}

TEST_CASE("ways of counting that name different winners are a warning", "[commands]") {
  // The synthetic runs spend .97 (aunet2) and .6 (bpe) of their useful FLOPs by the paper's count: M_paper =
  // .62 M.
  const testing::TempDir folder;
  make_database(folder, 1.3);
  const std::string text = analyze(folder, "compare --bootstrap 300").out;
  CHECK(text.find("\nwarning: the winner depends on what is counted, and not by chance: useful 1.") !=
        std::string::npos);
  CHECK(text.find("] say aunet2; paper 0.") != std::string::npos);
  CHECK(text.find("] says bpe (on both sides an interval excludes 1).\n") != std::string::npos);
  const json value = json::parse(analyze(folder, "compare --bootstrap 300 --json").out);
  CHECK_FALSE(value["leaders_agree"].get<bool>());
  REQUIRE(value["leaders"].size() == 4);
  for (const json& leader : value["leaders"]) {
    CHECK(leader["leader"] == (leader["counted_in"] == "paper" ? "bpe" : "aunet2"));
    CHECK(leader["excludes_1"].get<bool>());
  }
  CHECK(value["warnings"][0].get<std::string>().starts_with("the winner depends on what is counted"));
  CHECK(analyze(folder, "report -o page --bootstrap 200").code == 0);
  CHECK(read_file(folder / "page/report.html").find("Warning: the winner depends on what is counted") !=
        std::string::npos);
  const testing::TempDir agreeing;
  make_database(agreeing, 2.5);
  const json same = json::parse(analyze(agreeing, "compare --bootstrap 300 --json").out);
  CHECK(same["leaders_agree"].get<bool>());
  CHECK(same["leaders"].size() == 4);
}

TEST_CASE("pareto prints who is on the front, as text and as one JSON value", "[commands][pareto]") {
  const testing::TempDir folder;
  make_database(folder, 1.5);
  const Analyzed text = analyze(folder, "pareto");
  CHECK(text.code == 0);
  CHECK(text.out.starts_with("Bits per byte against inference FLOPs per byte: "));
  const json value = json::parse(analyze(folder, "pareto --json").out);
  CHECK(value["sweep"] == "synthetic");
  CHECK(value["against"] == "inference");
  CHECK_FALSE(value["refused"].get<bool>());
  REQUIRE(value["cells"].size() ==
          40);  // 2 families, 5 budgets, 4 sizes; seeds averaged, tuning trials left out
  for (const json& cell : value["cells"]) {
    for (const char* scope : {"at_budget", "over_all"}) {
      const json& standing = cell[scope];
      REQUIRE(standing.contains("own_front"));
      if (standing["better"].is_null()) {
        CHECK(standing["standing"] == "front");
        continue;
      }
      const json& better = value["cells"][standing["better"].get<size_t>()];
      CHECK(better["cost"].get<double>() <= cell["cost"].get<double>());
      CHECK(better["loss_bpb"].get<double>() <= cell["loss_bpb"].get<double>());
    }
    CHECK(cell["keys"].size() == cell["seeds"].get<size_t>());
  }
  CHECK(json::parse(analyze(folder, "pareto --against params --json").out)["cells"][0]["cost"] ==
        json::parse(analyze(folder, "pareto --against params --json").out)["cells"][0]["params"]);
  CHECK(analyze(folder, "pareto --against speed").code == 2);
  CHECK(read_file(folder / "err.txt") ==
        "aunet-analyze: --against: expected inference, params or memory, got 'speed'\n");
  CHECK(analyze(folder, "pareto --help").out.find("aunet-analyze pareto --db sweep.db") != std::string::npos);
}

TEST_CASE("pareto works on one family and says when the figures are missing", "[commands][pareto]") {
  const testing::TempDir folder;
  SyntheticSweep sweep;
  sweep.families = families_with_multiplier(1.5);
  sweep.families.pop_back();
  write_synthetic_database(sweep, {.trials_a = 3, .trials_b = 0, .lean = 0}, 3, folder / "runs",
                           folder / "sweep.db");
  CHECK(json::parse(analyze(folder, "pareto --json").out)["cells"].size() == 20);
  edit_plan(folder, [](json& plan) {
    for (json& cell : plan["cells"]) cell.erase("inference_flops_per_byte");
  });
  const Analyzed text = analyze(folder, "pareto");
  CHECK(text.code == 0);
  CHECK(text.out ==
        "No Pareto view against inference FLOPs per byte: none of the 20 finished cells has inference FLOPs "
        "per byte: "
        "the plan of their sweep is missing.\n");
  CHECK(json::parse(analyze(folder, "pareto --json").out)["refused"].get<bool>());
  CHECK(analyze(folder, "report -o page").code == 0);
  CHECK_FALSE(exists(folder / "page/figures/pareto_inference.gp"));
  CHECK(exists(folder / "page/figures/pareto_params.gp"));
  CHECK(read_file(folder / "page/tables/tuned_settings.csv").find("aunet2,1e11,lr,") != std::string::npos);
}

TEST_CASE("compare prints the tuned settings with the planner's own words", "[commands]") {
  const testing::TempDir folder;
  make_database(folder, 1.5, {.trials_a = 5, .trials_b = 5, .lean = 0});
  edit_plan(folder, [](json& plan) {
    plan["notes"] = {"aunet2 tuned at 1e11: lr 0.031 after 5 trials (interior)", "something else"};
  });
  const json value = json::parse(analyze(folder, "compare --bootstrap 100 --json").out);
  REQUIRE(value["tuned_settings"].size() == 2);
  for (const json& setting : value["tuned_settings"]) {
    CHECK(setting["axis"] == "lr");
    CHECK(setting["interior"].get<bool>());
    // The synthetic loss is 1 + .01 k^2 of the best, k steps away.
    CHECK(setting["below"]["loss_bpb"].get<double>() == Approx(1.01 * setting["loss_bpb"].get<double>()));
    CHECK(setting["above"]["loss_bpb"].get<double>() == Approx(1.01 * setting["loss_bpb"].get<double>()));
  }
  CHECK(value["planner_notes"] == json::array({"aunet2 tuned at 1e11: lr 0.031 after 5 trials (interior)"}));
  CHECK(analyze(folder, "compare --bootstrap 100").out.find("2 of 2 selected settings are interior.") !=
        std::string::npos);
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
  const Analyzed few = analyze(folder, "fit --csv few.csv --n n --d d --loss loss --json");
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
