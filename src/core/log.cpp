#include "core/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>

namespace aunet {
namespace {

spdlog::level::level_enum level_from_environment() {
  const char* text = std::getenv("AUNET_LOG");
  const std::string name = text ? text : "";
  if (name == "debug") return spdlog::level::debug;
  if (name == "warn") return spdlog::level::warn;
  if (name == "error") return spdlog::level::err;
  return spdlog::level::info;
}

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("aunet", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%H:%M:%S %^%l%$ %v");
    made->set_level(level_from_environment());
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void write_stderr(std::string_view text) {
  // A progress line is decoration: when stderr is gone there is nobody to tell.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

void set_log_level(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return logger().set_level(spdlog::level::debug);
    case LogLevel::Info:
      return logger().set_level(spdlog::level::info);
    case LogLevel::Warn:
      return logger().set_level(spdlog::level::warn);
    case LogLevel::Error:
      return logger().set_level(spdlog::level::err);
  }
}

void log_debug(std::string_view message) { logger().debug("{}", message); }
void log_info(std::string_view message) { logger().info("{}", message); }
void log_warn(std::string_view message) { logger().warn("{}", message); }
void log_error(std::string_view message) { logger().error("{}", message); }

ProgressLine::ProgressLine(double every_seconds)
    : every_seconds_(every_seconds), terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() {
  if (dirty_) write_stderr("\n");
}

void ProgressLine::show(std::string_view text, bool force) {
  const double now = now_seconds();
  const double pause_seconds = terminal_ ? 0.1 : every_seconds_;
  if (!force && now - last_shown_ < pause_seconds) return;
  last_shown_ = now;
  if (!terminal_) return write_stderr(std::string(text) + "\n");
  write_stderr("\r\x1b[K" + std::string(text));
  dirty_ = true;
}

}  // namespace aunet
