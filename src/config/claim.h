// A claim as a plain struct: what is asserted, what would decide it, how small an effect still matters.
// Every key is documented in sweeps/claims/README.md.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace aunet {

/// One question with one number for an answer. A claim is the conjunction of its tests.
struct ClaimTest {
  /// log_multiplier | log_multiplier_slope | loss_difference | robustness | transfer (analysis/estimand.h)
  std::string estimand{};
  std::vector<std::string> families{};     // a, b: positive favours a
  std::vector<std::string> minus{};        // two more: their difference is subtracted (interaction)
  std::vector<std::string> splits{};       // evaluations it is measured on
  std::vector<std::string> relative_to{};  // evaluations whose difference is subtracted
  std::string decision{};                  // equivalence | superiority
  double margin = 0;                       // smallest effect that matters, in units of the estimand
  std::string margin_words{};              // the same for people
  bool operator==(const ClaimTest&) const = default;
};

/// Below this a claim is not testable; it never says anything beyond the budgets that ran.
struct ClaimScale {
  std::vector<double> source_flops{};  // [low, high]: where the source asserts it; empty: not stated
  double min_flops = 0;                // the largest shared budget must reach it
  int64_t min_budgets = 3;             // shared by the families of a test
  double min_decades = 0;              // from the smallest to the largest of them
  bool operator==(const ClaimScale&) const = default;
};

struct ClaimSpec {
  std::string file{};  // as given, for messages
  std::string text{};  // whole, as read
  std::string id{}, statement{}, source{};
  bool testable = true;
  std::string reason{};                // why not, when it is not testable
  std::string sweep{};                 // name of the sweep that tests it
  std::vector<std::string> exclude{};  // conditions on columns of v_fit_input, in SQL: runs that never enter
  ClaimScale scale{};
  std::vector<ClaimTest> tests{};
};

/// Reads a claim file. ConfigError `file:line:col: key: expected, got`; unknown keys are refused.
ClaimSpec read_claim(const std::string& path);
ClaimSpec parse_claim(const std::string& toml_text, const std::string& file_name);

/// One line of JSON with sorted keys: everything that is asserted or decides. Comments, layout and file name
/// are left out, and keys with their neutral value, so that a key of a later release keeps old hashes.
std::string canonical(const ClaimSpec& claim);
/// First 16 hex digits of hash_hex(canonical(claim)).
std::string claim_hash(const ClaimSpec& claim);

/// The files of a folder (*.toml, without *.sweep.toml; sorted) and single files, read. ConfigError when a
/// path is not there, or two claims share an id.
std::vector<ClaimSpec> read_claims(const std::vector<std::string>& paths);

}  // namespace aunet
