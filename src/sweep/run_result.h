// What a finished run came to, and whether another run of the same cell came to the same: what a bundle holds
// as expected values and `aunet repeat --verify` compares.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/run_dir.h"

namespace aunet {

/// What bitwise equality is promised for (DESIGN section 5): equal records, equal bits.
struct NumericsRecord {
  int64_t version = 0, threads = 0;  // 0: not known
  std::string device{};              // "cpu" | "cuda"
  std::string instruction_set{};     // what ATen chose; "": the checkpoint that says it is gone
  std::string torch_version{};
  std::string hardware{};  // GPU's name, or the CPU's where the instruction set is not known
  bool mixed = false;      // attempts of the run differed: nothing is bitwise
  bool operator==(const NumericsRecord&) const = default;
};

/// What differs, for people: "threads 1 -> 2"; "" when bitwise equality is promised.
std::string class_difference(const NumericsRecord& expected, const NumericsRecord& got);

struct RunResult {
  struct Step {
    int64_t step = 0;
    double loss_nats = 0;  // NaN: not finite
  };
  struct Eval {
    std::string split{}, eval_key{};
    double nats = 0, loss_bpb = 0;
    int64_t text_bytes = 0;
  };
  NumericsRecord numerics{};
  std::vector<Step> curve{};  // every step that counts, in order; of a branch from its parent's step on
  std::vector<Eval> evals{};  // the last of each split, "heldout" first
  int64_t steps = 0;
  std::string weights_hash{};     // of the final checkpoint's model.safetensors; "": it is gone
  std::string checkpoint_hash{};  // state.json's own
};

/// Reads journal and final checkpoint. Throws ConfigError unless the run is done, Error as read_journal.
RunResult read_run_result(const RunDir& run);

nlohmann::json to_json(const RunResult& result);
/// Throws nlohmann::json::exception.
RunResult run_result_of(const nlohmann::json& json);

/// Largest |got / expected - 1| that other hardware may show.
///
/// Source   first steps and held-out loss: what DESIGN's several-rank runs must keep (1e-5 over 20 steps,
/// 1e-3
///          at the end). The curve between them: rounding grows while training runs, most where the rate is
///          high; sweeps/README.md, "Bundles", has what we measured.
struct Tolerance {
  int64_t first_steps = 20;
  double first_relative = 1e-5;
  double curve_relative = 2e-2;
  double eval_relative = 1e-3;
};
nlohmann::json to_json(const Tolerance& tolerance);
Tolerance tolerance_of(const nlohmann::json& json);  ///< throws nlohmann::json::exception

/// One quantity's comparison.
struct Verdict {
  enum class Word { Equal, WithinTolerance, Different, NotCompared };
  std::string quantity{};  // "loss of 120 steps", "held-out nats", "final weights"
  Word word = Word::Equal;
  std::string detail{};  // one line: what differs first and by how much; "" when equal
};
std::string to_string(Verdict::Word word);  ///< "equal", "within tolerance", "different", "not compared"

struct Comparison {
  std::string class_difference{};  // "": bitwise equality was demanded
  std::vector<Verdict> verdicts{};
  bool equal() const;  // nothing is different
};

/// Compares bit by bit when the numerics are equal, else within `tolerance` (weights are then not compared).
Comparison compare_results(const RunResult& expected, const RunResult& got, const Tolerance& tolerance);

}  // namespace aunet
