// What this process runs on and with: for provenance, never for a decision.
#pragma once

#include <string>
#include <vector>

namespace aunet {

std::string host_name();  ///< this machine's, as journals and locks have it; "unknown" when there is none
std::string cpu_name();   ///< "Intel(R) Xeon(R) ...", of /proc/cpuinfo

/// Models of the machine's NVIDIA GPUs, one each, in the driver's order; [] without a driver.
std::vector<std::string> gpu_names();
/// "8 x NVIDIA H100 80GB HBM3", several models joined by ", "; "" without a driver.
std::string gpus_in_words();
std::string gpu_driver();  ///< version of NVIDIA's kernel driver, "550.54.15"; "" without one

/// What may change a bit of a result beside our own code: "g++ 12.2.0, glibc 2.36, pcre2 10.42".
std::string library_versions();

/// The variables of the environment that can change what a run computes, how fast, or where: threads, math
/// libraries, torch, CUDA, loader, scheduler, our own. "NAME=value" each, sorted by name, joined by one
/// space; values hold no white space (it becomes '_').
std::string relevant_environment();

}  // namespace aunet
