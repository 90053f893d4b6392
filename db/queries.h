// What analysis asks of sweep.db, as plain structs. Every answer is a view of db/schema.sql read in a stable
// order (sweep, family, budget, size, key), so that equal databases give equal reports. Missing is nullopt.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "db/store.h"

namespace aunet {

/// One row of v_final: one cell of a sweep (or a run that no sweep planned: sweep "", role "run").
struct FinalRow {
  std::string key, sweep, family;
  std::string role;          // "tune" | "grid" | "replicate" | "run"
  bool is_trial = false;     // the tuning rule used it (a grid cell may also have been a trial)
  std::string kind;          // "aunet" | "llama" | "bytes"; "" when run.toml is unreadable or absent
  std::string dims, layers;  // "32,64" and "1,3": per stage
  std::optional<double> budget_flops;  // the grid's budget, by `convention`
  std::string convention;              // "paper" | "useful" | "executed"; "" when unknown
  std::optional<int64_t> size_index;
  std::optional<int64_t> params, params_non_embedding, params_active, params_embedding;
  std::optional<double> flops_paper, flops_useful,
      flops_executed;                  // spent, from the last step; done runs only
  std::optional<double> bytes;         // text bytes trained on; done runs only
  std::optional<double> tokens;        // target units trained on; done BPE runs only
  std::optional<double> epochs;        // as planned: of the training source that repeats most
  std::optional<double> unique_bytes;  // as planned: different text bytes seen
  std::optional<bool> repeated;        // more than 4 epochs
  std::optional<double> lr;            // peak
  std::string lr_source;               // "law paper", "given", "tuned at 2e10", ...
  std::optional<double> batch_bytes;   // text bytes a step
  std::optional<int64_t> batch_windows;
  std::optional<int64_t> seed, seed_data;  // seeds.init, seeds.data
  std::optional<int64_t> context_bytes;
  std::optional<double> loss_nats;  // held-out, per unit of the model; done runs only
  std::optional<double> loss_bpb;   // held-out bits per text byte; done runs only
  std::optional<int64_t> heldout_bytes, heldout_units, heldout_documents;
  std::optional<double> warmup;  // share of the steps
  std::optional<int64_t> attempts, steps_executed, steps_planned, last_step;
  std::string status;               // "done" | "running" | "failed" | "stopped"; "" before the first attempt
  std::string cause, message;       // of a run that ended badly
  std::optional<bool> gate_causal;  // pass; nullopt: the gate did not run
  std::string gate_verdict;         // worst over the run: "pass" | "leak" | "fail" | ""
  std::optional<double> leak_rate;  // share of held-out bytes whose level depends on later bytes
  std::optional<double> bpb_leaky, bpb_clean;  // of a leak: bits per byte with and without its help
  std::optional<double> train_seconds;         // one pass over the steps (a repeated step counts once)
  std::optional<double> wall_seconds;          // all executed steps
  std::optional<double> inference_flops_per_byte, memory_bytes;  // as planned
  std::string device, commit;                                    // of the last attempt
  std::string train_fingerprint, heldout_fingerprint, tokenizer_fingerprint;
  std::string split_mode;  // AU-Net: "causal" | "official"
  std::string schedule;    // "cosine" | "wsd"; "" when run.toml is unreadable or absent
  std::string tree;        // run tree: equal for runs that share their stable phase; "" alone
  std::string parent_key;  // whose steps it goes on from; "": it executed all of its own
  std::optional<double> flops_useful_incremental;  // without those; done runs only
};

/// Empty lists and strings do not restrict.
struct FinalFilter {
  std::string sweep = "", family = "";
  std::vector<std::string> roles = {}, statuses = {};
};

std::vector<FinalRow> final_rows(Db& db, const FinalFilter& filter = {});

/// A row of v_fit_input: the final row and why it may not enter a fit ("" when it may).
struct FitInputRow {
  FinalRow row;
  std::string
      exclusion;  // "tuning trial", "failed: nan", "causality gate: leak", "plan: more than four epochs"
};
/// `include_leaky`: a gate that said "leak" excludes no run (it stays marked by gate_causal).
/// `include_repeated`: more than 4 epochs exclude no run (it stays marked by repeated).
std::vector<FitInputRow> fit_input(Db& db, const std::string& sweep, bool include_leaky = false,
                                   bool include_repeated = false);

/// Training curve of a run, a point a step; of a repeated step the last attempt's.
struct CurvePoint {
  int64_t step = 0, attempt = 0;
  double text_bytes = 0, units = 0;                              // cumulative
  double flops_paper = 0, flops_useful = 0, flops_executed = 0;  // cumulative
  double loss_nats = 0, loss_bpb = 0;  // training, of this step; NaN where it was not finite
  double lr = 0, grad_norm = 0, seconds = 0;
};
std::vector<CurvePoint> curve(Db& db, const std::string& key);

/// One trial of the tuning rule. FLOPs are what it spent, finished or not: a diverged trial is effort too.
struct TuningTrial {
  std::string sweep, family, key, status, cause;
  double budget_flops = 0;
  std::optional<double> lr, batch_bytes, loss_bpb;
  std::optional<int64_t> batch_windows;
  double flops_paper = 0, flops_useful = 0, flops_executed = 0;
  std::string dims;  // width per stage, "32,64"
  // From the resolved run.toml; missing where there is none.
  std::string split;             // AU-Net: "word1=1@1"
  std::optional<int64_t> vocab;  // transformers: ids of the tokenizer without the two marks
  std::optional<double> weight_decay;
};
std::vector<TuningTrial> tuning_trials(Db& db, const std::string& sweep);

/// What the planner noted about a sweep (its tuned settings among them), in its order.
std::vector<std::string> plan_notes(Db& db, const std::string& sweep);

/// Tuning effort of one family at one budget (v_tuning).
struct TuningEffort {
  std::string sweep, family;
  double budget_flops = 0;
  int64_t trials = 0, done = 0;
  double flops_paper = 0, flops_useful = 0;
  std::optional<double> best_bpb;
};
std::vector<TuningEffort> tuning_effort(Db& db, const std::string& sweep);

std::vector<std::string> sweep_names(Db& db);  ///< sorted

/// Where the newest journal known to the database ends; analysis warns when one has grown since.
struct KnownJournal {
  std::string key, path;
  int64_t bytes_read = 0;
};
std::vector<KnownJournal> known_journals(Db& db);
/// Of those, the ones whose file is longer than what was ingested (a torn last line does not count).
std::vector<KnownJournal> stale_journals(Db& db);

/// A fit as it was concluded. JSON fields are objects.
struct StoredFit {
  std::string name = "";  // unique: a fit of the same name replaces it
  std::string sweep = "", family = "";
  std::string form = "";           // "chinchilla", "frontier", ...
  std::string convention = "";     // FLOPs it used
  std::string parameters = "{}";   // name -> value, 17 digits
  std::string intervals = "{}";    // name -> [low, high]
  std::string certificate = "{}";  // "converged" and its evidence
  std::string inputs_hash = "";    // hash of the rows it saw
  int64_t n_rows = 0;
  std::string created = "";  // ISO 8601 UTC
};
void store_fit(Db& db, const StoredFit& fit);  ///< needs open_write and a WriterLock
std::vector<StoredFit> load_fits(Db& db, const std::string& sweep = "");  ///< "": all

/// A compute multiplier at one budget: family_b needs `multiplier` times family_a's FLOPs for the same loss.
struct StoredMultiplier {
  std::string sweep = "", family_a = "", family_b = "", convention = "";
  double flops = 0;                     // of family_a
  std::optional<double> loss_bpb = {};  // of family_a there
  std::optional<double> multiplier = {}, low = {},
                        high = {};  // nullopt: refused, or an open end of the interval
  std::string verdict = "";         // "estimate" | "censored" | "refused"
  std::string reason = "";          // of a refusal or censoring
  std::string inputs_hash = "", created = "";
};
/// Replaces every row of (sweep, family_a, family_b, convention).
void store_multipliers(Db& db, const std::vector<StoredMultiplier>& rows);
std::vector<StoredMultiplier> load_multipliers(Db& db, const std::string& sweep = "");

/// A claim as its sweep registered it; of several plans' the earliest.
struct RegisteredClaim {
  std::string sweep = "", id = "", hash = "", text = "", registered = "";
};
std::vector<RegisteredClaim> load_claims(Db& db, const std::string& sweep = "");  ///< by sweep and id

/// A verdict as it was concluded. `marks` and `tests` are JSON arrays.
struct StoredVerdict {
  std::string sweep = "", claim = "", statement = "", verdict = "", why = "";
  std::optional<double> needs_flops = {};
  std::string marks = "[]", tests = "[]", hash = "";
  std::optional<std::string> registered_hash = {};
  std::string inputs_hash = "", created = "";
};
/// Replaces the row of (sweep, claim).
void store_verdicts(Db& db, const std::vector<StoredVerdict>& rows);
std::vector<StoredVerdict> load_verdicts(Db& db, const std::string& sweep = "");

/// Further evaluations of finished runs, at their last step; of several with one name the newest.
struct EvalRow {
  std::string key = "", split = "";
  int64_t bytes = 0;
  double loss_bpb = 0;
};
std::vector<EvalRow> eval_rows(Db& db, const std::string& sweep);

/// When the first attempt of each of the sweep's runs began (ISO 8601 UTC), ascending.
std::vector<std::string> first_starts(Db& db, const std::string& sweep);

}  // namespace aunet
