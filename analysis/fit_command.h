// `aunet-analyze fit`: the surface L(N, D) of a CSV file or of the families of a sweep.
#pragma once

#include <nlohmann/json.hpp>

#include "analysis/bootstrap.h"
#include "cli/command.h"

namespace aunet {

/// aunet-analyze fit --csv F --n COL [--d COL | --flops COL] --loss COL ... | fit [--db F] [--sweep S]
/// [--family X]
int cmd_fit(const Args& args);

/// {"form","params","objective","n","ci95","certificate","warnings", ...} as DESIGN section 6 fixes it; a
/// refused fit has params null and certificate.converged false with its reason.
nlohmann::json fit_to_json(const ChinchillaFit& fit, const FitBootstrap* bootstrap,
                           const std::vector<std::string>& warnings);

/// What a reader of the fit must know: floor at its bound, a near second basin, replicates that failed.
std::vector<std::string> fit_warnings(const ChinchillaFit& fit, const FitBootstrap* bootstrap);

}  // namespace aunet
