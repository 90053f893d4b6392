#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "db/store.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <thread>

#include <unistd.h>

namespace aunet {
namespace {

std::string holder(const std::string& lock_path) {
  const std::string text = exists(lock_path) ? std::string(trim(read_file(lock_path))) : "";
  return text.empty() ? "another process" : text;
}

void sign(int descriptor) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  const std::string text = fmt::format("process {} on {}\n", getpid(), host);
  // Who holds it is a courtesy to whoever waits; the lock itself does not depend on it.
  if (ftruncate(descriptor, 0) == 0) [[maybe_unused]]
    const ssize_t n = pwrite(descriptor, text.data(), text.size(), 0);
}

}  // namespace

struct WriterLock::State {
  std::optional<FileLock> lock;
};

WriterLock::WriterLock(const std::string& db_path, double wait_seconds) : state_(std::make_unique<State>()) {
  using Clock = std::chrono::steady_clock;
  const std::string lock_path = db_path + ".lock";
  const auto deadline = Clock::now() + std::chrono::duration<double>(wait_seconds);
  for (;;) {
    state_->lock.emplace(lock_path);
    if (state_->lock->held()) break;
    if (Clock::now() >= deadline) {
      throw Error(fmt::format("{}: writer's lock: waited {}, {} still holds it", db_path,
                              human_duration(wait_seconds), holder(lock_path)));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  sign(state_->lock->descriptor());
}

WriterLock::~WriterLock() = default;

}  // namespace aunet
