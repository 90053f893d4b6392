#include "eval/causality.h"

#include "core/error.h"
#include "core/random.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <string_view>

namespace aunet {

namespace {

using namespace std::string_view_literals;

// Where split rules are known to hesitate: the end of a word, of a number, of a white space run, of a quote,
// of a multi-byte character; sequences that are no UTF-8 at all; U+180E, which some libraries call white
// space.
constexpr std::array kAdversarial = {
    "the cat sat  on\tthe   mat \n\n and  left"sv,
    "He said: \"don't!\" (twice), isn't it?..."sv,
    "3.14159 1,000,000 42nd x2 7-8 0x1F 12:30"sv,
    "line one\r\nline two\r\n\r\n  indented\n\ttabbed"sv,
    "na\xc3\xafve caf\xc3\xa9 \xe2\x80\x9cquoted\xe2\x80\x9d \xe2\x80\x94 dash\xe2\x80\xa6 end"sv,
    "\xe4\xb8\xad\xe6\x96\x87\xe5\xad\x97 \xf0\x9f\x98\x80\xf0\x9f\x98\x80 "
    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"sv,
    "\xff\xfe broken \xc3 \xe2\x80 half \xf0\x9f tail \x80\x80"sv,
    "a\xe1\xa0\x8e"
    "b\xc2\xa0"
    "c\xe2\x80\xaf"
    "d\xe3\x80\x80"
    "e \xe2\x80\x8b"
    "f"sv,
    "snake_case camelCase kebab-case a.b.c f(x)[i]{j};"sv,
    "\0nul\0 bytes \x01\x02 \x7f"sv,
    "          "sv,
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"sv,
};
constexpr std::array kInsertions = {" "sv, "\n"sv, "a"sv,    "."sv,    "\""sv,           "7"sv,
                                    "'"sv, "  "sv, "\xc3"sv, "\x80"sv, "\xe2\x80\x94"sv, "zebra "sv};

/// A text, the same text with another future, and where the futures part.
struct Perturbation {
  Sequence before, after;
  int64_t n_equal = 0;  // rows whose inputs so far are equal
  bool levels_moved = false;
  std::string description;
};

/// Reads texts as training reads windows: the bytes as documents of a corpus of their own.
Sequence as_training_window(const SequenceBuilder& builder, std::string_view first, std::string_view second) {
  Corpus corpus;
  corpus.bytes = std::string(first) + std::string(second);
  corpus.offsets = {0, first.size(), first.size() + second.size()};
  corpus.source = {0, 0};
  Window window;
  window.spans = {
      {.document = 0, .begin = 0, .end = static_cast<int64_t>(first.size()), .ends_document = true},
      {.document = 1, .begin = 0, .end = static_cast<int64_t>(second.size()), .ends_document = true}};
  return builder.training(corpus, window);
}

std::string perturb(RandomStream& random, std::string_view text, int64_t t, const char** kind) {
  const std::string past(text.substr(0, t + 1));
  const std::string_view future = text.substr(t + 1);
  switch (random.below(4)) {
    case 0: {
      *kind = "change";
      std::string changed(future);
      if (!changed.empty())
        changed[0] = static_cast<char>(static_cast<uint8_t>(changed[0]) ^ (1 + random.below(255)));
      return past + changed;
    }
    case 1: {
      *kind = "insert";
      return past + std::string(kInsertions[random.below(kInsertions.size())]) + std::string(future);
    }
    case 2: {
      *kind = "delete";
      return past + std::string(future.substr(std::min<size_t>(future.size(), 1 + random.below(3))));
    }
    default: {
      *kind = "replace";  // all of the future, by bytes of the past: other words, another length
      std::string tail(kInsertions[random.below(kInsertions.size())]);
      tail += text.substr(0, random.below(text.size() + 1));
      return past + tail;
    }
  }
}

int64_t n_equal_rows(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  const auto parted = std::mismatch(a.begin(), a.begin() + std::min(a.size(), b.size()), b.begin());
  return parted.first - a.begin();
}

void compare_levels(Perturbation& p) {
  p.n_equal = n_equal_rows(p.before.inputs, p.after.inputs);
  if (p.before.input_levels.empty()) return;
  // Row 0 is forced to the deepest level by the model, whatever the rule says.
  for (int64_t r = 1; r < p.n_equal; ++r) {
    if (p.before.input_levels[r] == p.after.input_levels[r]) continue;
    p.levels_moved = true;
    p.description +=
        fmt::format("; level of row {}: {} -> {}", r, p.before.input_levels[r], p.after.input_levels[r]);
    return;
  }
}

/// One perturbation of `text`: evaluated alone, or as the second document of a training window after
/// `prefix`.
Perturbation make_perturbation(RandomStream& random, const SequenceBuilder& builder, std::string_view text,
                               bool in_window) {
  const int64_t t = static_cast<int64_t>(random.below(std::max<size_t>(1, text.size() - 1)));
  const char* kind = "";
  const std::string other = perturb(random, text, t, &kind);
  Perturbation result;
  if (in_window) {
    const std::string_view prefix = "An earlier document."sv;
    result.before = as_training_window(builder, prefix, text);
    result.after = as_training_window(builder, prefix, other);
  } else {
    result.before = builder.evaluation(text);
    result.after = builder.evaluation(other);
  }
  result.description = fmt::format("{} after byte {} of {}", kind, t, text.size());
  compare_levels(result);
  return result;
}

/// A span of a held-out document, at most max_bytes long, at a random place.
std::string_view sample_text(RandomStream& random, const Corpus& heldout, int64_t max_bytes) {
  const std::string_view document = heldout.text(static_cast<int64_t>(random.below(heldout.n_documents())));
  const size_t length = std::min<size_t>(document.size(), static_cast<size_t>(max_bytes));
  return document.substr(random.below(document.size() - length + 1), length);
}

std::vector<Perturbation> make_perturbations(const SequenceBuilder& builder, const Corpus& heldout,
                                             const CausalityOptions& options) {
  RandomStream random(options.seed, "causality");
  std::vector<Perturbation> result;
  const int64_t n_adversarial = static_cast<int64_t>(kAdversarial.size());
  for (int64_t i = 0; i < options.n_perturbations; ++i) {
    const int64_t turn = i / 2;
    std::string_view text = kAdversarial[turn % n_adversarial];
    if (i % 2 == 0 && heldout.n_documents() > 0) {
      const int64_t longest = turn % 8 == 0 ? options.context_bytes : options.context_bytes / 4;
      text = sample_text(random, heldout, std::max<int64_t>(1, longest));
    }
    // Alone and inside a window by turns, the other way round on each pass through the adversarial list.
    result.push_back(make_perturbation(random, builder, text, (turn + turn / n_adversarial) % 2 == 1));
  }
  return result;
}

/// The moves of some perturbations' logits over their equal rows, and what the scale is made of.
struct Moves {
  std::vector<double> largest;
  double n = 0, sum = 0, squares = 0;  // of all logits before
};

void add_moves(LanguageModel& model, const ModelConfig& config, const at::Device& device,
               std::span<const Perturbation> perturbations, Moves& moves) {
  std::vector<Sequence> before, after;
  for (const Perturbation& p : perturbations) {
    before.push_back(p.before);
    after.push_back(p.after);
  }
  const Batch batch_before = pack(before, config), batch_after = pack(after, config);
  at::NoGradGuard no_grad;
  const at::Tensor logits_before = model.logits(to_device(batch_before, device)).to(at::kCPU, at::kFloat);
  const at::Tensor logits_after = model.logits(to_device(batch_after, device)).to(at::kCPU, at::kFloat);
  moves.n += static_cast<double>(logits_before.numel());
  moves.sum += logits_before.sum(at::kDouble).item<double>();
  moves.squares += logits_before.to(at::kDouble).pow(2).sum().item<double>();
  for (size_t i = 0; i < perturbations.size(); ++i) {
    const int64_t n = perturbations[i].n_equal;
    const at::Tensor a = logits_before.narrow(0, batch_before.cu_rows[0][i], n);
    const at::Tensor b = logits_after.narrow(0, batch_after.cu_rows[0][i], n);
    moves.largest.push_back((a - b).abs().max().item<double>());
  }
}

/// Logits of one forward, in bytes: bounds the gate's memory whatever context and vocabulary are. At least
/// four perturbations share a forward, so that sequences of one batch could see each other.
constexpr int64_t kLogitBytes = int64_t{1} << 28;
constexpr size_t kTogether = 4;

/// Largest logit move of each perturbation over its equal rows, in standard deviations of all logits
/// compared.
std::vector<double> logit_moves(LanguageModel& model, const ModelConfig& config, const at::Device& device,
                                const std::vector<Perturbation>& perturbations) {
  const int64_t vocab = std::visit([](const auto& m) { return m.vocab_size; }, config);
  Moves moves;
  for (size_t first = 0, last = 0; first < perturbations.size(); first = last) {
    int64_t bytes = 0;
    while (last < perturbations.size() && (last - first < kTogether || bytes < kLogitBytes)) {
      const Perturbation& p = perturbations[last++];
      bytes += 4 * vocab * static_cast<int64_t>(p.before.inputs.size() + p.after.inputs.size());
    }
    add_moves(model, config, device, std::span(perturbations).subspan(first, last - first), moves);
  }
  const double mean = moves.sum / moves.n;
  const double deviation = std::sqrt((moves.squares - moves.n * mean * mean) / (moves.n - 1));
  // Logits that are all alike have no scale: any move at all is then a move.
  for (double& move : moves.largest) move = move == 0 ? 0 : move / deviation;
  return moves.largest;
}

}  // namespace

CausalityVerdict check_causality(LanguageModel& model, const ModelConfig& config,
                                 const SequenceBuilder& builder, const Corpus& heldout,
                                 const at::Device& device, const CausalityOptions& options) {
  require(options.n_perturbations > 0, "check_causality: no perturbations");
  const std::vector<Perturbation> perturbations = make_perturbations(builder, heldout, options);
  const std::vector<double> moves = logit_moves(model, config, device, perturbations);

  CausalityVerdict result;
  result.n_perturbations = static_cast<int64_t>(perturbations.size());
  std::string first_leak, first_failure;
  for (size_t i = 0; i < perturbations.size(); ++i) {
    const Perturbation& p = perturbations[i];
    if (p.levels_moved) {
      if (result.n_levels_moved++ == 0) first_leak = p.description;
      continue;
    }
    result.worst_logit = std::max(result.worst_logit, moves[i]);
    if (moves[i] <= options.tolerance) continue;  // false for NaN: a NaN is a failure, below
    if (result.n_logits_moved++ == 0)
      first_failure = fmt::format("{}; logits moved by {:.2g} std", p.description, moves[i]);
  }
  const int64_t n_moved = result.n_levels_moved + result.n_logits_moved;
  result.leak_rate = static_cast<double>(n_moved) / static_cast<double>(result.n_perturbations);
  result.verdict = result.n_logits_moved > 0 ? "fail" : result.n_levels_moved > 0 ? "leak" : "pass";
  result.detail =
      fmt::format("{} perturbations: {} moved a level, {} moved only logits; worst logit {:.2g} std",
                  result.n_perturbations, result.n_levels_moved, result.n_logits_moved, result.worst_logit);
  if (!first_failure.empty())
    result.detail += "; first: " + first_failure;
  else if (!first_leak.empty())
    result.detail += "; first: " + first_leak;
  return result;
}

}  // namespace aunet
