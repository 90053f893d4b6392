#include "sweep/stop_request.h"

#include "core/error.h"
#include "core/file.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace aunet {

void ask_to_stop(const std::string& path) {
  write_file_atomic(path, "asked by process " + std::to_string(::getpid()) + "\n");
}

bool is_asked_to_stop(const std::string& path) { return exists(path); }

void withdraw_stop(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
    throw Error(path + ": remove: " + std::strerror(errno));
}

}  // namespace aunet
