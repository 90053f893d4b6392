// The house's two exceptions and its one check of internal promises. Thrown low, caught only in
// main() (and once per run by the sweep supervisor, to write the failed row).
#pragma once

#include <stdexcept>
#include <string>

namespace aunet {

/// The user's input is wrong. The message names the place: `file:line:col: key: expected, got`.
/// Exit code 2.
struct ConfigError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The world failed (file, database, disk, GPU, cluster). Message: `where: what: wanted, got`.
/// Exit code 1.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A promise between our own parts was broken: a bug. Exit code 70.
struct BugError : std::logic_error {
  using std::logic_error::logic_error;
};

/// Throws BugError with `message` unless `condition` holds.
inline void require(bool condition, const std::string& message) {
  if (!condition) throw BugError(message);
}

/// Exit codes of every binary (DESIGN: contract with outside scripts).
enum class ExitCode : int { Done = 0, WorldFailed = 1, BadInput = 2, Bug = 70, Interrupted = 75 };

}  // namespace aunet
