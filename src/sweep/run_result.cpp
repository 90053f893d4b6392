#include "sweep/run_result.h"

#include "config/run_config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"
#include "core/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <tuple>

namespace aunet {

namespace {

using Json = nlohmann::json;

Json number(double value) { return value == value ? Json(value) : Json(); }
double number_of(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}

/// "NVIDIA H100 80GB HBM3" of "cuda: NVIDIA H100 80GB HBM3".
std::string after_colon(const std::string& device) {
  const size_t colon = device.find(": ");
  return colon == std::string::npos ? device : device.substr(colon + 2);
}

/// What the attempts say, filled up from the final checkpoint's state.json where there is one.
NumericsRecord numerics_of(const std::vector<JournalRecord>& records, const Json& state) {
  NumericsRecord numerics;
  std::set<std::tuple<int64_t, std::string, std::string>> kinds;
  for (const JournalRecord& record : records) {
    const auto* attempt = std::get_if<AttemptRecord>(&record);
    if (!attempt) continue;
    kinds.emplace(attempt->threads, attempt->device, attempt->torch_version);
    numerics.threads = attempt->threads;
    numerics.torch_version = attempt->torch_version;
    numerics.device = attempt->device.substr(0, attempt->device.find(':'));
    numerics.hardware = after_colon(attempt->device);
  }
  numerics.mixed = kinds.size() > 1;
  if (!state.is_object() || !state.contains("numerics")) return numerics;
  const Json& known = state.at("numerics");
  numerics.version = known.at("version");
  numerics.threads = known.at("threads");
  known.at("device").get_to(numerics.device);
  known.at("instruction_set").get_to(numerics.instruction_set);
  known.at("torch_version").get_to(numerics.torch_version);
  if (numerics.device == "cpu") numerics.hardware.clear();  // the instruction set says it
  return numerics;
}

/// state.json of the checkpoint after `step`; null without one, or when it is damaged.
Json final_state(const RunDir& run, int64_t step) {
  const std::string path = fmt::format("{}/step-{:08d}/state.json", run.checkpoints(), step);
  if (!exists(path)) return {};
  const Json state = Json::parse(read_file(path), nullptr, false);
  return state.is_object() ? state : Json();
}

Verdict verdict(std::string quantity, Verdict::Word word, std::string detail = "") {
  return {std::move(quantity), word, std::move(detail)};
}

bool same_bits(double a, double b) { return a == b || (a != a && b != b); }

/// Largest relative difference allowed at a step; 0: bit by bit.
struct Allowed {
  bool bitwise = true;
  Tolerance tolerance{};
  double at(int64_t step) const {
    return step <= tolerance.first_steps ? tolerance.first_relative : tolerance.curve_relative;
  }
};

double relative(double expected, double got) {
  return expected == 0 ? std::abs(got) : std::abs(got / expected - 1);
}

bool agrees(double expected, double got, bool bitwise, double allowed) {
  return same_bits(expected, got) || (!bitwise && relative(expected, got) <= allowed);
}

Verdict compare_curves(const std::vector<RunResult::Step>& expected, const std::vector<RunResult::Step>& got,
                       const Allowed& allowed) {
  std::map<int64_t, double> by_step;
  for (const RunResult::Step& step : got) by_step[step.step] = step.loss_nats;
  const std::string quantity = fmt::format("training loss of {} steps", expected.size());
  double worst = 0;
  int64_t worst_step = 0;
  for (const RunResult::Step& step : expected) {
    const auto found = by_step.find(step.step);
    if (found == by_step.end())
      return verdict(quantity, Verdict::Word::Different,
                     fmt::format("first differs at step {}: it is missing", step.step));
    if (!agrees(step.loss_nats, found->second, allowed.bitwise, allowed.at(step.step))) {
      const std::string limit = allowed.bitwise ? "" : fmt::format(", {:.1e} allowed", allowed.at(step.step));
      return verdict(
          quantity, Verdict::Word::Different,
          fmt::format("first differs at step {}: expected {:.17g} nats, got {:.17g} (off by {:.1e}{})",
                      step.step, step.loss_nats, found->second, relative(step.loss_nats, found->second),
                      limit));
    }
    const double off = same_bits(step.loss_nats, found->second) ? 0 : relative(step.loss_nats, found->second);
    if (off > worst) {
      worst = off;
      worst_step = step.step;
    }
  }
  if (expected.empty()) return verdict(quantity, Verdict::Word::NotCompared, "no step is recorded");
  if (worst == 0) return verdict(quantity, Verdict::Word::Equal);
  return verdict(quantity, Verdict::Word::WithinTolerance,
                 fmt::format("at most off by {:.1e}, at step {}", worst, worst_step));
}

Verdict compare_numbers(const std::string& quantity, double expected, double got, bool bitwise,
                        double allowed) {
  if (same_bits(expected, got))
    return verdict(quantity, Verdict::Word::Equal, fmt::format("{:.17g}", expected));
  const std::string detail =
      fmt::format("expected {:.17g}, got {:.17g} (off by {:.1e}{})", expected, got, relative(expected, got),
                  bitwise ? "" : fmt::format(", {:.1e} allowed", allowed));
  return verdict(
      quantity,
      agrees(expected, got, bitwise, allowed) ? Verdict::Word::WithinTolerance : Verdict::Word::Different,
      detail);
}

void compare_evals(const RunResult& expected, const RunResult& got, bool bitwise, double allowed,
                   std::vector<Verdict>& verdicts) {
  for (const RunResult::Eval& eval : expected.evals) {
    const std::string name = eval.split == "heldout" ? "held-out" : "evaluation " + eval.split;
    const auto found = std::find_if(got.evals.begin(), got.evals.end(),
                                    [&](const RunResult::Eval& e) { return e.split == eval.split; });
    if (found == got.evals.end()) {
      verdicts.push_back(verdict(name, Verdict::Word::Different, "it is missing"));
      continue;
    }
    if (found->text_bytes != eval.text_bytes || found->eval_key != eval.eval_key) {
      verdicts.push_back(
          verdict(name, Verdict::Word::NotCompared,
                  fmt::format("another evaluation: expected {} bytes, key {}; got {} bytes, key {}",
                              eval.text_bytes, eval.eval_key, found->text_bytes, found->eval_key)));
      continue;
    }
    verdicts.push_back(compare_numbers(name + " nats", eval.nats, found->nats, bitwise, allowed));
    verdicts.push_back(
        compare_numbers(name + " bits per byte", eval.loss_bpb, found->loss_bpb, bitwise, allowed));
  }
}

Verdict compare_weights(const RunResult& expected, const RunResult& got, bool bitwise) {
  const std::string quantity = "final weights";
  if (expected.weights_hash.empty() || got.weights_hash.empty())
    return verdict(quantity, Verdict::Word::NotCompared,
                   expected.weights_hash.empty() ? "no hash is recorded: the final checkpoint was gone"
                                                 : "the final checkpoint is gone");
  if (expected.weights_hash == got.weights_hash)
    return verdict(quantity, Verdict::Word::Equal, "hash " + expected.weights_hash);
  if (!bitwise)
    return verdict(quantity, Verdict::Word::NotCompared, "bits are not promised with other numerics");
  return verdict(quantity, Verdict::Word::Different,
                 fmt::format("expected hash {}, got {}", expected.weights_hash, got.weights_hash));
}

}  // namespace

std::string class_difference(const NumericsRecord& expected, const NumericsRecord& got) {
  std::vector<std::string> parts;
  const auto compare = [&](const char* what, const auto& a, const auto& b) {
    if (a != b) parts.push_back(fmt::format("{} {} -> {}", what, a, b));
  };
  compare("numerics version", expected.version, got.version);
  compare("threads", expected.threads, got.threads);
  compare("device", expected.device, got.device);
  compare("instruction set", expected.instruction_set, got.instruction_set);
  compare("torch", expected.torch_version, got.torch_version);
  compare("hardware", expected.hardware, got.hardware);
  if (expected.mixed || got.mixed) parts.push_back("a run went on with other numerics than it began with");
  return join(parts, ", ");
}

RunResult read_run_result(const RunDir& run) {
  const std::vector<JournalRecord> records =
      exists(run.journal()) ? read_journal(run.journal()) : std::vector<JournalRecord>();
  const JournalSummary summary = summarize(records);
  if (summary.status != "done")
    throw ConfigError(
        fmt::format("{}: expected a run that is done, got one that is {}", run.path, summary.status));
  RunResult result;
  std::map<int64_t, double> curve;  // a step may occur in several attempts: the last one counts
  std::map<std::string, RunResult::Eval> evals;
  for (const JournalRecord& record : records) {
    if (const auto* step = std::get_if<StepRecord>(&record)) curve[step->step] = step->loss_nats;
    if (const auto* eval = std::get_if<EvalRecord>(&record))
      evals[eval->split] = {eval->split, eval->eval_key, eval->nats, eval->loss_bpb, eval->text_bytes};
    if (const auto* attempt = std::get_if<AttemptRecord>(&record))
      curve.erase(curve.upper_bound(attempt->from_step), curve.end());
  }
  result.steps = summary.last_step;
  for (const auto& [step, loss] : curve) result.curve.push_back({step, loss});
  if (const auto heldout = evals.extract("heldout")) result.evals.push_back(heldout.mapped());
  for (const auto& [split, eval] : evals) result.evals.push_back(eval);
  const Json state = final_state(run, result.steps);
  result.numerics = numerics_of(records, state);
  if (state.is_object()) {
    result.checkpoint_hash = state.value("hash", "");
    result.weights_hash = state.value("files", Json::object()).value("model.safetensors", "");
  }
  return result;
}

Json to_json(const RunResult& result) {
  Json curve = Json::array(), evals = Json::array();
  for (const RunResult::Step& step : result.curve) curve.push_back({step.step, number(step.loss_nats)});
  for (const RunResult::Eval& eval : result.evals)
    evals.push_back({{"split", eval.split},
                     {"eval_key", eval.eval_key},
                     {"nats", number(eval.nats)},
                     {"loss_bpb", number(eval.loss_bpb)},
                     {"text_bytes", eval.text_bytes}});
  const NumericsRecord& n = result.numerics;
  return {{"steps", result.steps},
          {"loss_nats", std::move(curve)},
          {"evals", std::move(evals)},
          {"weights_hash", result.weights_hash},
          {"checkpoint_hash", result.checkpoint_hash},
          {"numerics",
           {{"version", n.version},
            {"threads", n.threads},
            {"device", n.device},
            {"instruction_set", n.instruction_set},
            {"torch_version", n.torch_version},
            {"hardware", n.hardware},
            {"mixed", n.mixed}}}};
}

RunResult run_result_of(const Json& json) {
  RunResult result;
  result.steps = json.at("steps");
  for (const Json& step : json.at("loss_nats")) result.curve.push_back({step.at(0), number_of(step.at(1))});
  for (const Json& eval : json.at("evals"))
    result.evals.push_back({eval.at("split"), eval.at("eval_key"), number_of(eval.at("nats")),
                            number_of(eval.at("loss_bpb")), eval.at("text_bytes")});
  json.at("weights_hash").get_to(result.weights_hash);
  json.at("checkpoint_hash").get_to(result.checkpoint_hash);
  const Json& n = json.at("numerics");
  result.numerics = {n.at("version"),       n.at("threads"),  n.at("device"), n.at("instruction_set"),
                     n.at("torch_version"), n.at("hardware"), n.at("mixed")};
  return result;
}

Json to_json(const Tolerance& t) {
  return {{"first_steps", t.first_steps},
          {"first_relative", t.first_relative},
          {"curve_relative", t.curve_relative},
          {"eval_relative", t.eval_relative}};
}

Tolerance tolerance_of(const Json& json) {
  return {json.at("first_steps"), json.at("first_relative"), json.at("curve_relative"),
          json.at("eval_relative")};
}

std::string to_string(Verdict::Word word) {
  switch (word) {
    case Verdict::Word::Equal:
      return "equal";
    case Verdict::Word::WithinTolerance:
      return "within tolerance";
    case Verdict::Word::Different:
      return "different";
    case Verdict::Word::NotCompared:
      return "not compared";
  }
  throw BugError("unknown verdict");
}

bool Comparison::equal() const {
  return std::none_of(verdicts.begin(), verdicts.end(),
                      [](const Verdict& v) { return v.word == Verdict::Word::Different; });
}

Comparison compare_results(const RunResult& expected, const RunResult& got, const Tolerance& tolerance) {
  Comparison comparison;
  comparison.class_difference = class_difference(expected.numerics, got.numerics);
  const bool bitwise = comparison.class_difference.empty();
  comparison.verdicts.push_back(compare_curves(expected.curve, got.curve, {bitwise, tolerance}));
  compare_evals(expected, got, bitwise, tolerance.eval_relative, comparison.verdicts);
  comparison.verdicts.push_back(compare_weights(expected, got, bitwise));
  return comparison;
}

}  // namespace aunet
