// The second opinion on a fit: another parametrisation, another algorithm, no code of the first but the Huber
// function.
#pragma once

#include "analysis/chinchilla_problem.h"

namespace aunet {

/// L-BFGS on (log A', log B', log E, alpha, beta) with the prediction as a log-sum-exp, the parametrisation
/// of Hoffmann et al. 2022 (D.2), from 32 low-discrepancy starts; the best four run to convergence. Returns
/// scaled parameters (E, A', B', alpha, beta); `objective` receives their objective.
Vector5 second_solver(const ChinchillaProblem& problem, double* objective);

}  // namespace aunet
