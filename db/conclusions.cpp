// Fits, multipliers and verdicts: what analysis stores (declared in db/queries.h).
#include "db/queries.h"
#include "db/sqlite_detail.h"

namespace aunet {
namespace {

void bind_optional(SQLite::Statement& statement, int index, const std::optional<double>& value) {
  bind_value(statement, index, value ? SqlValue(*value) : SqlValue());
}

std::optional<double> optional_double(const SQLite::Column& column) {
  return column.isNull() ? std::nullopt : std::optional(column.getDouble());
}

}  // namespace

void store_fit(Db& db, const StoredFit& fit) {
  naming(db.path(), [&] {
    run_once(db.handle(), "REPLACE INTO fit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", fit.name, fit.sweep,
             fit.family, fit.form, fit.convention, fit.parameters, fit.intervals, fit.certificate,
             fit.inputs_hash, fit.n_rows, fit.created);
  });
}

std::vector<StoredFit> load_fits(Db& db, const std::string& sweep) {
  return naming(db.path(), [&] {
    SQLite::Statement s(db.handle(), "SELECT * FROM fit WHERE ?1 = '' OR sweep = ?1 ORDER BY name");
    s.bind(1, sweep);
    std::vector<StoredFit> fits;
    while (s.executeStep()) {
      int i = 0;
      const auto text = [&] { return s.getColumn(i++).getString(); };
      StoredFit& fit = fits.emplace_back();
      for (std::string* field : {&fit.name, &fit.sweep, &fit.family, &fit.form, &fit.convention,
                                 &fit.parameters, &fit.intervals, &fit.certificate, &fit.inputs_hash}) {
        *field = text();
      }
      fit.n_rows = s.getColumn(i++).getInt64();
      fit.created = text();
    }
    return fits;
  });
}

void store_multipliers(Db& db, const std::vector<StoredMultiplier>& rows) {
  naming(db.path(), [&] {
    SQLite::Transaction transaction(db.handle());
    for (const StoredMultiplier& r : rows) {
      run_once(db.handle(),
               "DELETE FROM multiplier WHERE sweep = ? AND family_a = ? AND family_b = ? AND convention = ?",
               r.sweep, r.family_a, r.family_b, r.convention);
    }
    SQLite::Statement insert(db.handle(),
                             "REPLACE INTO multiplier VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const StoredMultiplier& r : rows) {
      int i = 0;
      for (const std::string& text : {r.sweep, r.family_a, r.family_b, r.convention}) insert.bind(++i, text);
      insert.bind(++i, r.flops);
      for (const auto& value : {r.loss_bpb, r.multiplier, r.low, r.high}) bind_optional(insert, ++i, value);
      for (const std::string& text : {r.verdict, r.reason, r.inputs_hash, r.created}) insert.bind(++i, text);
      insert.exec();
      insert.reset();
    }
    transaction.commit();
  });
}

std::vector<StoredMultiplier> load_multipliers(Db& db, const std::string& sweep) {
  return naming(db.path(), [&] {
    SQLite::Statement s(db.handle(),
                        "SELECT * FROM multiplier WHERE ?1 = '' OR sweep = ?1 ORDER BY 1, 2, 3, 4, 5");
    s.bind(1, sweep);
    std::vector<StoredMultiplier> rows;
    while (s.executeStep()) {
      const auto text = [&](int i) { return s.getColumn(i).getString(); };
      const auto real = [&](int i) { return optional_double(s.getColumn(i)); };
      rows.push_back({text(0), text(1), text(2), text(3), s.getColumn(4).getDouble(), real(5), real(6),
                      real(7), real(8), text(9), text(10), text(11), text(12)});
    }
    return rows;
  });
}

void store_verdicts(Db& db, const std::vector<StoredVerdict>& rows) {
  naming(db.path(), [&] {
    SQLite::Transaction transaction(db.handle());
    SQLite::Statement insert(db.handle(), "REPLACE INTO verdict VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (const StoredVerdict& r : rows) {
      int i = 0;
      for (const std::string& text : {r.sweep, r.claim, r.statement, r.verdict, r.why})
        insert.bind(++i, text);
      bind_optional(insert, ++i, r.needs_flops);
      for (const std::string& text : {r.marks, r.tests, r.hash}) insert.bind(++i, text);
      bind_value(insert, ++i, r.registered_hash ? SqlValue(*r.registered_hash) : SqlValue());
      for (const std::string& text : {r.inputs_hash, r.created}) insert.bind(++i, text);
      insert.exec();
      insert.reset();
    }
    transaction.commit();
  });
}

std::vector<StoredVerdict> load_verdicts(Db& db, const std::string& sweep) {
  return naming(db.path(), [&] {
    SQLite::Statement s(db.handle(), "SELECT * FROM verdict WHERE ?1 = '' OR sweep = ?1 ORDER BY 1, 2");
    s.bind(1, sweep);
    std::vector<StoredVerdict> rows;
    while (s.executeStep()) {
      const auto text = [&](int i) { return s.getColumn(i).getString(); };
      const SQLite::Column registered = s.getColumn(9);
      rows.push_back({text(0), text(1), text(2), text(3), text(4), optional_double(s.getColumn(5)), text(6),
                      text(7), text(8),
                      registered.isNull() ? std::nullopt : std::optional(registered.getString()), text(10),
                      text(11)});
    }
    return rows;
  });
}

}  // namespace aunet
