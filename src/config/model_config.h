// What a model is, as plain structs. Names follow the official configuration files.
// A struct that came out of a reader is valid; nothing here touches TOML or tensors.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "config/split_rule.h"

namespace aunet {

/// What a transition between stages computes on the way down and on the way up (model/transition.h has the
/// equations). None: the official non_param, without weights.
enum class Pooling { Boundary, Average, Max, CrossAttention, None };
enum class Upsampling { MultiLinear, Repeat, Nearest, Scatter, None };

/// AU-Net with S = dimensions.size() stages (arXiv 2506.14761 section 2); all lists have one entry per stage,
/// residuals one per transition (S - 1). Encoder and decoder of a stage have layers[k] blocks each, the trunk
/// layers.back().
struct AunetConfig {
  std::vector<int64_t> dimensions{};  // width per stage
  std::vector<int64_t> layers{};      // blocks per stage
  std::vector<int64_t> head_dims{};   // width of an attention head per stage; divides dimensions
  std::vector<int64_t> n_kv_heads{};  // per stage, divides the heads; empty: as many as heads
  std::vector<bool> residuals{};  // per transition: add the encoder's output after upsampling (default true)
  std::vector<int64_t> sliding_windows{};  // keys a query sees, itself included
  std::vector<int64_t>
      max_seqlens{};        // cap on rows per sequence and stage; -1: none (packed stages need none)
  double lambda_level = 0;  // weight of the level head's loss; 0: no level head
  std::string pooling_type = "indexed_matmul";
  std::string upsampling{};   // "": the one that belongs to pooling_type (model/transition.h)
  std::string skip = "add";   // how a residual joins the upsampled rows: "add" (official), "concat"
  bool weight_tying = false;  // the head is the embedding table
  // Multi-scale prediction: off while lambda_units is empty (model/unit_head.h).
  std::vector<double> lambda_units{};  // weight of each deeper stage's own head, S - 1 values; 0: no head
  std::string unit_targets = "bytes";  // "bytes": of the next unit; "first_bytes": one of each next unit
  int64_t unit_reach = 4;              // so many of them
  double rope_theta = 5e5;             // official configuration
  int64_t multiple_of = 256;           // feed-forward width is rounded up to it
  double norm_eps = 1e-5;
  int64_t vocab_size = 258;        // 256 bytes, begin 256, end 257
  std::vector<SplitRule> split{};  // S - 1 rules
  SplitMode split_mode = SplitMode::Causal;
  bool operator==(const AunetConfig&) const = default;
};

/// Where a transformer's ids come from.
struct TokenizerConfig {
  std::string kind = "bpe";      // "bpe" | "bytes" (258 ids)
  bool train = false;            // train a byte-level BPE on the sweep's training split
  int64_t vocab = 0;             // ids without the two marks (256 + merges)
  std::string path{};            // tiktoken rank file or tokenizer.json, when not trained
  std::string pattern = "gpt2";  // pre-tokenizer: gpt2, cl100k_base, o200k_base, llama3; json: the file's own
  std::string fingerprint{};     // Bpe::fingerprint(); "" until resolved
  bool operator==(const TokenizerConfig&) const = default;
};

/// Llama-style transformer: pre-norm RMSNorm, rotary, SwiGLU, no biases (lingua apps/main).
struct TransformerConfig {
  int64_t dim = 0, n_layers = 0, head_dim = 64;
  int64_t n_kv_heads = 0;  // 0: as many as heads
  int64_t vocab_size =
      0;  // rows of embedding and head: tokenizer.vocab + 2 marks (begin = vocab, end = vocab + 1)
  int64_t sliding_window = 0;  // keys a query sees, itself included; 0: all before it in the sequence
  double rope_theta = 5e5;
  int64_t multiple_of = 256;
  double norm_eps = 1e-5;
  bool weight_tying = false;
  TokenizerConfig tokenizer{};
  bool operator==(const TransformerConfig&) const = default;
};

/// The names of pooling_type and of upsampling.
std::vector<std::string> pooling_types();
std::vector<std::string> upsampling_types();
/// What the two names of a configuration mean. Throw ConfigError for an unknown name.
Pooling pooling_of(const AunetConfig& config);
Upsampling upsampling_of(const AunetConfig& config);
/// Does pooling look at all rows of a unit, not at its boundary row alone?
bool pools_whole_units(const AunetConfig& config);
/// Does transition k join the encoder's output to the upsampled rows?
bool has_residual(const AunetConfig& config, size_t k);
/// Heads of stage k's keys and values.
int64_t kv_heads_of(const AunetConfig& config, size_t k);
/// Weight of stage k's own head in the objective (k = 1 .. S - 1, 0 is bytes); 0: it has none.
double unit_weight(const AunetConfig& config, size_t k);

using ModelConfig = std::variant<AunetConfig, TransformerConfig>;

/// Head width where the file is silent: 64 (official stage 1), for a width that 64 does not divide the
/// largest even divisor below it (rotary turns pairs).
int64_t default_head_dim(int64_t dim);

/// SwiGLU hidden width: multiple_of * ceil(floor(8 d / 3) / multiple_of) (lingua transformer.py).
int64_t ffn_hidden(int64_t dim, int64_t multiple_of);
/// "aunet", "llama" or "bytes".
std::string kind_of(const ModelConfig& model);
/// Bytes and BPE marks: ids of begin and end of document.
int64_t begin_id(const ModelConfig& model);
int64_t end_id(const ModelConfig& model);

}  // namespace aunet
