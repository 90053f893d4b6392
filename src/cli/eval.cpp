#include "cli/eval.h"

#include "cli/gate.h"
#include "cli/run_parts.h"
#include "cli/run_target.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "eval/bits_per_byte.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>

namespace aunet {

namespace {

using Json = nlohmann::ordered_json;

Json bpb_to_json(const CorpusScore& score) {
  return {{"loss_bpb", score.loss_bpb()}, {"loss_nats", score.loss_nats()},
          {"nats", score.nats},           {"text_bytes", score.text_bytes},
          {"units", score.units},         {"documents", score.documents.size()}};
}

Json gate_to_json(const GateRecord& record) {
  const auto number = [](const auto& value) { return value ? Json(*value) : Json(); };
  return {{"gate", record.gate},
          {"verdict", record.verdict},
          {"leak_rate", record.leak_rate},
          {"perturbations", number(record.perturbations)},
          {"positions", number(record.positions)},
          {"leaky_bytes", number(record.leaky_bytes)},
          {"clean_bytes", number(record.clean_bytes)},
          {"bpb_leaky", number(record.bpb_leaky)},
          {"bpb_clean", number(record.bpb_clean)},
          {"seconds", number(record.seconds)},
          {"detail", record.detail}};
}

void print_for_people(const Json& result) {
  fmt::print("run {}, step {}\n", result["key"].get<std::string>(), result["step"].get<int64_t>());
  for (const auto& [task, score] : result["tasks"].items()) {
    fmt::print("{}: {:.4f} bits per byte ({} of held-out text, {} documents)\n", task,
               score["loss_bpb"].get<double>(), human_bytes(score["text_bytes"].get<double>()),
               score["documents"].get<int64_t>());
  }
  if (result.contains("gate")) {
    fmt::print("gate causal: {} ({})\n", result["gate"]["verdict"].get<std::string>(),
               result["gate"]["detail"].get<std::string>());
  }
}

struct EvalRequest {
  std::vector<std::string> tasks;
  bool gate = false;
  int64_t limit = 0;
};

EvalRequest read_request(const boost::program_options::variables_map& values) {
  EvalRequest request{.tasks = split_on(values["tasks"].as<std::string>(), ','),
                      .gate = values.count("gate") > 0,
                      .limit = values["limit"].as<int64_t>()};
  for (const std::string& task : request.tasks) {
    if (task != "bpb") throw ConfigError(fmt::format("--tasks: expected \"bpb\", got \"{}\"", task));
  }
  if (request.gate && values["gate"].as<std::string>() != "causal") {
    throw ConfigError(
        fmt::format("--gate: expected \"causal\", got \"{}\"", values["gate"].as<std::string>()));
  }
  if (request.limit < 0)
    throw ConfigError(fmt::format("--limit: expected 0 or more documents, got {}", request.limit));
  return request;
}

Json evaluate(const RunTarget& target, const EvalRequest& request) {
  const RunParts parts(target.run);
  const LoadedCheckpoint loaded = load_target(target, parts);
  const Corpus heldout = read_heldout_corpus(parts.run);
  if (heldout.empty()) throw ConfigError(fmt::format("{}: data.heldout is empty", target.run.run_toml()));
  const int64_t context_bytes = parts.run.data.context_bytes;

  Json result = {{"key", parts.key},
                 {"family", parts.run.origin.family},
                 {"step", loaded.state.step},
                 {"checkpoint", loaded.path}};
  const auto score = score_corpus(*parts.model, parts.run.model, *parts.builder, heldout, parts.device,
                                  {.context_bytes = context_bytes, .limit_documents = request.limit});
  result["tasks"]["bpb"] = bpb_to_json(*score);
  result["tasks"]["bpb"]["eval_key"] = request.limit == 0 ? Json(eval_key(parts.run)) : Json();
  if (request.gate) {
    const auto started = std::chrono::steady_clock::now();
    const CausalityVerdict verdict = run_gate(parts, heldout, kFullGate);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - started;
    const GateRecord record = gate_record(verdict, 0, loaded.state.step, seconds.count());
    store_gate(target.run, record);
    result["gate"] = gate_to_json(record);
  }
  return result;
}

}  // namespace

int cmd_eval(const Args& args) {
  namespace po = boost::program_options;
  po::options_description options("options");
  options.add_options()("run", po::value<std::string>()->required(),
                        "run directory, or one of its checkpoints")(
      "tasks", po::value<std::string>()->default_value("bpb"), "bpb: held-out bits per byte")(
      "gate", po::value<std::string>(),
      "causal: also run the causality gate in full (half a minute for a small model on a CPU) and store its "
      "verdict with the "
      "run; exit 1 unless it passes")("limit", po::value<int64_t>()->default_value(0),
                                      "score only the first N documents; 0: all")(
      "json", "one JSON object on stdout");
  po::variables_map values;
  if (!parse_command_line(args, "aunet eval RUN|CHECKPOINT --tasks bpb [--gate causal] [--limit N] [--json]",
                          "aunet eval runs/0123456789abcdef --tasks bpb --gate causal --json", options,
                          {"run"}, values)) {
    return static_cast<int>(ExitCode::Done);
  }
  const EvalRequest request = read_request(values);
  const Json result = evaluate(find_target(values["run"].as<std::string>()), request);
  if (values.count("json")) {
    fmt::print("{}\n", result.dump(2));
  } else {
    print_for_people(result);
  }
  const bool passed = !result.contains("gate") || result["gate"]["verdict"] == "pass";
  return static_cast<int>(passed ? ExitCode::Done : ExitCode::WorldFailed);
}

}  // namespace aunet
