// The causality gate: does the past move when the future changes? (DESIGN section 4.) A run that fails it
// does not measure a language model's loss.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/batch.h"
#include "model/language_model.h"

namespace aunet {

/// Independent trials that find a leak at one byte in 10,000 with probability .99: ln .01 / ln(1 - 1e-4).
inline constexpr int64_t kFullGate = 46050;
/// Before the first step: a mistake in a model moves nearly every trial, so that few of them save a training
/// in vain. The gate after the last step is the one with the power.
inline constexpr int64_t kQuickGate = 96;

/// The rarest leak, as a share of bytes, that `n_trials` independent trials find with probability .99.
double rarest_leak_found(int64_t n_trials);

/// Of the logits' standard deviation: 5e-2 for bfloat16, else 1e-4 (DESIGN section 4).
double causality_tolerance(at::ScalarType compute_type);

struct CausalityOptions {
  int64_t n_perturbations =
      kFullGate;                      // on held-out text; half as many, 512 at most, on the adversarial list
  int64_t context_bytes = 512;        // longest text before a change
  std::optional<double> tolerance{};  // of the logits' standard deviation; nullopt: by the compute type
  uint64_t seed = 0;
};

/// Held-out bits per byte where the levels that the model has read depend on later bytes, and elsewhere.
struct LeakScore {
  int64_t leaky_bytes = 0, clean_bytes = 0;  // predicted bytes
  double leaky_nats = 0, clean_nats = 0;
  std::optional<double> leaky_bpb() const;  ///< nullopt: no such bytes
  std::optional<double> clean_bpb() const;
};

struct CausalityVerdict {
  std::string verdict;                       // "pass" | "leak" | "fail"
  double leak_rate = 0;                      // n_leaky / n_positions; 0 for a transformer
  int64_t n_positions = 0, n_leaky = 0;      // held-out bytes whose levels were compared; of them depend on
                                             // later bytes
  int64_t n_heldout = 0, n_adversarial = 0;  // perturbations
  int64_t n_levels_moved = 0;                // of them moved the level of an unchanged byte
  int64_t n_logits_moved = 0;                // of them moved a logit of the past that no level explains
  double worst_logit = 0;                    // largest move of such a logit, in standard deviations
  std::optional<LeakScore> score{};          // of a leak
  std::string detail;                        // one line for people, with the first offence
  int64_t n_perturbations() const { return n_heldout + n_adversarial; }
};

/// Changes, inserts, deletes or replaces bytes after a byte t of a text, rebuilds ids, levels and packing
/// with the builder that training uses, and compares everything up to t.
///
/// Logits    of perturbed held-out and adversarial texts (causality_texts.h), evaluated alone and as the
/// second
///           document of a training window. Compared are the rows whose inputs and levels so far are equal in
///           both texts: begin mark and bytes up to t, up to the first level that moved. A BPE segments text
///           jointly, so tokens at and before t may change with later bytes; the model never reads that as a
///           boundary, so the claim is one about tokens: equal ids so far, equal logits. Both texts go
///           through packed batches of equal order whose row counts differ, which also shows whether
///           sequences of one batch see each other
/// Levels    also at every byte of held-out pieces, as many bytes as perturbations but at least 8,192 (or all
///           there are), and of the adversarial texts, with many continuations (causality_levels.h)
/// Verdict   fail  a logit moved by more than the tolerance, or is no number: the network itself sees the
///                 future
///           leak  no such move, but some level moved: the split rule reads ahead (the official rules do)
///           pass  neither. A sample: evidence, not proof
///           Boundaries from a file (data/file_rule.h) are a leak of rate 1, untested: it knows no other
///           texts
/// Score     of a leak: nats of the sampled pieces' bytes. A byte is leaky when a level among the rows that
///           predict it depends on it or on later bytes. Leaky bytes are other bytes than clean ones (ends of
///           words, lines), so the difference is not all the leak's; a model of the causal rule at the same
///           bytes tells the rest
/// Power     each held-out perturbation is a trial at a byte t drawn uniformly and independently: a network
///           whose logits at a share p of the bytes move with the very next byte is found with probability
///           1 - (1 - p)^n. One perturbation tests one such byte, however many rows it compares: only the row
///           before the change sees that byte. p counts bytes whose leak shows after what stands before them
///           in a trial, mostly 8 to 40 bytes; a leak that needs longer contexts meets one trial in eight,
///           one that reaches further ahead several at each of its rows. Levels the same, as far as leaks are
///           scattered (pieces of 128 bytes are drawn, not bytes) and one of the continuations shows them.
///           Leaks smaller than the tolerance are not found, nor are those of text unlike both lists
/// Memory    of a forward is bounded: 8,192 rows or 256 MB of logits, but four texts at least
/// `heldout` may be empty: then only the adversarial list is tried.
/// Source    the standard deviation and the tolerance: DESIGN section 4
CausalityVerdict check_causality(LanguageModel& model, const ModelConfig& config,
                                 const SequenceBuilder& builder, const Corpus& heldout,
                                 const at::Device& device, const CausalityOptions& options);

}  // namespace aunet
