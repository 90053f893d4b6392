#include "cli/generate.h"

#include "baselines/rank_file.h"
#include "cli/run_target.h"
#include "core/error.h"
#include "core/log.h"
#include "data/jsonl.h"
#include "data/utf8.h"
#include "eval/generate.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace aunet {

namespace {

namespace po = boost::program_options;
using Json = nlohmann::ordered_json;

po::options_description generate_options() {
  po::options_description o("options");
  o.add_options()("run", po::value<std::string>()->required(), "run directory, or one of its checkpoints")(
      "prompt", po::value<std::string>(), "text to continue; may be empty")(
      "prompts", po::value<std::string>(), "file of prompts: one JSON string a line")(
      "max-bytes", po::value<int64_t>()->default_value(256), "longest continuation")(
      "temperature", po::value<double>()->default_value(1, "1"), "0: always the most likely id")(
      "top-k", po::value<int64_t>()->default_value(0), "draw from the K most likely ids; 0: all")(
      "top-p", po::value<double>()->default_value(1, "1"),
      "draw from the most likely ids that reach this probability")(
      "seed", po::value<int64_t>()->default_value(0), "of the draws; each prompt has its own stream")(
      "stop", po::value<std::vector<std::string>>()->composing(),
      "end before this string; may be given several times")("json", po::bool_switch(),
                                                            "one JSON object on stdout, in the end");
  return o;
}

template <class T>
T in_range(const po::variables_map& values, const char* name, bool ok(T), const char* expected) {
  const T value = values[name].as<T>();
  if (!ok(value)) throw ConfigError(fmt::format("--{}: expected {}, got {}", name, expected, value));
  return value;
}

GenerateOptions read_options(const po::variables_map& values) {
  GenerateOptions options;
  const auto whole = [](int64_t n) { return n >= 0; };
  options.max_bytes = in_range<int64_t>(
      values, "max-bytes", [](int64_t n) { return n > 0; }, "1 or more bytes");
  options.sampling.temperature = in_range<double>(
      values, "temperature", [](double t) { return t >= 0 && t <= 1e6; }, "a number from 0 on");
  options.sampling.top_k = in_range<int64_t>(values, "top-k", whole, "0 or more ids");
  options.sampling.top_p = in_range<double>(
      values, "top-p", [](double p) { return p > 0 && p <= 1; }, "a number above 0, up to 1");
  options.seed = static_cast<uint64_t>(in_range<int64_t>(values, "seed", whole, "0 or more"));
  if (values.count("stop")) options.stops = values["stop"].as<std::vector<std::string>>();
  for (const std::string& stop : options.stops)
    if (stop.empty()) throw ConfigError("--stop: expected a string, got an empty one");
  return options;
}

std::vector<std::string> read_prompts(const po::variables_map& values) {
  const bool one = values.count("prompt") > 0, many = values.count("prompts") > 0;
  if (one == many)
    throw ConfigError(
        fmt::format("--prompt, --prompts: expected one of them, got {}", one ? "both" : "neither"));
  if (one) return {values["prompt"].as<std::string>()};
  const std::string path = values["prompts"].as<std::string>();
  std::vector<std::string> prompts;
  for_each_line(path, [&](std::string_view line, int64_t number) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_string()) throw ConfigError(fmt::format("{}:{}: expected a JSON string", path, number));
    prompts.push_back(json.get<std::string>());
  });
  if (prompts.empty()) throw ConfigError(fmt::format("{}: expected a JSON string a line, got no line", path));
  return prompts;
}

void warn_beyond_context(const RunConfig& run, const std::vector<std::string>& prompts, int64_t max_bytes) {
  size_t longest = 0;
  for (const std::string& prompt : prompts) longest = std::max(longest, prompt.size());
  const auto reach = static_cast<int64_t>(longest) + max_bytes;
  if (reach <= run.data.context_bytes) return;
  const auto* transformer = std::get_if<TransformerConfig>(&run.model);
  log_warn(
      fmt::format("{} bytes of prompt and up to {} more reach beyond the trained context of {}: positions "
                  "go on, {}",
                  longest, max_bytes, run.data.context_bytes,
                  transformer && transformer->sliding_window == 0
                      ? "and attention reaches farther back than it was trained to"
                      : "attention sees its window"));
}

