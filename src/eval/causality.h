// The causality gate: does the past move when the future changes? (DESIGN section 4.) A run that fails it
// does not measure a language model's loss.
#pragma once

#include <cstdint>
#include <string>

#include "data/batch.h"
#include "model/language_model.h"

namespace aunet {

struct CausalityOptions {
  int64_t n_perturbations = 96;  // half on held-out pieces, half on the adversarial list
  int64_t context_bytes = 512;   // longest held-out piece: one in eight; the others a quarter of it
  double tolerance = 1e-4;       // of the logits' standard deviation; fp32 (bf16: 5e-2)
  uint64_t seed = 0;
};

struct CausalityVerdict {
  std::string verdict;   // "pass" | "leak" | "fail"
  double leak_rate = 0;  // share of perturbations that moved an earlier level or logit
  int64_t n_perturbations = 0;
  int64_t n_levels_moved = 0;  // perturbations that moved the level of an unchanged byte
  int64_t n_logits_moved = 0;  // perturbations that moved a logit of the past, but no level
  double worst_logit = 0;      // largest such move, in standard deviations
  std::string detail;          // one line for people, with the first offence
};

/// Changes, inserts or deletes bytes after a position t of a text, rebuilds ids, levels and packing with the
/// builder that training uses, and compares everything up to t.
///
/// Texts     pieces as evaluated, and training windows of two documents (begin and end marks inside); from
///           held-out text, and from an adversarial list: white space runs, quotes, numbers, multi-byte and
///           invalid bytes
/// Compared  rows whose inputs so far are equal in both texts. For bytes: the begin mark and the bytes up to
///           t. A BPE segments text jointly, so tokens at and before t may change with later bytes; the model
///           never reads that as a boundary, so the claim is one about tokens: equal ids so far, equal logits
/// Verdict   fail  a logit moved by more than `tolerance` standard deviations although all levels up to there
///                 are equal: the network itself sees the future
///           leak  no such move, but some level moved: the split rule reads ahead (the official rules do)
///           pass  neither. A sample: evidence, not proof
/// Source    the standard deviation and the tolerance: DESIGN section 4
/// Logits are compared between two packed batches of equal order whose row counts differ, which also shows
/// whether sequences of one batch see each other.
CausalityVerdict check_causality(LanguageModel& model, const ModelConfig& config,
                                 const SequenceBuilder& builder, const Corpus& heldout,
                                 const at::Device& device, const CausalityOptions& options);

}  // namespace aunet
