#include "synthetic.h"

#include "budget/params.h"
#include "core/file.h"
#include "core/run_dir.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace aunet::testing {
namespace {

RunConfig base_run(uint64_t seed, double lr) {
  RunConfig run;
  run.data.train = {{"train.jsonl", 1}};
  run.data.heldout = {"valid.jsonl"};
  run.data.context_bytes = 512;
  run.data.train_fingerprint = "0123456789abcdef0123456789abcdef";
  run.data.heldout_fingerprint = "fedcba9876543210fedcba9876543210";
  run.optim.lr = lr;
  run.horizon = {.windows = 40, .batch_windows = 4, .last_window_bytes = 0, .accumulation = 1};
  run.seeds = {seed, seed};
  run.origin = {
      .name = "demo", .family = "", .budget_flops = 2e10, .convention = "useful", .flops_planned = 2e10};
  return run;
}

}  // namespace

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "aunet_db_XXXXXX").string();
  path_ = std::filesystem::canonical(mkdtemp(pattern.data())).string();
}

TempDir::~TempDir() { remove_tree(path_); }

RunConfig aunet_run(uint64_t seed, double lr) {
  RunConfig run = base_run(seed, lr);
  AunetConfig model;
  model.dimensions = {32, 64};
  model.layers = {1, 3};
  model.head_dims = {32, 32};
  model.residuals = {true};
  model.sliding_windows = {64, 256};
  model.max_seqlens = {-1, -1};
  model.multiple_of = 32;
  model.split = parse_split("word1=1@1", "test");
  run.model = model;
  run.origin.family = "aunet2";
  return run;
}

RunConfig bpe_run(uint64_t seed, double lr) {
  RunConfig run = base_run(seed, lr);
  TransformerConfig model;
  model.dim = 32;
  model.n_layers = 2;
  model.head_dim = 32;
  model.vocab_size = 1026;
  model.multiple_of = 32;
  model.tokenizer.vocab = 1024;
  model.tokenizer.path = "tokenizer.tiktoken";
  model.tokenizer.fingerprint = "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb";
  run.model = model;
  run.origin.family = "bpe";
  return run;
}

std::string make_run(const std::string& runs, const RunConfig& run) {
  const RunDir directory = RunsRoot{runs}.run(train_key(run));
  make_directories(directory.path);
  write_file_atomic(directory.run_toml(), to_toml(run));
  return directory.path;
}

void append(const std::string& directory, const std::vector<JournalRecord>& records) {
  AppendFile journal(RunDir{directory}.journal());
  for (const JournalRecord& record : records) journal.append_line(to_json_line(record));
}

AttemptRecord attempt(int64_t number, int64_t from_step) {
  AttemptRecord r;
  r.attempt = number;
  r.started = fmt::format("2026-01-0{}T00:00:00Z", number);
  r.from_step = from_step;
  r.host = "host";
  r.device = "cpu: test x1";
  r.pid = 100 + number;
  r.commit = "abc123";
  r.torch_version = "2.11.0";
  r.command = "aunet train";
  return r;
}

StepRecord step(int64_t attempt_number, int64_t number) {
  StepRecord r;
  r.attempt = attempt_number;
  r.step = number;
  r.text_bytes = 2000 * number;
  r.units = 2008 * number;
  r.flops_paper = 1e9 * static_cast<double>(number);
  r.flops_useful = 2e9 * static_cast<double>(number);
  r.flops_executed = 3e9 * static_cast<double>(number);
  r.loss_nats = 5.5 / static_cast<double>(number);
  r.loss_bpb = 8.0 / static_cast<double>(number);
  r.lr = 0.03;
  r.grad_norm = 1.25;
  r.seconds = 0.1 + 0.001 * static_cast<double>(
                                attempt_number);  // 0.1 has no finite binary form: sums show their order
  return r;
}

std::vector<JournalRecord> steps(int64_t attempt_number, int64_t from, int64_t to) {
  std::vector<JournalRecord> records;
  for (int64_t i = from; i <= to; ++i) records.push_back(step(attempt_number, i));
  return records;
}

