// One logger to stderr (stdout belongs to results) and one progress line.
#pragma once

#include <string>
#include <string_view>

namespace aunet {

enum class LogLevel { Debug, Info, Warn, Error };
void set_log_level(LogLevel level);  ///< also from AUNET_LOG=debug|info|warn|error
void log_debug(std::string_view message);
void log_info(std::string_view message);
void log_warn(std::string_view message);
void log_error(std::string_view message);

/// Rewrites one line in place on a terminal (at most ten times a second); elsewhere prints a line every
/// `every_seconds`.
class ProgressLine {
 public:
  explicit ProgressLine(double every_seconds = 10);
  ~ProgressLine();  ///< ends the line
  void show(std::string_view text, bool force = false);

 private:
  double every_seconds_;
  double last_shown_ = -1e9;
  bool terminal_;
  bool dirty_ = false;
};

}  // namespace aunet
