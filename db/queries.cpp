#include "db/queries.h"

#include "core/error.h"
#include "db/journal_tail.h"
#include "db/sqlite_detail.h"

#include <cmath>
#include <fstream>
#include <limits>

namespace aunet {
namespace {

/// Reads the columns of a row one after another into a struct's fields.
class RowReader {
 public:
  explicit RowReader(SQLite::Statement& statement) : statement_(statement) {}
  RowReader& operator>>(std::string& field) {
    const auto column = next();
    field = column.isNull() ? "" : column.getString();
    return *this;
  }
  RowReader& operator>>(int64_t& field) {
    field = next().getInt64();
    return *this;
  }
  RowReader& operator>>(double& field) {
    const auto column = next();
    field = column.isNull() ? std::numeric_limits<double>::quiet_NaN() : column.getDouble();
    return *this;
  }
  RowReader& operator>>(bool& field) {
    field = next().getInt() != 0;
    return *this;
  }
  template <class T>
  RowReader& operator>>(std::optional<T>& field) {
    if (statement_.getColumn(index_).isNull()) {
      ++index_;
      field.reset();
      return *this;
    }
    return *this >> field.emplace();
  }

 private:
  SQLite::Column next() { return statement_.getColumn(index_++); }
  SQLite::Statement& statement_;
  int index_ = 0;
};

constexpr const char* kFinalColumns =
    R"(key, sweep, family, role, is_trial, kind, dims, layers, budget_flops, convention, size_index,
       params, params_non_embedding, params_active, params_embedding,
       flops_paper, flops_useful, flops_executed,
       bytes, tokens, epochs, unique_bytes, repeated, lr, lr_source, batch_bytes, batch_windows, seed, seed_data, context_bytes,
       loss_nats, loss_bpb, heldout_bytes, heldout_units, heldout_documents, warmup,
       attempts, steps_executed, steps_planned, last_step, status, cause, message,
       gate_causal, gate_verdict, leak_rate, bpb_leaky, bpb_clean,
       train_seconds, wall_seconds, inference_flops_per_byte, memory_bytes, device, "commit",
       train_fingerprint, heldout_fingerprint, tokenizer_fingerprint, split_mode,
       schedule, tree, parent_key, flops_useful_incremental)";
constexpr const char* kStableOrder = " ORDER BY sweep, family, budget_flops, size_index, role, key";

void read_final(RowReader& in, FinalRow& r) {
  in >> r.key >> r.sweep >> r.family >> r.role >> r.is_trial >> r.kind >> r.dims >> r.layers >>
      r.budget_flops >> r.convention >> r.size_index;
  in >> r.params >> r.params_non_embedding >> r.params_active >> r.params_embedding >> r.flops_paper >>
      r.flops_useful >> r.flops_executed;
  in >> r.bytes >> r.tokens >> r.epochs >> r.unique_bytes >> r.repeated >> r.lr >> r.lr_source >>
      r.batch_bytes >> r.batch_windows >> r.seed >> r.seed_data >> r.context_bytes;
  in >> r.loss_nats >> r.loss_bpb >> r.heldout_bytes >> r.heldout_units >> r.heldout_documents >> r.warmup;
  in >> r.attempts >> r.steps_executed >> r.steps_planned >> r.last_step >> r.status >> r.cause >>
      r.message >> r.gate_causal >> r.gate_verdict >> r.leak_rate >> r.bpb_leaky >> r.bpb_clean;
  in >> r.train_seconds >> r.wall_seconds >> r.inference_flops_per_byte >> r.memory_bytes >> r.device >>
      r.commit;
  in >> r.train_fingerprint >> r.heldout_fingerprint >> r.tokenizer_fingerprint >> r.split_mode;
  in >> r.schedule >> r.tree >> r.parent_key >> r.flops_useful_incremental;
}

/// Runs `sql` with the texts bound in order and makes one T per row.
template <class T, class Read>
std::vector<T> select(Db& db, const std::string& sql, const std::vector<std::string>& texts, Read read) {
  return naming(db.path(), [&] {
    SQLite::Statement statement(db.handle(), sql);
    for (size_t i = 0; i < texts.size(); ++i) statement.bind(static_cast<int>(i) + 1, texts[i]);
    std::vector<T> rows;
    while (statement.executeStep()) {
      RowReader in(statement);
      read(in, rows.emplace_back());
    }
    return rows;
  });
}

/// " AND column IN (?, ?)" and its values; nothing for an empty list.
void restrict(std::string& sql, std::vector<std::string>& texts, const char* column,
              const std::vector<std::string>& values) {
  if (values.empty()) return;
  sql += fmt::format(" AND {} IN (", column);
  for (size_t i = 0; i < values.size(); ++i) sql += i ? ", ?" : "?";
  sql += ")";
  texts.insert(texts.end(), values.begin(), values.end());
}

std::vector<std::string> one_or_all(const std::string& value) {
  return value.empty() ? std::vector<std::string>{} : std::vector<std::string>{value};
}

}  // namespace