EvalRecord heldout(const RunConfig& run, int64_t attempt_number, int64_t at_step, double loss_bpb) {
  EvalRecord r;
  r.attempt = attempt_number;
  r.step = at_step;
  r.split = "heldout";
  r.text_bytes = 10000;
  r.units = 10040;
  r.documents = 7;
  r.nats = loss_bpb * 0.69314718055994530942 * 10000;
  r.loss_nats = r.nats / 10040;
  r.loss_bpb = loss_bpb;
  r.eval_key = eval_key(run);
  r.seconds = 0.5;
  return r;
}

GateRecord gate(int64_t attempt_number, int64_t at_step, const std::string& verdict) {
  return {attempt_number, at_step, "causal", verdict, verdict == "pass" ? 0 : 0.25, ""};
}

EndRecord end(int64_t attempt_number, int64_t at_step, const std::string& status, const std::string& cause) {
  return {attempt_number, at_step, status, cause, cause.empty() ? "" : "because of " + cause};
}

std::vector<JournalRecord> finished(const RunConfig& run, double loss_bpb) {
  std::vector<JournalRecord> records = {attempt(1), gate(1, 0, "pass")};
  for (JournalRecord& record : steps(1, 1, 10)) records.push_back(std::move(record));
  records.push_back(CheckpointRecord{1, 10, "checkpoints/step-00000010"});
  records.push_back(heldout(run, 1, 10, loss_bpb));
  records.push_back(gate(1, 10, "pass"));
  records.push_back(end(1, 10, "done"));
  return records;
}

void write_plan_file(const std::string& runs, const std::string& sweep, const std::vector<std::string>& cells,
                     const std::vector<std::string>& excluded) {
  make_directories(runs + "/plans");
  write_file_atomic(
      RunsRoot{runs}.plan(sweep),
      fmt::format(
          R"({{"sweep":"{}","convention":"useful","tuning_complete":true,"cells":[{}],"excluded":[{}],"notes":[]}})",
          sweep, join(cells, ","), join(excluded, ",")));
}

std::string cell_json(const RunConfig& run, const std::string& role, double budget, int64_t size_index) {
  const ParamCount params = count_params(run.model);
  const bool is_bpe = kind_of(run.model) == "llama";
  return nlohmann::json{
      {"key", train_key(run)},
      {"family", run.origin.family},
      {"role", role},
      {"budget", budget},
      {"convention", "useful"},
      {"size_index", size_index},
      {"lr", run.optim.lr},
      {"lr_source", "given"},
      {"bytes", 20000.0},
      {"tokens", is_bpe ? nlohmann::json(20080.0) : nlohmann::json()},
      {"epochs", 0.5},
      {"steps", 10},
      {"batch", {{"sequences", 4}, {"units", 2008.0}, {"bytes", 2000.0}}},
      {"flops", {{"paper", 1e10}, {"useful", 2e10}, {"executed", 3e10}, {"budget", budget}, {"error", 0.0}}},
      {"params",
       {{"total", params.total},
        {"non_embedding", params.non_embedding},
        {"active", params.active},
        {"embedding", params.embedding}}},
      {"inference_flops_per_byte", 1e5},
      {"memory_bytes", 1e7}}
      .dump();
}

std::string content(Db& db) {
  std::string text;
  for (const char* table : {"sweep", "cell", "run", "attempt", "step", "eval", "gate", "checkpoint", "item",
                            "fit", "multiplier", "claim", "verdict"}) {
    std::vector<std::string> rows;
    for (const auto& values : query(db, fmt::format("SELECT * FROM {}", table)).rows) {
      std::string row = table;
      for (const SqlValue& value : values) row += fmt::format("|{}:{}", value.index(), to_text(value));
      rows.push_back(row + "\n");
    }
    std::sort(rows.begin(), rows.end());
    text += join(rows, "");
  }
  return text;
}

std::string scalar(Db& db, const std::string& sql) {
  const SqlTable table = query(db, sql);
  return table.rows.empty() ? "no row" : to_text(table.rows[0][0]);
}

}  // namespace aunet::testing
