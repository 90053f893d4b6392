#include "cli/bench_generate.h"

#include "baselines/make_model.h"
#include "cli/model_flags.h"
#include "cli/shipped_text.h"
#include "core/error.h"
#include "core/text.h"
#include "data/level_stream.h"
#include "data/split_rules.h"
#include "nn/allocator.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>

namespace aunet {

namespace {

namespace po = boost::program_options;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

po::options_description bench_options() {
  po::options_description o("options");
  const auto text = [](const char* v) { return po::value<std::string>()->default_value(v); };
  const auto number = [](int64_t v) { return po::value<int64_t>()->default_value(v); };
  o.add_options()("model", text("aunet"), "aunet or llama (on bytes)")(
      "dims", text("64,256"), "width per stage")("layers", text("2,6"), "blocks per stage")(
      "head-dims", text("32,64"), "head width per stage")(
      "windows", text("128,512"), "keys a query sees, per stage")("vocab", number(258), "ids, at least 258")(
      "multiple-of", number(32), "feed-forward width step")("context", number(512), "bytes of text")(
      "bytes", number(256), "how many of them are stepped through, at the end")(
      "threads", number(1), "threads")("data", po::value<std::string>(),
                                       "text file, or JSONL (also .zst); default: the shipped fiction")(
      "json", po::bool_switch(), "print one JSON object");
  return o;
}

/// Begin mark and the first context - 1 bytes of the text.
std::vector<int32_t> read_ids(const po::variables_map& v, int64_t context) {
  const std::string path = v.count("data") ? v["data"].as<std::string>() : shipped_text("--data");
  const Corpus corpus = read_text(path);
  std::string text;
  for (int64_t d = 0; d < corpus.n_documents() && std::ssize(text) < context; ++d) text += corpus.text(d);
  if (std::ssize(text) < context)
    throw ConfigError(fmt::format("--data: expected {} bytes, got {}", context, text.size()));
  std::vector<int32_t> ids = {kBeginId};
  make_byte_tokenizer()->encode(std::string_view(text).substr(0, static_cast<size_t>(context) - 1), ids);
  return ids;
}

ModelConfig read_model(const po::variables_map& v) {
  ModelConfig config = model_from_flags(v);
  if (auto* aunet = std::get_if<AunetConfig>(&config)) {
    std::string rules;
    for (size_t k = 1, words = 1; k < aunet->dimensions.size(); ++k, words *= 2)
      rules += fmt::format("{}word{}={}@1", k == 1 ? "" : ",", words, words);
    if (!rules.empty()) aunet->split = parse_split(rules, "bench generate");
  }
  return config;
}

struct Measured {
  double cascaded_seconds = 0, recomputed_seconds = 0, difference = 0;
  std::vector<int64_t> rows;
};

Measured measure(LanguageModel& model, const ModelConfig& config, const std::vector<int32_t>& ids,
                 int64_t bytes) {
  const auto* aunet = std::get_if<AunetConfig>(&config);
  const size_t first = ids.size() - static_cast<size_t>(bytes);
  std::optional<LevelStream> levels;
  if (aunet) levels.emplace(aunet->split, aunet->split_mode);
  Prefix text;
  const auto read = [&](int32_t id) {
    text.ids.push_back(id);
    text.levels.push_back(levels ? levels->next(id) : 0);
  };
  for (size_t i = 0; i < first; ++i) read(ids[i]);
  const std::unique_ptr<Decoder> decoder = model.decoder(1);
  decoder->prefill({text});
  Measured m;
  std::vector<at::Tensor> stepped;
  auto start = Clock::now();
  for (size_t i = first; i < ids.size(); ++i) {
    read(ids[i]);
    stepped.push_back(decoder->step({{0, ids[i], text.levels.back()}}));
  }
  m.cascaded_seconds = seconds_since(start);
  m.rows = decoder->rows_stepped();
  std::vector<at::Tensor> recomputed;
  start = Clock::now();
  for (size_t i = first; i < ids.size(); ++i) {
    const auto end = static_cast<std::ptrdiff_t>(i) + 1;
    const Prefix prefix{{text.ids.begin(), text.ids.begin() + end},
                        {text.levels.begin(), text.levels.begin() + end}};
    recomputed.push_back(model.logits(to_device(pack_prefixes({prefix}, config), at::kCPU)).slice(0, -1));
  }
  m.recomputed_seconds = seconds_since(start);
  m.difference = (at::cat(stepped) - at::cat(recomputed)).abs().max().item<double>();
  return m;
}

}  // namespace

int cmd_bench_generate(const Args& args) {
  po::options_description described = bench_options();
  po::variables_map v;
  if (!parse_command_line(args, "aunet bench generate [options]",
                          "aunet bench generate --dims 64,256 --layers 2,6 --context 512 --bytes 256",
                          described, {}, v))
    return static_cast<int>(ExitCode::Done);
  const int64_t context = v["context"].as<int64_t>(), bytes = v["bytes"].as<int64_t>(),
                threads = v["threads"].as<int64_t>();
  if (bytes < 1 || context <= bytes)
    throw ConfigError(fmt::format("--bytes: expected 1 to {} (below --context), got {}", context - 1, bytes));
  if (threads < 1) throw ConfigError(fmt::format("--threads: expected 1 or more, got {}", threads));
  if (v["vocab"].as<int64_t>() < 258)
    throw ConfigError(fmt::format("--vocab: expected 258 or more, got {}", v["vocab"].as<int64_t>()));
  tune_allocator();
  at::set_num_threads(static_cast<int>(threads));
  const ModelConfig config = read_model(v);
  const std::vector<int32_t> ids = read_ids(v, context);
  const std::shared_ptr<LanguageModel> model = make_model(config, 0);
  const Measured m = measure(*model, config, ids, bytes);
  const double cascaded = static_cast<double>(bytes) / m.cascaded_seconds,
               recomputed = static_cast<double>(bytes) / m.recomputed_seconds;
  std::vector<double> woken;
  for (const int64_t rows : m.rows) woken.push_back(static_cast<double>(rows) / static_cast<double>(bytes));
  int64_t params = 0;
  for (const auto& p : model->official_parameters()) params += p.second.numel();
  if (v["json"].as<bool>()) {
    fmt::print("{}\n", nlohmann::ordered_json{{"bytes_per_second",
                                               {{"cascaded", cascaded}, {"recomputed", recomputed}}},
                                              {"ratio", cascaded / recomputed},
                                              {"woken", woken},
                                              {"largest_logit_difference", m.difference},
                                              {"bytes", bytes},
                                              {"context", context},
                                              {"threads", threads},
                                              {"params", params}}
                           .dump());
  } else {
    fmt::print(
        "cascaded {:.0f} bytes/s, recomputed {:.0f} bytes/s: {:.1f} times as fast; {} bytes at a context "
        "of {}, {} parameters, {} thread{}; steps that woke each stage: {:.3f}; largest difference of "
        "logits {:.1e}\n",
        cascaded, recomputed, cascaded / recomputed, bytes, context, human_count(static_cast<double>(params)),
        threads, threads == 1 ? "" : "s", fmt::join(woken, ", "), m.difference);
  }
  return static_cast<int>(ExitCode::Done);
}

}  // namespace aunet