std::vector<FinalRow> final_rows(Db& db, const FinalFilter& filter) {
  std::string sql = fmt::format("SELECT {} FROM v_final WHERE 1", kFinalColumns);
  std::vector<std::string> texts;
  restrict(sql, texts, "sweep", one_or_all(filter.sweep));
  restrict(sql, texts, "family", one_or_all(filter.family));
  restrict(sql, texts, "role", filter.roles);
  restrict(sql, texts, "status", filter.statuses);
  return select<FinalRow>(db, sql + kStableOrder, texts, read_final);
}

std::vector<FitInputRow> fit_input(Db& db, const std::string& sweep, bool include_leaky,
                                   bool include_repeated) {
  std::string sql = fmt::format("SELECT exclusion, {} FROM v_fit_input WHERE 1", kFinalColumns);
  std::vector<std::string> texts;
  restrict(sql, texts, "sweep", one_or_all(sweep));
  return select<FitInputRow>(db, sql + kStableOrder, texts, [&](RowReader& in, FitInputRow& r) {
    in >> r.exclusion;
    read_final(in, r.row);
    // A run may be both: its gate is named first.
    if (include_leaky && r.exclusion == "causality gate: leak")
      r.exclusion =
          r.row.repeated.value_or(false) ? fmt::format("repeated: {:.1f} epochs", *r.row.epochs) : "";
    if (include_repeated && r.exclusion.starts_with("repeated: ")) r.exclusion.clear();
  });
}

std::vector<CurvePoint> curve(Db& db, const std::string& key) {
  return select<CurvePoint>(db,
                            "SELECT step, attempt, bytes, units, flops_paper, flops_useful, flops_executed, "
                            "loss_nats, loss_bpb, lr, "
                            "grad_norm, seconds FROM v_curve WHERE key = ? ORDER BY step",
                            {key}, [](RowReader& in, CurvePoint& p) {
                              in >> p.step >> p.attempt >> p.text_bytes >> p.units >> p.flops_paper >>
                                  p.flops_useful >> p.flops_executed;
                              in >> p.loss_nats >> p.loss_bpb >> p.lr >> p.grad_norm >> p.seconds;
                            });
}

std::vector<TuningTrial> tuning_trials(Db& db, const std::string& sweep) {
  std::string sql =
      "SELECT sweep, family, key, status, cause, coalesce(budget_flops, 0), lr, batch_bytes, loss_bpb, "
      "batch_windows, "
      "coalesce(spent_flops_paper, 0), coalesce(spent_flops_useful, 0), coalesce(spent_flops_executed, 0), "
      "dims, "
      "json_extract(c.canonical, '$.model.split'), CASE kind WHEN 'llama' THEN json_extract(c.canonical, "
      "'$.model.vocab_size') - 2 END, "
      "json_extract(c.canonical, '$.optim.weight_decay') "
      "FROM v_final LEFT JOIN (SELECT key AS run_key, canonical FROM run) c ON c.run_key = key WHERE "
      "is_trial = 1";
  std::vector<std::string> texts;
  restrict(sql, texts, "sweep", one_or_all(sweep));
  return select<TuningTrial>(db, sql + kStableOrder, texts, [](RowReader& in, TuningTrial& t) {
    in >> t.sweep >> t.family >> t.key >> t.status >> t.cause >> t.budget_flops >> t.lr >> t.batch_bytes >>
        t.loss_bpb >> t.batch_windows >> t.flops_paper >> t.flops_useful >> t.flops_executed;
    in >> t.dims >> t.split >> t.vocab >> t.weight_decay;
  });
}

