#include "eval/causality.h"

#include "core/error.h"
#include "core/random.h"
#include "eval/bits_per_byte.h"
#include "eval/causality_levels.h"
#include "eval/causality_texts.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace aunet {

namespace {

constexpr int64_t kMostAdversarial = 512;
constexpr int64_t kFewestPositions = 8192;
// One forward: rows as in scoring; logits in bytes, which bounds the memory whatever the vocabulary is. At
// least four texts share a forward, so that sequences of one batch could see each other.
constexpr int64_t kRows = 8192;
constexpr int64_t kLogitBytes = int64_t{1} << 28;
constexpr size_t kTogether = 4;

/// One fork as sequences of the model's family.
struct Pair {
  Sequence before, after;
  int64_t n_equal = 0;  // rows whose inputs and levels so far are equal
};

/// What is kept of a pair.
struct Trial {
  const char* kind = "";
  int64_t t = 0;
  bool adversarial = false;
  double move = 0;  // largest of a logit over the equal rows
};

/// Reads texts as training reads windows: the bytes as documents of a corpus of their own.
Sequence as_training_window(const SequenceBuilder& builder, std::string_view first, std::string_view second) {
  const Corpus corpus = Corpus::of({std::string(first), std::string(second)});
  Window window;
  window.spans = {
      {.document = 0, .begin = 0, .end = static_cast<int64_t>(first.size()), .ends_document = true},
      {.document = 1, .begin = 0, .end = static_cast<int64_t>(second.size()), .ends_document = true}};
  return builder.training(corpus, window);
}

int64_t n_equal(const std::vector<int32_t>& a, const std::vector<int32_t>& b, int64_t from = 0) {
  const auto n = static_cast<int64_t>(std::min(a.size(), b.size()));
  if (n <= from) return n;
  return std::mismatch(a.begin() + from, a.begin() + n, b.begin() + from).first - a.begin();
}

class Gate {
 public:
  Gate(LanguageModel& model, const ModelConfig& config, const SequenceBuilder& builder, const Corpus& heldout,
       const at::Device& device, const CausalityOptions& options)
      : model_(model),
        config_(config),
        builder_(builder),
        heldout_(heldout),
        device_(device),
        options_(options),
        tolerance_(options.tolerance.value_or(causality_tolerance(model.compute_type()))) {}

  CausalityVerdict check() {
    if (builder_.splitter() && builder_.splitter()->from_file()) return untestable();
    if (builder_.splitter()) scan_levels();
    perturb();
    judge_logits();
    conclude();
    return verdict_;
  }

 private:
  LanguageModel& model_;
  const ModelConfig& config_;
  const SequenceBuilder& builder_;
  const Corpus& heldout_;
  const at::Device& device_;
  const CausalityOptions& options_;
  const double tolerance_;
  CausalityVerdict verdict_;
  std::vector<Trial> trials_;
  std::vector<Pair> pairs_;               // of the last trials, not run yet
  double n_ = 0, sum_ = 0, squares_ = 0;  // of the logits compared
  int64_t n_adversarial_leaky_ = 0;
  std::string first_leak_, first_failure_;

