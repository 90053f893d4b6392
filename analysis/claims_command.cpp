#include "analysis/claims_command.h"

#include "core/error.h"
#include "core/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

namespace aunet {
namespace {

using nlohmann::json;

constexpr double kLockSeconds = 60;

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

std::set<std::string> keys_of(Db& db, const std::string& sql) {
  std::set<std::string> keys;
  for (const auto& row : query(db, sql).rows) keys.insert(to_text(row[0]));
  return keys;
}

void exclude_rows(Db& db, const ClaimSpec& claim, std::vector<FitInputRow>& rows) {
  const std::string select =
      fmt::format("SELECT key FROM v_fit_input WHERE sweep = {} AND ", quoted(claim.sweep));
  for (const std::string& condition : claim.exclude) {
    try {
      const std::set<std::string> keys = keys_of(db, select + "(" + condition + "\n)");
      for (FitInputRow& input : rows) {
        if (input.exclusion.empty() && keys.count(input.row.key)) input.exclusion = "claim: " + condition;
      }
    } catch (const ConfigError& error) {
      throw ConfigError(
          fmt::format("{}: claim.exclude: expected a condition on columns of v_fit_input, got "
                      "\"{}\": {}",
                      claim.file, condition, trim(error.what())));
    }
  }
}

std::string family_words(const ClaimTest& test) {
  std::string words = fmt::format("{} over {}", test.families[0], test.families[1]);
  if (!test.minus.empty()) words += fmt::format(", less {} over {}", test.minus[0], test.minus[1]);
  if (test.splits == std::vector<std::string>{"heldout"} && test.relative_to.empty()) return words;
  if (!test.splits.empty()) words += " on " + join(test.splits, ", ");
  if (!test.relative_to.empty()) words += " relative to " + join(test.relative_to, ", ");
  return words;
}

std::string estimate_words(const TestVerdict& t) {
  if (!t.measured.estimate) return "no estimate";
  const std::string number = fmt::format("{:.3g} [{:.3g}, {:.3g}] {}", t.measured.estimate->value,
                                         t.interval.low, t.interval.high, t.measured.unit);
  if (t.test.estimand != "log_multiplier") return number;
  return number + fmt::format(", a factor {:.2f} [{:.2f}, {:.2f}]", std::exp(t.measured.estimate->value),
                              std::exp(t.interval.low), std::exp(t.interval.high));
}

void print_verdict(const ClaimVerdict& v) {
  fmt::print("{}: {}\n  {}\n  source: {}\n", v.claim.id, v.verdict, v.claim.statement, v.claim.source);
  for (const TestVerdict& t : v.tests) {
    fmt::print("  {}, {}: {}; margin {:.3g} ({}); {}: {}\n", t.test.estimand, family_words(t.test),
               estimate_words(t), t.test.margin, t.test.margin_words, t.test.decision, t.verdict);
    if (t.verdict != v.verdict) fmt::print("    {}\n", t.why);
  }
  fmt::print("  why: {}\n", v.why);
  if (!v.needs.empty()) fmt::print("  needs: {}\n", v.needs);
  for (const std::string& mark : v.marks) fmt::print("  note: {}\n", mark);
}

json number(double value) { return std::isfinite(value) ? json(value) : json(); }

json test_json(const TestVerdict& t) {
  json out = {{"estimand", t.test.estimand},
              {"families", t.test.families},
              {"minus", t.test.minus},
              {"splits", t.test.splits},
              {"relative_to", t.test.relative_to},
              {"decision", t.test.decision},
              {"margin", t.test.margin},
              {"margin_words", t.test.margin_words},
              {"unit", t.measured.unit},
              {"n", t.measured.n},
              {"flops_spent", t.measured.flops()},
              {"verdict", t.verdict},
              {"why", t.why},
              {"needs_flops", t.needs_flops ? number(*t.needs_flops) : json()},
              {"needs", t.needs}};
  const bool has = t.measured.estimate.has_value();
  out["estimate"] = has ? number(t.measured.estimate->value) : json();
  out["ci95"] = has ? json{number(t.interval.low), number(t.interval.high)} : json();
  out["ci90"] = has ? json{number(t.interval_90.low), number(t.interval_90.high)} : json();
  out["p_zero"] = has ? number(t.p_zero) : json();
  return out;
}

json tests_json(const ClaimVerdict& v) {
  json tests = json::array();
  for (const TestVerdict& t : v.tests) tests.push_back(test_json(t));
  return tests;
}

json verdict_json(const ClaimVerdict& v) {
  return {{"id", v.claim.id},
          {"statement", v.claim.statement},
          {"source", v.claim.source},
          {"sweep", v.claim.sweep},
          {"verdict", v.verdict},
          {"why", v.why},
          {"needs_flops", v.needs_flops ? number(*v.needs_flops) : json()},
          {"needs", v.needs},
          {"marks", v.marks},
          {"hash", claim_hash(v.claim)},
          {"registered",
           v.registered ? json{{"hash", v.registered->hash}, {"time", v.registered->registered}} : json()},
          {"tests", tests_json(v)}};
}

void store(const std::string& db_path, const std::vector<ClaimVerdict>& verdicts) {
  std::vector<StoredVerdict> rows;
  for (const ClaimVerdict& v : verdicts) {
    StoredVerdict& row = rows.emplace_back();
    row.sweep = v.claim.sweep;
    row.claim = v.claim.id;
    row.statement = v.claim.statement;
    row.verdict = v.verdict;
    row.why = v.why;
    row.needs_flops = v.needs_flops;
    row.marks = json(v.marks).dump();
    row.tests = tests_json(v).dump();
    row.hash = claim_hash(v.claim);
    if (v.registered) row.registered_hash = v.registered->hash;
    row.inputs_hash = v.inputs_hash;
    row.created =
        fmt::format("{:%Y-%m-%dT%H:%M:%S}Z",
                    fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
  }
  const WriterLock lock(db_path, kLockSeconds);
  Db db = Db::open_write(db_path);
  store_verdicts(db, rows);
}

}  // namespace

ClaimData load_claim_data(Db& db, const ClaimSpec& claim) {
  ClaimData data;
  const std::vector<std::string> names = sweep_names(db);
  data.known = std::find(names.begin(), names.end(), claim.sweep) != names.end();
  if (!data.known) return data;
  data.rows = fit_input(db, claim.sweep);
  if (!data.rows.empty()) data.convention = data.rows[0].row.convention;
  exclude_rows(db, claim, data.rows);
  data.evals = eval_rows(db, claim.sweep);
  data.effort = tuning_effort(db, claim.sweep);
  for (const RegisteredClaim& one : load_claims(db, claim.sweep)) {
    if (one.id == claim.id) data.registered = one;
  }
  data.started = first_starts(db, claim.sweep);
  return data;
}

std::vector<ClaimSpec> registered_specs(Db& db, const std::string& sweep) {
  std::vector<ClaimSpec> specs;
  for (const RegisteredClaim& one : load_claims(db, sweep))
    specs.push_back(parse_claim(one.text, fmt::format("claim '{}' of sweep '{}'", one.id, one.sweep)));
  return specs;
}

std::vector<ClaimVerdict> judge_all(Db& db, const std::vector<ClaimSpec>& claims,
                                    const MeasureOptions& options) {
  std::vector<ClaimVerdict> verdicts;
  for (const ClaimSpec& claim : claims)
    verdicts.push_back(judge(claim, claim.testable ? load_claim_data(db, claim) : ClaimData(), options));
  return verdicts;
}

TextTable claims_table(const std::vector<ClaimVerdict>& verdicts) {
  TextTable table;
  table.title = "Claims, by rules fixed before the runs (sweeps/claims/README.md)";
  table.columns = {"claim", "statement", "estimate [95 %]", "margin", "verdict", "why", "needs", "notes"};
  for (const ClaimVerdict& v : verdicts) {
    std::vector<std::string> row = {v.claim.id, v.claim.statement,  "", "", v.verdict, v.why,
                                    v.needs,    join(v.marks, "; ")};
    if (v.tests.size() == 1) {
      row[2] = estimate_words(v.tests[0]);
      row[3] = v.tests[0].test.margin_words;
    }
    table.rows.push_back(row);
    if (v.tests.size() < 2) continue;
    for (const TestVerdict& t : v.tests) {
      table.rows.push_back({"", fmt::format("{}, {}", t.test.estimand, family_words(t.test)),
                            estimate_words(t), t.test.margin_words,
                            fmt::format("{}: {}", t.test.decision, t.verdict), t.why, t.needs, ""});
    }
  }
  return table;
}

int cmd_claims(const Args& args) {
  namespace po = boost::program_options;
  std::string db_path;
  std::vector<std::string> paths;
  MeasureOptions request;
  bool as_json = false, keep = false;
  po::options_description options("options");
  options.add_options()("claims", po::value(&paths)->multitoken(),
                        "claim files or folders of them; without: the claims that the sweeps registered")(
      "db", po::value(&db_path)->default_value("./sweep.db"), "database")(
      "bootstrap", po::value(&request.replicates)->default_value(2000), "replicates behind the intervals")(
      "seed", po::value(&request.seed)->default_value(0), "of the replicates")(
      "store", po::bool_switch(&keep), "keep the verdicts in the database, table verdict")(
      "json", po::bool_switch(&as_json), "one JSON value on stdout: an array, an object a claim");
  po::variables_map values;
  if (!parse_command_line(args, "aunet-analyze claims [FILES or FOLDERS...] [options]",
                          "aunet-analyze claims sweeps/claims --db sweep.db", options, {"claims..."}, values))
    return 0;
  if (request.replicates < 100 || request.replicates > 1000000)
    throw ConfigError(fmt::format("--bootstrap: expected 100 to 1000000, got {}", request.replicates));
  Db db = open_for_analysis(db_path);
  const std::vector<ClaimSpec> claims = paths.empty() ? registered_specs(db) : read_claims(paths);
  if (claims.empty()) {
    throw ConfigError(
        fmt::format("--claims: expected claim files, got none: no sweep of {} registered a claim", db_path));
  }
  const std::vector<ClaimVerdict> verdicts = judge_all(db, claims, request);
  if (keep) store(db_path, verdicts);
  if (as_json) {
    json all = json::array();
    for (const ClaimVerdict& verdict : verdicts) all.push_back(verdict_json(verdict));
    fmt::print("{}\n", all.dump(2));
    return 0;
  }
  for (size_t i = 0; i < verdicts.size(); ++i) {
    if (i > 0) fmt::print("\n");
    print_verdict(verdicts[i]);
  }
  return 0;
}

}  // namespace aunet