/// Prompts may end in any order; their texts are printed in order, the first unfinished one as it comes.
class Printer {
 public:
  explicit Printer(size_t n_prompts) : waiting_(n_prompts), ended_(n_prompts) {
    if (n_prompts > 1) header();
  }
  void operator()(size_t prompt, std::string_view text, bool ended) {
    waiting_[prompt] += text;
    ended_[prompt] = ended_[prompt] || ended;
    if (prompt != current_) return;
    for (;;) {
      std::fwrite(waiting_[current_].data(), 1, waiting_[current_].size(), stdout);
      waiting_[current_].clear();
      if (!ended_[current_]) break;
      std::fputc('\n', stdout);
      if (++current_ == waiting_.size()) break;
      header();
    }
    std::fflush(stdout);
  }

 private:
  void header() const { fmt::print("--- prompt {} ---\n", current_ + 1); }
  std::vector<std::string> waiting_;
  std::vector<bool> ended_;
  size_t current_ = 0;
};

double bytes_per_second(const GenerationReport& report) {
  return static_cast<double>(report.bytes) / std::max(report.seconds, 1e-9);
}

/// Of the steps, one row of stage 1 each: how many ran stage k. Empty when the prompts alone were run.
std::vector<double> woken_shares(const GenerationReport& report) {
  std::vector<double> shares;
  const auto steps = static_cast<double>(report.rows_stepped[0]);
  for (const int64_t rows : report.rows_stepped)
    if (steps > 0) shares.push_back(static_cast<double>(rows) / steps);
  return shares;
}

Json to_json(const GenerationReport& report, const std::string& key, int64_t step) {
  Json prompts = Json::array();
  for (const Generation& g : report.prompts) {
    const bool exact = find_invalid_utf8(g.text) == std::string::npos;
    prompts.push_back({{"text", g.text},
                       {"base64", exact ? Json() : Json(base64_encode(g.text))},
                       {"bytes", g.text.size()},
                       {"units", g.units},
                       {"stopped", g.stopped}});
  }
  return {{"key", key},
          {"step", step},
          {"prompts", prompts},
          {"bytes", report.bytes},
          {"bytes_per_second", bytes_per_second(report)},
          {"seconds", report.seconds},
          {"prompt_units", report.prompt_units},
          {"prefill_seconds", report.prefill_seconds},
          {"woken", woken_shares(report)}};
}

void print_speed(const GenerationReport& report) {
  std::string woken;
  const std::vector<double> shares = woken_shares(report);
  for (size_t k = 1; k < shares.size(); ++k)
    woken += fmt::format("{} stage {} in {:.1f} %", k == 1 ? "; steps woke" : ",", k + 1, 100 * shares[k]);
  fmt::print(stderr, "{} bytes in {:.2f} s, {:.0f} bytes/s{}; prompts: {} units in {:.3f} s\n", report.bytes,
             report.seconds, bytes_per_second(report), woken, report.prompt_units, report.prefill_seconds);
}

}  // namespace

int cmd_generate(const Args& args) {
  po::options_description described = generate_options();
  po::variables_map values;
  if (!parse_command_line(args,
                          "aunet generate RUN|CHECKPOINT --prompt TEXT | --prompts FILE [options]\n\n"
                          "Continues text with the model of a run.",
                          "aunet generate runs/0123456789abcdef --prompt 'Once upon a time' --max-bytes 200 "
                          "--temperature 0.8 --top-p 0.95",
                          described, {"run"}, values))
    return static_cast<int>(ExitCode::Done);
  GenerateOptions options = read_options(values);
  const std::vector<std::string> prompts = read_prompts(values);
  const RunTarget target = find_target(values["run"].as<std::string>());
  const RunParts parts(target.run);
  const LoadedCheckpoint loaded = load_target(target, parts);
  warn_beyond_context(parts.run, prompts, options.max_bytes);
  const bool as_json = values["json"].as<bool>();
  Printer printer(as_json ? 0 : prompts.size());
  if (!as_json)
    options.on_text = [&](size_t i, std::string_view text, bool ended) { printer(i, text, ended); };
  const GenerationReport report = generate(*parts.model, parts.run.model, *parts.tokenizer, prompts, options);
  if (as_json)
    fmt::print(
        "{}\n",
        to_json(report, parts.key, loaded.state.step).dump(-1, ' ', false, Json::error_handler_t::replace));
  else
    print_speed(report);
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
