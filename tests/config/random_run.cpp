#include "tests/config/random_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace aunet {
namespace {

int64_t between(RandomStream& s, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(s.below(static_cast<uint64_t>(high - low + 1)));
}

double real(RandomStream& s) { return std::exp(20 * (s.uniform() - 0.5)); }
bool coin(RandomStream& s) { return s.below(2) == 0; }

std::string text(RandomStream& s) {
  static const std::string kParts[] = {"a",  "Z",  "0", "_", "-", " ",    "\"", "\\",
                                       "\n", "\t", "é", "#", "'", "\x7f", "/"};
  std::string made = "t";
  for (int64_t n = between(s, 0, 12); n > 0; --n) made += kParts[s.below(std::size(kParts))];
  return made;
}

AunetConfig random_aunet(RandomStream& s) {
  AunetConfig c;
  const int64_t stages = between(s, 2, 5);
  for (int64_t k = 0; k < stages; ++k) {
    c.head_dims.push_back(2 * between(s, 1, 64));
    c.dimensions.push_back(c.head_dims.back() * between(s, 1, 8));
    c.layers.push_back(between(s, 1, 30));
    c.sliding_windows.push_back(between(s, 1, 9000));
    c.max_seqlens.push_back(coin(s) ? -1 : between(s, 1, 9000));
    if (k == 0) continue;
    c.residuals.push_back(coin(s));
    c.split.push_back({fmt::format("word{}", k), fmt::format("{}@1", 1 << (k - 1))});
  }
  if (coin(s)) {
    SplitRule mine{"mine", ""};
    static const std::string kRegexes[] = {R"(\p{Lu}\w+)", R"([.!?"']\s)", "é\\n#", R"(\\\x{4e00})"};
    mine.start = coin(s) ? "" : kRegexes[s.below(4)];
    mine.end = mine.start.empty() || coin(s) ? kRegexes[s.below(4)] : "";
    c.split.back() = mine;
  }
  c.lambda_level = coin(s) ? 0 : real(s);
  const std::vector<std::string> pooling = pooling_types(), upsampling = upsampling_types();
  c.pooling_type = pooling[s.below(pooling.size())];
  if (pooling_of(c) == Pooling::None) {  // each width is twice the one before
    for (size_t k = 1; k < c.dimensions.size(); ++k) {
      c.dimensions[k] = 2 * c.dimensions[k - 1];
      c.head_dims[k] = c.head_dims[0];
    }
  } else if (pooling_of(c) != Pooling::Boundary && coin(s)) {
    c.upsampling = upsampling[1 + s.below(3)];  // not the one that belongs to it
  }
  if (coin(s)) {
    for (size_t k = 0; k < c.dimensions.size(); ++k)
      c.n_kv_heads.push_back(coin(s) ? 1 : c.dimensions[k] / c.head_dims[k]);
  }
  if (std::find(c.residuals.begin(), c.residuals.end(), true) != c.residuals.end() && coin(s))
    c.skip = "concat";
  c.weight_tying = coin(s);
  if (coin(s)) {
    for (int64_t k = 1; k < stages; ++k) c.lambda_units.push_back(k > 1 && coin(s) ? 0 : real(s));
    c.unit_targets = coin(s) ? "bytes" : "first_bytes";
    c.unit_reach = between(s, 1, 9);
  }
  c.rope_theta = real(s);
  c.multiple_of = between(s, 1, 256);
  c.norm_eps = real(s);
  c.split_mode = coin(s) ? SplitMode::Official : SplitMode::Causal;
  return c;
}

TransformerConfig random_transformer(RandomStream& s) {
  TransformerConfig c;
  c.head_dim = 2 * between(s, 1, 64);
  const int64_t n_heads = between(s, 1, 16);
  c.dim = c.head_dim * n_heads;
  c.n_kv_heads = coin(s) ? 0 : n_heads;
  c.n_layers = between(s, 1, 40);
  c.sliding_window = coin(s) ? 0 : between(s, 1, 4096);
  c.rope_theta = real(s);
  c.multiple_of = between(s, 1, 256);
  c.norm_eps = real(s);
  c.weight_tying = coin(s);
  if (coin(s)) {
    c.tokenizer.kind = "bytes";
    c.vocab_size = 258;
    return c;
  }
  c.tokenizer.train = coin(s);
  c.tokenizer.vocab = between(s, 256, 200000);
  if (!c.tokenizer.train || coin(s)) c.tokenizer.path = text(s);
  const char* patterns[] = {"gpt2", "cl100k_base", "o200k_base", "llama3"};
  c.tokenizer.pattern = patterns[s.below(4)];
  if (coin(s)) c.tokenizer.fingerprint = text(s);
  c.vocab_size = c.tokenizer.vocab + 2;
  return c;
}

auto fields(const DataConfig& c) {
  return std::tie(c.train, c.heldout, c.invalid, c.overlap, c.context_bytes, c.document_mask,
                  c.train_fingerprint, c.heldout_fingerprint);
}
auto fields(const OptimConfig& c) { return std::tie(c.lr, c.beta1, c.beta2, c.eps, c.weight_decay, c.clip); }
auto fields(const ScheduleConfig& c) { return std::tie(c.kind, c.warmup, c.floor, c.decay, c.warmup_steps); }
auto fields(const HorizonConfig& c) {
  return std::tie(c.windows, c.batch_windows, c.last_window_bytes, c.accumulation);
}
auto fields(const SeedConfig& c) { return std::tie(c.init, c.data); }
auto fields(const RuntimeConfig& c) {
  return std::tie(c.threads, c.loader_workers, c.device, c.checkpoint_seconds, c.checkpoint_steps,
                  c.checkpoint_keep, c.gate_causal, c.gate_perturbations, c.checkpoint_pin, c.parent_key,
                  c.parent_step);
}
auto fields(const OriginConfig& c) {
  return std::tie(c.name, c.family, c.budget_flops, c.convention, c.flops_planned);
}

}  // namespace

RunConfig random_run(RandomStream& s) {
  RunConfig run;
  if (coin(s))
    run.model = random_aunet(s);
  else
    run.model = random_transformer(s);
  const bool weighted = coin(s);  // all sources or none
  for (int64_t n = between(s, 1, 3); n > 0; --n) run.data.train.push_back({text(s), weighted ? real(s) : 0});
  for (int64_t n = between(s, 1, 3); n > 0; --n) run.data.heldout.push_back(text(s));
  run.data.context_bytes = between(s, 16, 1 << 20);
  run.data.document_mask = coin(s);
  run.data.invalid = coin(s) ? "refuse" : "skip";
  run.data.overlap = coin(s) ? "refuse" : "allow";
  if (coin(s)) run.data.train_fingerprint = text(s);
  if (coin(s)) run.data.heldout_fingerprint = text(s);
  for (int64_t n = between(s, 0, 2); n > 0; --n) {
    const char* corruptions[] = {"none", "typos", "no_spaces", "lowercase", "uppercase"};
    EvalConfig eval{fmt::format("e{}", n),    {},         corruptions[s.below(5)],
                    0.5 * s.uniform() + 0.01, s.below(9), ""};
    if (coin(s)) eval.paths = {text(s), text(s)};
    if (!run.data.train_fingerprint.empty()) eval.fingerprint = text(s);
    if (eval.corrupt != "typos") {
      eval.rate = EvalConfig().rate;
      eval.seed = 0;
    }
    run.evals.push_back(eval);
  }
  run.optim = {real(s), s.uniform() * 0.99, s.uniform() * 0.99, real(s), real(s), real(s)};
  run.schedule.warmup = s.uniform();
  run.schedule.floor = s.uniform();
  if (coin(s)) {
    run.schedule = {"wsd", 0.5 * s.uniform(), s.uniform(), 0.01 + 0.49 * s.uniform(), -1};
    if (coin(s)) run.schedule.warmup_steps = between(s, 0, 1000);
    if (run.schedule.warmup_steps >= 0)
      run.schedule.warmup = ScheduleConfig().warmup;  // it says nothing then
  }
  run.horizon = {between(s, 1, 1ll << 40), between(s, 1, 1 << 20), between(s, 0, run.data.context_bytes),
                 between(s, 1, 9)};
  run.seeds = {s.next_u64() >> 1, s.next_u64() >> 1};
  run.runtime.threads = between(s, 1, 64);
  run.runtime.loader_workers = between(s, 1, 8);
  run.runtime.device = coin(s) ? "cpu" : "cuda";
  run.runtime.checkpoint_seconds = real(s);
  run.runtime.checkpoint_steps = between(s, 0, 1000);
  run.runtime.checkpoint_keep = between(s, 1, 9);
  run.runtime.gate_causal = coin(s) ? "pass" : "off";
  run.runtime.gate_perturbations = between(s, 1, 1000000);
  if (coin(s)) run.runtime.checkpoint_pin = between(s, 1, 1000);
  if (coin(s)) {
    run.runtime.parent_key = "0123456789abcdef";
    run.runtime.parent_step = between(s, 1, 1000);
  }
  run.origin = {coin(s) ? "" : "n.1", coin(s) ? "" : "f-1", real(s), coin(s) ? "paper" : "executed", real(s)};
  return run;
}

bool same_run(const RunConfig& a, const RunConfig& b) {
  return a.model == b.model && a.evals == b.evals && fields(a.data) == fields(b.data) &&
         fields(a.optim) == fields(b.optim) && fields(a.schedule) == fields(b.schedule) &&
         fields(a.horizon) == fields(b.horizon) && fields(a.seeds) == fields(b.seeds) &&
         fields(a.runtime) == fields(b.runtime) && fields(a.origin) == fields(b.origin);
}

}  // namespace aunet
