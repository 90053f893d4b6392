#include "cli/why.h"

#include "cli/find_run.h"
#include "cli/text_table.h"
#include "config/run_config.h"
#include "core/error.h"
#include "core/file.h"
#include "core/journal.h"
#include "core/text.h"
#include "sweep/advice.h"
#include "sweep/cell_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>
#include <span>

namespace aunet {
namespace po = boost::program_options;

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kShownSteps = 10, kShownDocuments = 8, kShownLogLines = 10;
constexpr size_t kTrendSteps = 50;  // that a step is compared with

/// Everything that is said, however it is printed.
struct Story {
  RunDir dir;
  std::string key, family, model, unreadable;  // unreadable: why run.toml could not be read
  RunConfig run;
  RunState state;
  JournalSummary summary;
  std::vector<StepRecord> steps;  // the last ones, of the last attempt that did each
  std::optional<DiagnosisRecord> diagnosis;
  std::optional<PlanPlace> place;
  Advice advice;
};

void read_journal_into(Story& story) {
  if (!exists(story.dir.journal())) return;
  const std::vector<JournalRecord> records = read_journal(story.dir.journal());
  story.summary = summarize(records);
  for (const JournalRecord& record : records) {
    if (const auto* step = std::get_if<StepRecord>(&record)) {
      while (!story.steps.empty() && story.steps.back().step >= step->step) story.steps.pop_back();
      story.steps.push_back(*step);
    } else if (const auto* diagnosis = std::get_if<DiagnosisRecord>(&record)) {
      story.diagnosis = *diagnosis;
    }
  }
  if (story.steps.size() > kTrendSteps)
    story.steps.erase(story.steps.begin(), story.steps.end() - kTrendSteps);
}

Story tell(const RunDir& dir) {
  Story story;
  story.dir = dir;
  const auto path = std::filesystem::absolute(dir.path + "/").lexically_normal().parent_path();
  story.key = path.filename().string();
  story.state = read_run_state(dir);
  read_journal_into(story);
  try {
    story.run = read_run_config(dir.run_toml());
    story.family = story.run.origin.family;
    story.model = model_line(story.run.model);
  } catch (const ConfigError& error) {  // the run may have failed of just that
    story.unreadable = error.what();
  }
  story.place = find_in_plans({path.parent_path().string()}, story.key);
  story.advice = advise(story.run, story.key, story.state, story.place);
  return story;
}

/// The last step against the lowest loss and the median gradient norm of the steps before it.
struct Trend {
  double lowest_loss = 0, loss_rise = 0, median_norm = 0, norm_factor = 0;
  size_t steps = 0;
};

std::optional<Trend> trend_of(const std::vector<StepRecord>& steps) {
  std::vector<double> losses, norms;
  for (const StepRecord& step : steps) {
    if (std::isfinite(step.loss_nats)) losses.push_back(step.loss_nats);
    if (std::isfinite(step.grad_norm)) norms.push_back(step.grad_norm);
  }
  if (losses.size() < 3 || norms.size() < 3) return std::nullopt;
  const double last_norm = norms.back();
  Trend trend{*std::min_element(losses.begin(), losses.end()), 0, 0, 0, steps.size()};
  trend.loss_rise = losses.back() - trend.lowest_loss;
  std::nth_element(norms.begin(), norms.begin() + static_cast<std::ptrdiff_t>(norms.size() / 2), norms.end());
  trend.median_norm = norms[norms.size() / 2];
  trend.norm_factor = trend.median_norm > 0 ? last_norm / trend.median_norm : 0;
  return trend;
}

std::span<const StepRecord> shown_steps(const Story& story) {
  return std::span(story.steps).last(std::min(kShownSteps, story.steps.size()));
}

Json to_json(const Story& story) {
  Json json = {
      {"key", story.key},
      {"directory", story.dir.path},
      {"family", story.family},
      {"model", story.model},
      {"status", story.state.status},
      {"cause", story.state.cause},
      {"message", story.state.message},
      {"attempts", story.summary.attempts},
      {"step", story.summary.last_step},
      {"steps_executed", story.summary.steps_executed},
      {"lr", story.run.optim.lr},
      {"sweep", story.place ? Json(story.place->sweep) : Json()},
      {"lr_source", story.place ? Json(story.place->lr_source) : Json()},
      {"superseded_by",
       story.place && !story.place->superseded_by.empty() ? Json(story.place->superseded_by) : Json()},
      {"steps", Json::array()}};
  for (const StepRecord& step : shown_steps(story)) json["steps"].push_back(Json::parse(to_json_line(step)));
  const auto trend = trend_of(story.steps);
  json["trend"] = trend ? Json{{"steps", trend->steps},
                               {"lowest_loss_nats", trend->lowest_loss},
                               {"loss_rise_nats", trend->loss_rise},
                               {"median_grad_norm", trend->median_norm},
                               {"grad_norm_factor", trend->norm_factor}}
                        : Json();
  const auto& gate = story.summary.final_gate;
  json["gate"] = gate ? Json::parse(to_json_line(*gate)) : Json();
  json["diagnosis"] = story.diagnosis ? Json::parse(to_json_line(*story.diagnosis)) : Json();
  json["advice"] = story.advice.text;
  json["override"] = story.advice.override_toml.empty() ? Json() : Json(story.advice.override_toml);
  return json;
}

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.4g}", value) : "not finite";
}

