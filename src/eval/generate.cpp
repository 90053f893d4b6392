#include "eval/generate.h"

#include "core/error.h"
#include "data/level_stream.h"
#include "data/split_rules.h"
#include "eval/stop_text.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

namespace aunet {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// One prompt on its way.
struct Writer {
  size_t prompt;
  RandomStream random;
  std::optional<LevelStream> levels;  // AU-Net
  StopText text;
  Generation result{};
};

struct Generator {
  const LanguageModel& model;
  const Tokenizer& tokenizer;
  const GenerateOptions& options;
  const AunetConfig* aunet;
  std::optional<Splitter> splitter;  // AU-Net
  std::vector<int32_t> allowed;
  GenerationReport report;

  int32_t deepest() const { return static_cast<int32_t>(aunet->dimensions.size()) - 1; }

  /// The prompt's ids and levels; the writer's stream has read them.
  Prefix read_prompt(const std::string& prompt, Writer& writer) const {
    Prefix prefix{{tokenizer.begin_id()}, {}};
    tokenizer.encode(prompt, prefix.ids);
    if (!aunet) return prefix;
    writer.levels.emplace(aunet->split, aunet->split_mode);
    prefix.levels = splitter->levels(prefix.ids);
    for (size_t i = 0; i < prefix.ids.size(); ++i) {
      writer.levels->next(prefix.ids[i]);
      if (prefix.ids[i] == tokenizer.begin_id()) prefix.levels[i] = deepest();
    }
    return prefix;
  }

  /// Takes the id in; false when the continuation is over.
  bool write(Writer& w, int32_t id) {
    ++w.result.units;
    if (id == tokenizer.end_id()) w.result.stopped = "end";
    for (const char byte : tokenizer.text(id)) {
      ++report.bytes;
      if (w.text.append(byte))
        w.result.stopped = "stop";
      else if (static_cast<int64_t>(w.text.text().size()) == options.max_bytes)
        w.result.stopped = "length";
      if (!w.result.stopped.empty()) break;
    }
    const bool ended = !w.result.stopped.empty();
    const std::string_view fresh = w.text.take(ended);
    if (options.on_text && (ended || !fresh.empty())) options.on_text(w.prompt, fresh, ended);
    if (ended) w.result.text = w.text.text();
    return !ended;
  }

  /// Draws from each row of logits for the writers `going`; keeps those that go on and their next ids.
  std::vector<NextId> draw(const at::Tensor& logits, std::vector<Writer>& writers,
                           std::vector<size_t>& going) {
    const at::Tensor host = logits.to(at::kCPU, at::kFloat).contiguous();
    const auto vocabulary = static_cast<size_t>(host.size(1));
    std::vector<NextId> next;
    std::vector<size_t> still;
    for (size_t row = 0; row < going.size(); ++row) {
      Writer& w = writers[going[row]];
      const float* of_row = host.const_data_ptr<float>() + row * vocabulary;
      const int32_t id = sample({of_row, vocabulary}, allowed, options.sampling, w.random);
      if (!write(w, id)) continue;
      still.push_back(going[row]);
      next.push_back({static_cast<int64_t>(going[row]), id, w.levels ? w.levels->next(id) : 0});
    }
    going = std::move(still);
    return next;
  }

  void run(const std::vector<std::string>& prompts, size_t first, size_t count) {
    std::vector<Writer> writers;
    std::vector<Prefix> prefixes;
    std::vector<size_t> going;
    for (size_t i = 0; i < count; ++i) {
      const std::string name = fmt::format("generate.{}", first + i);
      writers.push_back({first + i, RandomStream(options.seed, name), {}, StopText(options.stops)});
      prefixes.push_back(read_prompt(prompts[first + i], writers.back()));
      report.prompt_units += static_cast<int64_t>(prefixes.back().ids.size());
      going.push_back(i);
    }
    const std::unique_ptr<Decoder> decoder = model.decoder(static_cast<int64_t>(count));
    auto start = Clock::now();
    at::Tensor logits = decoder->prefill(prefixes);
    report.prefill_seconds += seconds_since(start);
    start = Clock::now();
    for (;;) {
      const std::vector<NextId> next = draw(logits, writers, going);
      if (next.empty()) break;
      logits = decoder->step(next);
    }
    report.seconds += seconds_since(start);
    report.rows_stepped.resize(decoder->rows_stepped().size());
    for (size_t k = 0; k < report.rows_stepped.size(); ++k)
      report.rows_stepped[k] += decoder->rows_stepped()[k];
    for (Writer& w : writers) report.prompts.push_back(std::move(w.result));
  }
};

/// Ids that may be drawn, ascending.
std::vector<int32_t> drawable(const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id)
    if (tokenizer.n_bytes(id) > 0 || id == tokenizer.end_id()) ids.push_back(id);
  return ids;
}

}  // namespace

GenerationReport generate(const LanguageModel& model, const ModelConfig& config, const Tokenizer& tokenizer,
                          const std::vector<std::string>& prompts, const GenerateOptions& options) {
  require(options.max_bytes > 0 && options.batch > 0, "generate: max_bytes and batch must be positive");
  Generator generator{.model = model,
                      .tokenizer = tokenizer,
                      .options = options,
                      .aunet = std::get_if<AunetConfig>(&config),
                      .splitter = {},
                      .allowed = drawable(tokenizer),
                      .report = {}};
  if (const AunetConfig* aunet = generator.aunet) generator.splitter.emplace(aunet->split, aunet->split_mode);
  const auto batch = static_cast<size_t>(options.batch);
  for (size_t first = 0; first < prompts.size(); first += batch)
    generator.run(prompts, first, std::min(batch, prompts.size() - first));
  return std::move(generator.report);
}

}  // namespace aunet
