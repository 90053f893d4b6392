// How surely the gate finds rare leaks: planted ones, counted over seeds, against exact binomial bounds.
#include "core/random.h"
#include "data/split_rules.h"
#include "data/tokenizer.h"
#include "eval/causality.h"
#include "eval/causality_levels.h"
#include "eval/causality_texts.h"
#include "tests/support/bigram_model.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

using namespace aunet;

namespace {

/// Random capital letters: every context of four bytes is about as frequent as any other.
const Corpus& letters() {
  static const Corpus corpus = [] {
    RandomStream random(0, "letters");
    std::vector<std::string> texts(200);
    for (std::string& text : texts) {
      for (int i = 0; i < 10'000; ++i) text += static_cast<char>('A' + random.below(26));
    }
    return Corpus::of(texts);
  }();
  return corpus;
}

/// Does a leak sit at the byte with these four bytes up to it? One in `one_in` contexts, others for each
/// seed.
bool is_leak(int64_t a, int64_t b, int64_t c, int64_t d, int64_t seed, int64_t one_in) {
  uint64_t mixed = static_cast<uint64_t>(seed);
  for (const int64_t byte : {a, b, c, d}) {
    mixed = (mixed ^ static_cast<uint64_t>(byte)) * 0x9E3779B97F4A7C15u;
    mixed ^= mixed >> 29;
  }
  return mixed % static_cast<uint64_t>(one_in) == 0;
}

/// A boundary after each capital A; at a planted place also where an M or a later letter follows.
LevelRule looking_ahead(int64_t seed, int64_t one_in) {
  return [=](const std::vector<int32_t>& ids) {
    std::vector<int32_t> levels(ids.size());
    for (size_t t = 0; t < ids.size(); ++t) {
      levels[t] = ids[t] == 'A';
      if (t >= 3 && t + 1 < ids.size() && is_leak(ids[t - 3], ids[t - 2], ids[t - 1], ids[t], seed, one_in))
        levels[t] = ids[t + 1] >= 'M';
    }
    return levels;
  };
}

/// A bigram that at planted places also reads the next row's byte.
struct RarelyPeeking : BigramModel {
  RarelyPeeking(int64_t of_seed, int64_t of_one_in) : BigramModel(258), seed(of_seed), one_in(of_one_in) {
    randomize(3);
  }
  int64_t seed, one_in;
  at::Tensor logits(const DeviceBatch& batch) override {
    at::Tensor rows = BigramModel::logits(batch);
    const int64_t n = batch.inputs.size(0);
    const int64_t* id = batch.inputs.const_data_ptr<int64_t>();
    const int32_t* position = batch.positions[0].const_data_ptr<int32_t>();
    for (int64_t r = 4; r + 1 < n; ++r) {
      const bool has_context = position[r] >= 4 && std::all_of(id + r - 3, id + r + 1, [](int64_t i) {
                                 return i >= 'A' && i <= 'Z';  // no text of the adversarial list has four
                               });
      if (has_context && is_leak(id[r - 3], id[r - 2], id[r - 1], id[r], seed, one_in))
        rows[r] += table_[id[r + 1]];
    }
    return rows;
  }
};

/// ln .01 / ln(1 - 1 / one_in), up: what finds a leak at one byte in `one_in` with probability .99.
int64_t trials_for(int64_t one_in) {
  return static_cast<int64_t>(std::ceil(std::log(0.01) / std::log1p(-1.0 / static_cast<double>(one_in))));
}

bool finds_in_rule(int64_t seed, int64_t one_in, int64_t n_positions) {
  const LevelRule rule = looking_ahead(seed, one_in);
  for (const std::string_view piece : sample_pieces(letters(), n_positions, static_cast<uint64_t>(seed))) {
    const std::vector<bool> leaky = leaky_positions(rule, piece);
    if (std::count(leaky.begin(), leaky.end(), true) > 0) return true;
  }
  return false;
}

bool finds_in_model(int64_t seed, int64_t one_in, int64_t n_perturbations) {
  RarelyPeeking model(seed, one_in);
  TransformerConfig config;
  config.vocab_size = 258;
  config.tokenizer.kind = "bytes";
  const auto tokenizer = make_byte_tokenizer();
  const SequenceBuilder builder(config, *tokenizer);
  const CausalityVerdict verdict = check_causality(
      model, config, builder, letters(), at::kCPU,
      {.n_perturbations = n_perturbations, .context_bytes = 64, .seed = static_cast<uint64_t>(seed)});
  return verdict.verdict == "fail";
}

/// P(Binomial(n, p) >= k).
double at_least(int64_t k, int64_t n, double p) {
  double sum = 0;
  for (int64_t i = k; i <= n; ++i) {
    const auto x = static_cast<double>(i), m = static_cast<double>(n);
    sum += std::exp(std::lgamma(m + 1) - std::lgamma(x + 1) - std::lgamma(m - x + 1) + x * std::log(p) +
                    (m - x) * std::log1p(-p));
  }
  return sum;
}

/// Not rejected at one in a thousand: at most a share p of the seeds is missed.
void check_missed_at_most(int64_t n_missed, int64_t n_seeds, double p) {
  CAPTURE(n_missed, n_seeds, p, at_least(n_missed, n_seeds, p));
  CHECK(at_least(n_missed, n_seeds, p) > 1e-3);
}

template <class Finds>
int64_t count_missed(Finds finds, int64_t one_in, int64_t n_trials, int64_t n_seeds) {
  int64_t n_missed = 0;
  for (int64_t seed = 1; seed <= n_seeds; ++seed) n_missed += !finds(seed, one_in, n_trials);
  return n_missed;
}

}  // namespace

TEST_CASE("the full gate has as many trials as one leak in 10,000 needs", "[eval][power]") {
  CHECK(kFullGate == trials_for(10'000));
  CHECK(1 - std::pow(1 - 1e-4, static_cast<double>(kFullGate)) >= 0.99);
  CHECK(1 - std::pow(1 - 1e-4, static_cast<double>(kFullGate - 1)) < 0.99);
  CHECK(rarest_leak_found(kFullGate) == Approx(1e-4).epsilon(1e-4));
  CHECK(rarest_leak_found(1000) == Approx(1.0 / 217.6).epsilon(1e-3));
  CHECK(rarest_leak_found(1) == Approx(0.99));
}

TEST_CASE("planted leaks sit at the rate that they are meant to have", "[eval][power]") {
  std::string text;
  for (int64_t d = 0; d < letters().n_documents(); ++d) text += letters().text(d);
  for (const int64_t one_in : {100, 10'000}) {
    int64_t n_leaks = 0, n_bytes = 0;
    for (int64_t seed = 1; seed <= 10; ++seed) {
      for (size_t t = 3; t < text.size(); ++t, ++n_bytes)
        n_leaks += is_leak(text[t - 3], text[t - 2], text[t - 1], text[t], seed, one_in);
    }
    CHECK(static_cast<double>(n_leaks) * static_cast<double>(one_in) / static_cast<double>(n_bytes) ==
          Approx(1).epsilon(0.1));
  }
}

TEST_CASE("a rule that looks ahead at rare bytes is found as surely as promised", "[eval][power]") {
  check_missed_at_most(count_missed(finds_in_rule, 100, trials_for(100), 200), 200, 0.02);
  const int64_t n_found = 200 - count_missed(finds_in_rule, 10'000, 128, 200);
  check_missed_at_most(n_found, 200,
                       128e-4);  // and no more often than leaks are there: nothing else is found
}

TEST_CASE("a network that peeks at rare bytes is found as surely as promised", "[eval][power]") {
  check_missed_at_most(count_missed(finds_in_model, 30, trials_for(30), 60), 60, 0.015);
  // With few trials the planted rate decides: half of the seeds are missed.
  const int64_t n_missed = count_missed(finds_in_model, 50, 35, 60);
  const double missed = std::pow(1 - 1.0 / 50, 35);
  check_missed_at_most(n_missed, 60, missed + 0.05);
  check_missed_at_most(60 - n_missed, 60, 1 - missed + 0.05);
}

TEST_CASE("the full gate finds leaks at one byte in 10,000 with probability .99", "[eval][power][slow]") {
  constexpr int64_t kSeeds = 100;
  check_missed_at_most(count_missed(finds_in_rule, 10'000, kFullGate, kSeeds), kSeeds, 0.015);
  check_missed_at_most(count_missed(finds_in_model, 10'000, kFullGate, kSeeds), kSeeds, 0.015);
}