void print_steps(const Story& story) {
  if (story.steps.empty()) return;
  std::vector<std::vector<std::string>> table = {{"step", "nats", "bits/byte", "gradient norm", "rate"}};
  for (const StepRecord& step : shown_steps(story))
    table.push_back({fmt::format("{}", step.step), number(step.loss_nats), number(step.loss_bpb),
                     number(step.grad_norm), fmt::format("{:.3g}", step.lr)});
  fmt::print("\nlast steps (gradient norm before clipping)\n{}", text_table(table, "rrrrr"));
  if (const auto trend = trend_of(story.steps))
    fmt::print(
        "trend over the last {} steps: loss {:+.3g} nats from its lowest, {:.4g}; gradient norm x{:.3g} of "
        "its "
        "median, {:.3g}\n",
        trend->steps, trend->loss_rise, trend->lowest_loss, trend->norm_factor, trend->median_norm);
}

/// One line of text, whatever the document holds.
std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text) line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  return line;
}

void print_diagnosis(const DiagnosisRecord& diagnosis) {
  std::vector<std::vector<std::string>> table = {{"part", "weights", "gradients", "not finite"}};
  for (const auto& part : diagnosis.norms)
    table.push_back({part.part, number(part.weight), number(part.grad), fmt::format("{}", part.not_finite)});
  fmt::print("\nnorms at step {}\n{}", diagnosis.step, text_table(table, "lrrr"));
  const size_t n = std::min(kShownDocuments, diagnosis.documents.size());
  fmt::print("\ndocuments of its batch ({} of {})\n", n, diagnosis.n_documents);
  for (size_t i = 0; i < n; ++i) {
    const auto& text = diagnosis.documents[i];
    fmt::print("  {} {}: {}\n", text.source, text.document, one_line(text.head));
  }
}

void print_log_end(const RunDir& run) {
  if (!exists(run.log())) return;
  const std::string text = read_file(run.log());
  std::vector<std::string> lines = split_on(trim(text), '\n');
  if (lines.size() > kShownLogLines) lines.erase(lines.begin(), lines.end() - kShownLogLines);
  fmt::print("\nend of {}:\n", run.log());
  for (const std::string& line : lines) fmt::print("  {}\n", line);
}

void print_for_people(const Story& story) {
  const RunState& state = story.state;
  fmt::print("{}: {}{}{}\n", story.dir.path, state.status, state.cause.empty() ? "" : ", " + state.cause,
             state.message.empty() ? "" : ": " + state.message);
  if (!story.unreadable.empty()) fmt::print("{}\n", story.unreadable);
  if (!story.model.empty())
    fmt::print("{} {}, rate {:g}{}\n", story.family, story.model, story.run.optim.lr,
               story.place ? fmt::format(" ({}), sweep {}", story.place->lr_source, story.place->sweep) : "");
  fmt::print("{} attempts, step {}, {} steps executed\n", story.summary.attempts, story.summary.last_step,
             story.summary.steps_executed);
  if (const auto& gate = story.summary.final_gate)
    fmt::print("causality gate at step {}: {} ({})\n", gate->step, gate->verdict, gate->detail);
  print_steps(story);
  if (story.diagnosis) print_diagnosis(*story.diagnosis);
  if (state.status != "done") print_log_end(story.dir);
  if (!story.advice.text.empty()) fmt::print("\nwhat to do: {}\n", story.advice.text);
  if (!story.advice.override_toml.empty())
    fmt::print("paste into the sweep file:\n\n{}", story.advice.override_toml);
}

}  // namespace

int cmd_why(const Args& args) {
  po::options_description options("options");
  std::string name, runs = "runs";
  options.add_options()("run", po::value(&name)->required(),
                        "run directory, or the beginning of a key in RUNS")(
      "runs", po::value(&runs)->default_value(runs), "folder of run directories")(
      "json", "one JSON object on stdout");
  po::variables_map values;
  if (!parse_command_line(args, "aunet why RUN [options]", "aunet why 0123abcd", options, {"run"}, values))
    return 0;
  const Story story = tell(find_run(runs, name));
  if (values.count("json"))
    fmt::print("{}\n", to_json(story).dump(1));
  else
    print_for_people(story);
  return 0;
}

}  // namespace aunet
