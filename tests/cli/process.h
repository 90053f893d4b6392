// Runs a program as a shell would, with its output caught.
#pragma once

#include <string>
#include <sys/types.h>
#include <vector>

namespace aunet {

using Environment = std::vector<std::string>;  // "NAME=value", added to ours

struct Finished {
  int code = 0;  // exit code; -signal when killed
  std::string out, err;
};

/// A started program whose stdout and stderr go to files in `folder`.
class Process {
 public:
  Process(const std::vector<std::string>& command, const Environment& environment, const std::string& folder);
  ~Process();  // SIGKILL when still running
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  void signal(int number) const;
  bool running();
  Finished wait();  // blocks

 private:
  std::string folder_;
  pid_t pid_ = 0;
  bool ended_ = false;
  int status_ = 0;
};

Finished run(const std::vector<std::string>& command, const Environment& environment,
             const std::string& folder);

}  // namespace aunet