std::vector<std::string> plan_notes(Db& db, const std::string& sweep) {
  return select<std::string>(db,
                             "SELECT j.value FROM sweep s, json_each(s.notes) j WHERE s.name = ? "
                             "GROUP BY j.value ORDER BY min(s.plan), min(j.key)",
                             {sweep}, [](RowReader& in, std::string& note) { in >> note; });
}

std::vector<TuningEffort> tuning_effort(Db& db, const std::string& sweep) {
  std::string sql =
      "SELECT sweep, family, coalesce(budget_flops, 0), trials, done, flops_paper, flops_useful, best_bpb "
      "FROM v_tuning WHERE 1";
  std::vector<std::string> texts;
  restrict(sql, texts, "sweep", one_or_all(sweep));
  return select<TuningEffort>(db, sql + " ORDER BY sweep, family, budget_flops", texts,
                              [](RowReader& in, TuningEffort& e) {
                                in >> e.sweep >> e.family >> e.budget_flops >> e.trials >> e.done >>
                                    e.flops_paper >> e.flops_useful >> e.best_bpb;
                              });
}

std::vector<RegisteredClaim> load_claims(Db& db, const std::string& sweep) {
  std::vector<std::string> texts;
  // SQLite: bare columns of a query with min() come from the row that has the minimum.
  std::string sql = "SELECT sweep, id, hash, text, min(registered) FROM claim WHERE 1";
  restrict(sql, texts, "sweep", one_or_all(sweep));
  return select<RegisteredClaim>(
      db, sql + " GROUP BY sweep, id ORDER BY sweep, id", texts,
      [](RowReader& in, RegisteredClaim& c) { in >> c.sweep >> c.id >> c.hash >> c.text >> c.registered; });
}

std::vector<EvalRow> eval_rows(Db& db, const std::string& sweep) {
  // SQLite: bare columns of a query with max() come from the row that has the maximum.
  return select<EvalRow>(db,
                         "SELECT key, split, bytes, loss_bpb FROM (SELECT e.key AS key, e.split AS split, "
                         "e.bytes AS bytes, e.loss_bpb AS loss_bpb, max(e.attempt) FROM eval e JOIN run r ON "
                         "r.key = e.key AND r.status = 'done' AND e.step = r.last_step "
                         "WHERE e.loss_bpb IS NOT NULL AND e.split <> 'heldout' AND EXISTS "
                         "(SELECT 1 FROM cell c WHERE c.key = e.key AND c.sweep = ?) "
                         "GROUP BY e.key, e.split) ORDER BY key, split",
                         {sweep},
                         [](RowReader& in, EvalRow& e) { in >> e.key >> e.split >> e.bytes >> e.loss_bpb; });
}

std::vector<std::string> first_starts(Db& db, const std::string& sweep) {
  return select<std::string>(
      db,
      "SELECT min(a.started) FROM attempt a WHERE EXISTS (SELECT 1 FROM cell c WHERE "
      "c.key = a.key AND c.sweep = ? AND c.excluded IS NULL) GROUP BY a.key ORDER BY 1",
      {sweep}, [](RowReader& in, std::string& started) { in >> started; });
}

std::vector<std::string> sweep_names(Db& db) {
  return select<std::string>(db, "SELECT DISTINCT name FROM sweep ORDER BY name", {},
                             [](RowReader& in, std::string& name) { in >> name; });
}

std::vector<KnownJournal> known_journals(Db& db) {
  return select<KnownJournal>(
      db, "SELECT key, path, bytes_read FROM source WHERE kind = 'journal' AND used ORDER BY path", {},
      [](RowReader& in, KnownJournal& j) { in >> j.key >> j.path >> j.bytes_read; });
}

std::vector<KnownJournal> stale_journals(Db& db) {
  std::vector<KnownJournal> stale;
  for (KnownJournal& journal : known_journals(db)) {
    if (mark_of(journal.path).size <= journal.bytes_read) continue;
    std::ifstream file(journal.path, std::ios::binary);
    file.seekg(journal.bytes_read);
    std::string rest;
    if (std::getline(file, rest) && !file.eof()) stale.push_back(std::move(journal));
  }
  return stale;
}

}  // namespace aunet
