// Text from a model: prompts in, continuations out.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/tokenizer.h"
#include "eval/sampling.h"
#include "model/language_model.h"

namespace aunet {

struct GenerateOptions {
  int64_t max_bytes = 256;  // of each continuation
  Sampling sampling{};
  uint64_t seed = 0;
  std::vector<std::string> stops{};  // none empty
  int64_t batch = 32;                // prompts that run together
  /// What may be shown of prompt i's continuation, as it comes (eval/stop_text.h), and whether that is all.
  std::function<void(size_t prompt, std::string_view text, bool ended)> on_text{};
};

struct Generation {
  std::string text;     // any bytes; without the stop string
  int64_t units = 0;    // ids drawn: bytes or tokens, an end mark included
  std::string stopped;  // "end": the end mark; "stop": a stop string; "length": max_bytes
};

struct GenerationReport {
  std::vector<Generation> prompts;    // in the order given
  int64_t prompt_units = 0;           // ids read in prefill, begin marks included
  double prefill_seconds = 0;         // the prompts' forward
  double seconds = 0;                 // all the rest: steps, drawing, levels, on_text
  int64_t bytes = 0;                  // made in `seconds`, those of stop strings included
  std::vector<int64_t> rows_stepped;  // [K] rows that each stage ran after the prompts
};

/// Continues each prompt until it draws the end mark, makes a stop string or reaches max_bytes.
///
/// A prompt is read as training reads a document: begin mark, then its ids (BPE: encoded as a whole). Ids
/// that stand for no text (begin mark, unused ids of a vocabulary) are never drawn, but for the end mark. A
/// token that passes max_bytes is cut there. Levels    causal rules: those of training. Official rules look
/// ahead: a prompt has the levels of the text
///           that ends with it, and a new byte the level that it has as the last one, which is all that a
///           generator can know and is not always the level that training gave it
/// Random    prompt i draws from its own stream (seed, i), whoever runs beside it; a batch changes logits
/// only
///           by rounding
/// Context   positions go on beyond the trained context. Windows bound what an AU-Net's rows see; a
/// transformer
///           without a window sees everything, at distances that it was not trained on
/// Throws Error when logits are no numbers.
GenerationReport generate(const LanguageModel& model, const ModelConfig& config, const Tokenizer& tokenizer,
                          const std::vector<std::string>& prompts, const GenerateOptions& options);

}  // namespace aunet
