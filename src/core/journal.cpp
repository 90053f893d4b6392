#include "core/journal.h"

#include "core/error.h"
#include "core/file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <span>
#include <string_view>
#include <type_traits>

namespace aunet {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;  // a journal is also read by people: fields in the struct's order

template <class A, class B>
concept Same = std::is_same_v<std::remove_const_t<A>, B>;

// Each record's fields are listed once, for writing and for reading.
template <class Visit>
void visit_fields(Same<AttemptRecord> auto& r, Visit visit) {
  visit("attempt", r.attempt);
  visit("started", r.started);
  visit("from_step", r.from_step);
  visit.optional("from_run", r.from_run);  // journals of before run trees have none
  visit("host", r.host);
  visit("device", r.device);
  visit("pid", r.pid);
  visit("threads", r.threads);
  visit("commit", r.commit);
  visit("dirty_diff_hash", r.dirty_diff_hash);
  visit("torch_version", r.torch_version);
  visit("command", r.command);
  visit.optional("gpu", r.gpu);
  visit.optional("driver", r.driver);
  visit.optional("libraries", r.libraries);
  visit.optional("environment", r.environment);
}

template <class Visit>
void visit_fields(Same<StepRecord> auto& r, Visit visit) {
  visit("attempt", r.attempt);
  visit("step", r.step);
  visit("text_bytes", r.text_bytes);
  visit("units", r.units);
  visit("flops_useful", r.flops_useful);
  visit("flops_paper", r.flops_paper);
  visit("flops_executed", r.flops_executed);
  visit("loss_nats", r.loss_nats);
  visit("loss_bpb", r.loss_bpb);
  visit("lr", r.lr);
  visit("grad_norm", r.grad_norm);
  visit("seconds", r.seconds);
  visit.optional("cut_rows", r.cut_rows);
}

template <class Visit>
void visit_fields(Same<CheckpointRecord> auto& r, Visit visit) {
  visit("attempt", r.attempt);
  visit("step", r.step);
  visit("path", r.path);
}

template <class Visit>
void visit_fields(Same<EvalRecord> auto& r, Visit visit) {
  visit("attempt", r.attempt);
  visit("step", r.step);
  visit("split", r.split);
  visit("nats", r.nats);
  visit("text_bytes", r.text_bytes);
  visit("units", r.units);
  visit("documents", r.documents);
  visit("loss_nats", r.loss_nats);
  visit("loss_bpb", r.loss_bpb);
  visit("eval_key", r.eval_key);
  visit("seconds", r.seconds);
}

template <class Visit>
void visit_fields(Same<GateRecord> auto& r, Visit visit) {
  visit("attempt", r.attempt);
  visit("step", r.step);
  visit("gate", r.gate);
  visit("verdict", r.verdict);
  visit("leak_rate", r.leak_rate);
  visit("detail", r.detail);
  visit.optional("perturbations", r.perturbations);
  visit.optional("positions", r.positions);
  visit.optional("leaky_bytes", r.leaky_bytes);
  visit.optional("clean_bytes", r.clean_bytes);
  visit.optional("bpb_leaky", r.bpb_leaky);
  visit.optional("bpb_clean", r.bpb_clean);
  visit.optional("seconds", r.seconds);
}

template <class Visit>
void visit_fields(Same<EndRecord> auto& r, Visit visit) {
  visit("attempt", r.attempt);
  visit("step", r.step);
  visit("status", r.status);
  visit("cause", r.cause);
  visit("message", r.message);
  visit.optional("peak_bytes", r.peak_bytes);
  visit.optional("seconds", r.seconds);
  visit.optional("start_seconds", r.start_seconds);
}

template <class Visit>
void visit_fields(Same<DiagnosisRecord::Norms> auto& r, Visit visit) {
  visit("part", r.part);
  visit("weight", r.weight);
  visit("grad", r.grad);
  visit("not_finite", r.not_finite);
}

template <class Visit>
void visit_fields(Same<DiagnosisRecord::Text> auto& r, Visit visit) {
  visit("source", r.source);
  visit("document", r.document);
  visit("head", r.head);
}

template <class Visit>
void visit_fields(Same<DiagnosisRecord> auto& r, Visit visit) {
  visit("attempt", r.attempt);
  visit("step", r.step);
  visit("rates", r.rates);
  visit("norms", r.norms);
  visit("documents", r.documents);
  visit("n_documents", r.n_documents);
}

constexpr const char* kTypes[] = {"attempt", "step", "checkpoint", "eval",
                                  "gate",    "end",  "diagnosis"};  // variant order

/// Writes a record's fields, a list of records as a list of objects.
struct FieldWriter {
  OrderedJson& object;

  void optional(const char* key, const std::string& text) const {
    if (!text.empty()) object[key] = text;
  }
  template <class T>
  void optional(const char* key, const std::optional<T>& value) const {
    if (value) object[key] = *value;
  }
  template <class T>
  void operator()(const char* key, const T& value) const {
    object[key] = value;
  }
  template <class T>
  void operator()(const char* key, const std::vector<T>& list) const {
    OrderedJson array = OrderedJson::array();
    for (const T& element : list) {
      if constexpr (std::is_arithmetic_v<T>) {
        array.push_back(element);
      } else {
        visit_fields(element, FieldWriter{array.emplace_back(OrderedJson::object())});
      }
    }
    object[key] = std::move(array);
  }
};

/// Reads fields; `ok` turns false at the first one that is missing or of another type.
struct FieldReader {
  const Json& object;
  bool& ok;

