// How `aunet stop` reaches what it stops: by a file beside the run or the plan, which works on every machine
// that sees the folder. Supervisors and workers look for it; a run that is stopped stays so until the next
// call that asks for it (`aunet sweep`, `resume`, `retry`) takes the file away.
#pragma once

#include <string>

namespace aunet {

/// `path` is RunDir::stop() or RunsRoot::sweep_stop(). Throws Error.
void ask_to_stop(const std::string& path);
bool is_asked_to_stop(const std::string& path);
void withdraw_stop(const std::string& path);

}  // namespace aunet