  void scan_levels();
  void score_leak(const std::vector<std::string_view>& pieces, const std::vector<std::vector<bool>>& leaky);
  void perturb();
  void add(const Fork& fork, bool adversarial);
  bool chunk_is_full() const;
  void run_chunk();
  void judge_logits();
  void conclude();
  static CausalityVerdict untestable();
};

void Gate::scan_levels() {
  const auto rule = [this](const std::vector<int32_t>& ids) { return builder_.splitter()->levels(ids); };
  const std::vector<std::string_view> pieces =
      sample_pieces(heldout_, std::max(kFewestPositions, options_.n_perturbations), options_.seed);
  std::vector<std::vector<bool>> leaky;
  for (const std::string_view piece : pieces) {
    leaky.push_back(leaky_positions(rule, piece, &first_leak_));
    verdict_.n_positions += std::ssize(piece);
    verdict_.n_leaky += std::count(leaky.back().begin(), leaky.back().end(), true);
  }
  for (const std::string_view text : adversarial_texts()) {
    const std::vector<bool> found = leaky_positions(rule, text, &first_leak_);
    n_adversarial_leaky_ += std::count(found.begin(), found.end(), true);
  }
  if (verdict_.n_leaky > 0) score_leak(pieces, leaky);
}

void Gate::score_leak(const std::vector<std::string_view>& pieces,
                      const std::vector<std::vector<bool>>& leaky) {
  LeakScore& score = verdict_.score.emplace();
  for (size_t first = 0, last = 0; first < pieces.size(); first = last) {
    std::vector<Sequence> sequences;
    for (int64_t rows = 0; last < pieces.size() && rows < kRows; ++last) {
      sequences.push_back(builder_.evaluation(pieces[last]));
      rows += std::ssize(sequences.back().inputs);
    }
    const Batch batch = pack(sequences, config_);
    const at::Tensor nats =
        model_.target_nats(to_device(batch, device_)).to(at::kCPU, at::kFloat).contiguous();
    const float* of_row = nats.const_data_ptr<float>();
    for (size_t i = 0; i < sequences.size(); ++i) {
      // Row r has read r bytes and predicts byte r.
      for (int64_t r = 0; r < std::ssize(sequences[i].inputs); ++r) {
        const bool leaks = r > 0 && leaky[first + i][r - 1];
        (leaks ? score.leaky_bytes : score.clean_bytes) += 1;
        (leaks ? score.leaky_nats : score.clean_nats) += of_row[batch.cu_rows[0][i] + r];
      }
    }
  }
}

void Gate::perturb() {
  if (!heldout_.empty()) {
    HeldoutForks forks(heldout_, options_.context_bytes, options_.seed);
    for (int64_t i = 0; i < options_.n_perturbations; ++i) add(forks.next(), false);
  }
  RandomStream random(options_.seed, "causality adversarial");
  const auto texts = adversarial_texts();
  const int64_t n = std::min(kMostAdversarial, std::max<int64_t>(1, options_.n_perturbations / 2));
  for (int64_t i = 0; i < n; ++i) {
    const std::string_view text = texts[i % texts.size()];
    add(fork_text(random, text, static_cast<int64_t>(random.below(text.size() - 2))), true);
  }
  run_chunk();
}

/// Every fourth text is the second document of a training window, so that marks stand inside a sequence.
void Gate::add(const Fork& fork, bool adversarial) {
  constexpr std::string_view kFirstDocument = "An earlier one.";
  const int64_t number = (adversarial ? verdict_.n_adversarial : verdict_.n_heldout)++;
  Pair pair;
  if (number % 4 == 3) {
    pair.before = as_training_window(builder_, kFirstDocument, fork.before);
    pair.after = as_training_window(builder_, kFirstDocument, fork.after);
  } else {
    pair.before = builder_.evaluation(fork.before);
    pair.after = builder_.evaluation(fork.after);
  }
  pair.n_equal = n_equal(pair.before.inputs, pair.after.inputs);
  // Row 0 is forced to the deepest level by the model, whatever the rule says.
  const int64_t same_levels = n_equal(pair.before.input_levels, pair.after.input_levels, 1);
  if (!pair.before.input_levels.empty() && same_levels < pair.n_equal) {
    pair.n_equal = same_levels;
    ++verdict_.n_levels_moved;
    if (first_leak_.empty())
      first_leak_ = fmt::format("{} after byte {} moved the level of row {}", fork.kind, fork.t, same_levels);
  }
  trials_.push_back({fork.kind, fork.t, adversarial, 0});
  pairs_.push_back(std::move(pair));
  if (chunk_is_full()) run_chunk();
}

bool Gate::chunk_is_full() const {
  if (pairs_.size() < kTogether) return false;
  int64_t rows = 0;
  for (const Pair& pair : pairs_)
    rows += std::max(std::ssize(pair.before.inputs), std::ssize(pair.after.inputs));
  const int64_t vocab = std::visit([](const auto& m) { return m.vocab_size; }, config_);
  return rows >= kRows || 2 * rows * vocab * 4 >= kLogitBytes;
}

/// Runs the pairs and keeps how far their logits moved over the equal rows.
void Gate::run_chunk() {
  if (pairs_.empty()) return;
  std::vector<Sequence> before, after;
  for (Pair& pair : pairs_) {
    before.push_back(std::move(pair.before));
    after.push_back(std::move(pair.after));
  }
  const Batch batch_before = pack(before, config_), batch_after = pack(after, config_);
  std::vector<int64_t> rows_before, rows_after;
  for (size_t i = 0; i < pairs_.size(); ++i) {
    for (int64_t r = 0; r < pairs_[i].n_equal; ++r) {
      rows_before.push_back(batch_before.cu_rows[0][i] + r);
      rows_after.push_back(batch_after.cu_rows[0][i] + r);
    }
  }
  at::NoGradGuard no_grad;
  const auto of_rows = [&](const Batch& batch, const std::vector<int64_t>& rows) {
    return model_.logits(to_device(batch, device_)).index_select(0, at::tensor(rows, at::kLong).to(device_));
  };
  const at::Tensor a = of_rows(batch_before, rows_before), b = of_rows(batch_after, rows_after);
  n_ += static_cast<double>(a.numel());
  sum_ += a.sum(at::kDouble).item<double>();
  squares_ += a.square().sum(at::kDouble).item<double>();
  const at::Tensor moves = (a - b).abs().amax(1).to(at::kCPU, at::kDouble).contiguous();
  const double* move = moves.const_data_ptr<double>();
  Trial* trial = trials_.data() + (trials_.size() - pairs_.size());
  for (const Pair& pair : pairs_) {
    for (int64_t r = 0; r < pair.n_equal; ++r, ++move) {
      if (std::isnan(*move) || *move > trial->move) trial->move = *move;  // a NaN stays
    }
    ++trial;
  }
  pairs_.clear();
}

void Gate::judge_logits() {
  const double mean = sum_ / n_;
  const double deviation = std::sqrt((squares_ - n_ * mean * mean) / (n_ - 1));
  for (const Trial& trial : trials_) {
    // Logits that are all alike have no scale: any move at all is then a move.
    const double move = trial.move == 0 ? 0 : trial.move / deviation;
    if (std::isnan(move) || move > verdict_.worst_logit) verdict_.worst_logit = move;
    if (move <= tolerance_) continue;  // false for NaN
    if (verdict_.n_logits_moved++ == 0) {
      first_failure_ = fmt::format("{} after byte {} of {} text moved logits by {:.2g} std", trial.kind,
                                   trial.t, trial.adversarial ? "adversarial" : "held-out", move);
    }
  }
}

void Gate::conclude() {
  CausalityVerdict& v = verdict_;
  if (v.n_positions > 0) v.leak_rate = static_cast<double>(v.n_leaky) / static_cast<double>(v.n_positions);
  const bool leaks = v.n_leaky + n_adversarial_leaky_ + v.n_levels_moved > 0;
  v.verdict = v.n_logits_moved > 0 ? "fail" : leaks ? "leak" : "pass";
  v.detail = fmt::format(
      "{} perturbations, {} of them of an adversarial list: {} moved a level, {} moved logits "
      "(worst {:.2g} std, tolerance {:g})",
      v.n_perturbations(), v.n_adversarial, v.n_levels_moved, v.n_logits_moved, v.worst_logit, tolerance_);
  if (v.n_positions > 0)
    v.detail += fmt::format("; levels of {} of {} bytes depend on later ones", v.n_leaky, v.n_positions);
  if (v.score && v.score->leaky_bpb() && v.score->clean_bpb())
    v.detail += fmt::format("; {:.4f} bits per byte after those, {:.4f} after the others",
                            *v.score->leaky_bpb(), *v.score->clean_bpb());
  if (v.n_heldout > 0)
    v.detail += fmt::format("; finds a leak at one byte in {:.0f} with probability .99",
                            1 / rarest_leak_found(v.n_heldout));
  const std::string& first = v.verdict == "fail" ? first_failure_ : first_leak_;
  if (v.verdict != "pass") v.detail += "; first: " + first;
}

CausalityVerdict Gate::untestable() {
  return {.verdict = "leak",
          .leak_rate = 1,
          .detail =
              "boundaries from a file: nothing says what they would be had the text gone on otherwise, so "
              "they count as a leak at every byte; nothing else was tested"};
}

std::optional<double> bpb_of_any(double nats, int64_t bytes) {
  return bytes == 0 ? std::nullopt : std::optional(bits_per_byte(nats, bytes));
}

}  // namespace

std::optional<double> LeakScore::leaky_bpb() const { return bpb_of_any(leaky_nats, leaky_bytes); }
std::optional<double> LeakScore::clean_bpb() const { return bpb_of_any(clean_nats, clean_bytes); }

double rarest_leak_found(int64_t n_trials) {
  return -std::expm1(std::log(0.01) / static_cast<double>(n_trials));
}

double causality_tolerance(at::ScalarType compute_type) {
  return compute_type == at::kBFloat16 ? 5e-2 : 1e-4;
}

CausalityVerdict check_causality(LanguageModel& model, const ModelConfig& config,
                                 const SequenceBuilder& builder, const Corpus& heldout,
                                 const at::Device& device, const CausalityOptions& options) {
  require(options.n_perturbations > 0, "check_causality: no perturbations");
  return Gate(model, config, builder, heldout, device, options).check();
}

}  // namespace aunet