  void optional(const char* key, std::string& text) const {
    if (object.contains(key)) (*this)(key, text);
  }
  template <class T>
  void optional(const char* key, std::optional<T>& value) const {
    if (object.contains(key)) (*this)(key, value.emplace());
  }
  const Json* find(const char* key) const {
    const auto it = object.find(key);
    if (it == object.end()) ok = false;
    return ok ? &*it : nullptr;
  }
  void operator()(const char* key, std::string& value) const {
    const Json* json = find(key);
    if (!json) return;
    ok = json->is_string();
    if (ok) value = json->get_ref<const std::string&>();
  }
  void operator()(const char* key, int64_t& value) const {
    const Json* json = find(key);
    if (!json) return;
    ok = json->is_number_integer();
    if (ok) value = json->get<int64_t>();
  }
  // JSON has no NaN: null stands for every loss that is not finite.
  void operator()(const char* key, double& value) const {
    const Json* json = find(key);
    if (!json) return;
    ok = json->is_number() || json->is_null();
    if (ok) value = number(*json);
  }
  void operator()(const char* key, std::vector<double>& values) const {
    const Json* json = find(key);
    if (!json) return;
    ok = json->is_array();
    for (size_t i = 0; ok && i < json->size(); ++i) {
      ok = (*json)[i].is_number() || (*json)[i].is_null();
      if (ok) values.push_back(number((*json)[i]));
    }
  }
  template <class Record>
  void operator()(const char* key, std::vector<Record>& records) const {
    const Json* json = find(key);
    if (!json) return;
    ok = json->is_array();
    for (size_t i = 0; ok && i < json->size(); ++i) {
      ok = (*json)[i].is_object();
      if (ok) visit_fields(records.emplace_back(), FieldReader{(*json)[i], ok});
    }
  }
  static double number(const Json& json) {
    return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
  }
};

template <class Record>
std::optional<JournalRecord> read_record(const Json& object) {
  Record record;
  bool ok = true;
  visit_fields(record, FieldReader{object, ok});
  if (!ok) return std::nullopt;
  return record;
}

/// The newest row of `step` in `records`. Searched from the end: a resume goes back one checkpoint, not to
/// the start.
std::optional<StepRecord> last_row_of(std::span<const JournalRecord> records, int64_t step) {
  if (step == 0) return std::nullopt;
  for (size_t i = records.size(); i-- > 0;) {
    const auto* row = std::get_if<StepRecord>(&records[i]);
    if (row && row->step == step) return *row;
  }
  return std::nullopt;
}

}  // namespace

std::string to_json_line(const JournalRecord& record) {
  OrderedJson object;
  object["type"] = kTypes[record.index()];
  std::visit([&](const auto& r) { visit_fields(r, FieldWriter{object}); }, record);
  // A host name or a message may hold any bytes; a journal line is always valid UTF-8.
  return object.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

std::optional<JournalRecord> parse_journal_line(const std::string& line) {
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) return std::nullopt;
  const auto type = object.find("type");
  if (type == object.end() || !type->is_string()) return std::nullopt;
  const std::string& name = type->get_ref<const std::string&>();
  if (name == kTypes[0]) return read_record<AttemptRecord>(object);
  if (name == kTypes[1]) return read_record<StepRecord>(object);
  if (name == kTypes[2]) return read_record<CheckpointRecord>(object);
  if (name == kTypes[3]) return read_record<EvalRecord>(object);
  if (name == kTypes[4]) return read_record<GateRecord>(object);
  if (name == kTypes[5]) return read_record<EndRecord>(object);
  if (name == kTypes[6]) return read_record<DiagnosisRecord>(object);
  return std::nullopt;
}

std::vector<JournalRecord> read_journal(const std::string& path) {
  const std::string text = read_file(path);
  std::vector<JournalRecord> records;
  int64_t line_number = 0;
  size_t begin = 0;
  // A line without its newline is torn, even if it happens to parse: AppendFile will cut it off.
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    ++line_number;
    std::optional<JournalRecord> record = parse_journal_line(text.substr(begin, end - begin));
    begin = end + 1;
    if (record) {
      records.push_back(std::move(*record));
    } else if (begin < text.size()) {
      throw Error(fmt::format("{}:{}: journal: expected a JSON record of a known type, got a broken line",
                              path, line_number));
    }
  }
  return records;
}

JournalSummary summarize(const std::vector<JournalRecord>& records) {
  JournalSummary summary;
  for (size_t i = 0; i < records.size(); ++i) {
    const JournalRecord& record = records[i];
    if (const auto* attempt = std::get_if<AttemptRecord>(&record)) {
      summary.status = "running";
      summary.cause.clear();
      summary.message.clear();
      ++summary.attempts;
      // Steps after the checkpoint it resumed from are about to be repeated: they no longer count as done.
      summary.last = last_row_of(std::span(records).first(i), attempt->from_step);
      summary.last_step = attempt->from_step;
    } else if (const auto* step = std::get_if<StepRecord>(&record)) {
      ++summary.steps_executed;
      summary.last_step = step->step;
      summary.last = *step;
    } else if (const auto* checkpoint = std::get_if<CheckpointRecord>(&record)) {
      summary.latest_checkpoint = checkpoint->path;
    } else if (const auto* eval = std::get_if<EvalRecord>(&record)) {
      if (eval->split == "heldout") summary.final_eval = *eval;
    } else if (const auto* gate = std::get_if<GateRecord>(&record)) {
      summary.final_gate = *gate;
    } else if (const auto* end = std::get_if<EndRecord>(&record)) {
      summary.status = end->status;
      summary.cause = end->cause;
      summary.message = end->message;
    }
  }
  return summary;
}

}  // namespace aunet
