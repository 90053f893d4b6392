#include "synthetic_world.h"

#include "../db/synthetic.h"
#include "core/file.h"
#include "core/random.h"
#include "core/run_dir.h"
#include "sweep/cell_json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace aunet {
namespace {

// 2.9 bits per byte at 1e11 FLOPs, its optimum at 0.3 C^0.5 FLOPs per byte: near what byte models of 1e4 to
// 1e6 parameters do on English.
constexpr double kE = 1.2, kA = 12.7, kB = 41.3, kExponent = 0.28;

/// Steeper above the best rate: at 1 step off by a quarter each way.
double lopsided(double x) { return x * x * (1 + 0.25 * std::tanh(x)); }

double off(double value, double best, double exponent, double flops) {
  return std::log2(value / (best * std::pow(flops / 1e11, exponent)));
}

std::optional<double> penalty(const TuningSurface& s, const Cell& cell) {
  const double flops = cell.budget_flops;
  const double x = off(cell.run.optim.lr, s.lr, s.lr_exponent, flops);
  const double y = off(cell.batch_bytes, s.batch_bytes, s.batch_exponent, flops);
  if (x > s.cliff) return std::nullopt;
  // The valley: the best rate for a batch y off lies tilt * y * sqrt(bends) away.
  double loss = s.lr_bend * lopsided(x) + s.batch_bend * y * y -
                2 * s.tilt * std::sqrt(s.lr_bend * s.batch_bend) * x * y;
  if (const auto* transformer = std::get_if<TransformerConfig>(&cell.run.model)) {
    const double v = off(static_cast<double>(transformer->tokenizer.vocab), s.vocab, s.vocab_exponent, flops);
    loss += s.vocab_bend * v * v;
  }
  return loss;
}

TuningSurface drawn_surface(RandomStream& random) {
  const auto between = [&](double low, double high) { return low + (high - low) * random.uniform(); };
  TuningSurface s;
  s.lr = 0.02 * std::exp2(between(-1, 1));
  s.lr_exponent = between(-0.25, -0.1);
  s.batch_bytes = 2048 * std::exp2(between(-0.5, 1));
  s.batch_exponent = between(0.15, 0.35);
  s.vocab = 1024 * std::exp2(between(-0.5, 1));
  s.vocab_exponent = between(0, 0.15);
  s.lr_bend = between(0.025, 0.06);
  s.batch_bend = between(0.02, 0.05);
  s.vocab_bend = between(0.01, 0.03);
  s.tilt = between(0, 0.5);
  return s;
}

}  // namespace

SyntheticWorld::SyntheticWorld(uint64_t seed, double worth, double start_off, double noise_bpb,
                               bool vocab_matters)
    : seed_(seed), worth_(worth), noise_(noise_bpb), flat_(vocab_matters) {
  RandomStream random(seed, "synthetic world");
  surfaces_["aunet2"] = drawn_surface(random);
  surfaces_["bpe"] = drawn_surface(random);
  surfaces_["bpe"].lr *= std::exp2(-start_off);
  surfaces_["bpe"].batch_bytes *= std::exp2(start_off);
  if (!vocab_matters) surfaces_["bpe"].vocab_bend = 0;
}

const TuningSurface& SyntheticWorld::surface_of(const Cell& cell) const { return surfaces_.at(cell.family); }

double SyntheticWorld::body(const Cell& cell) const {
  const double worth = cell.family == "aunet2" ? worth_ : 1;
  const double flops = cell.flops_useful.total() * worth;
  // Half of the worth (in the logarithm) goes to the model and half to the data: the frontier moves by
  // `worth`.
  const double d = flat_ ? std::sqrt(flops) / 0.3 : cell.text_bytes * std::sqrt(worth), n = flops / (6 * d);
  return kE + kA * std::pow(n, -kExponent) + kB * std::pow(d, -kExponent);
}

std::optional<double> SyntheticWorld::expected(const Cell& cell) const {
  const auto extra = penalty(surface_of(cell), cell);
  return extra ? std::optional(body(cell) + *extra) : std::nullopt;
}

double SyntheticWorld::regret(const Cell& cell) const {
  // The bowl's floor is 0 by construction: at the best rate and batch, whatever the tilt, and the best
  // vocabulary.
  return penalty(surface_of(cell), cell).value_or(std::numeric_limits<double>::infinity());
}

std::optional<double> SyntheticWorld::loss(const Cell& cell) const {
  const auto truth = expected(cell);
  if (!truth) return std::nullopt;
  RandomStream noise(seed_, "run " + cell.key);
  return *truth + noise_ * noise.normal();
}

Plan SyntheticWorld::plan_until_tuned(const SweepSpec& spec, const FactsProvider& facts) {
  const LossLookup lookup = [this](const std::string& key) {
    const auto found = losses_.find(key);
    return found == losses_.end() ? std::optional<double>() : std::optional(found->second);
  };
  for (int round = 0; round < 100; ++round) {
    Plan plan = make_plan(spec, facts, lookup);
    if (plan.tuning_complete) return plan;
    for (const Cell& cell : plan.cells)
      if (cell.role == CellRole::Tune)
        losses_[cell.key] = loss(cell).value_or(std::numeric_limits<double>::infinity());
  }
  throw std::logic_error("tuning does not end");
}

void SyntheticWorld::write_database(const Plan& plan, const std::string& runs,
                                    const std::string& db_path) const {
  make_directories(runs + "/plans");
  for (const Cell& cell : plan.cells) {
    const std::string directory = RunsRoot{runs}.run(cell.key).path;
    if (exists(directory)) continue;  // a trial that is a grid cell as well
    if (testing::make_run(runs, cell.run) != directory)
      throw std::logic_error("the key of a planned run is not that of its run.toml");
    StepRecord last = testing::step(1, cell.steps);
    const auto score = loss(cell);
    last.text_bytes = static_cast<int64_t>(cell.text_bytes);
    last.flops_paper = cell.flops_paper.total();
    last.flops_useful = cell.flops_useful.total();
    last.flops_executed = cell.flops_executed.total();
    last.loss_bpb = score.value_or(9);
    last.seconds = last.flops_useful / 1e10;
    std::vector<JournalRecord> records = {testing::attempt(1), testing::gate(1, 0, "pass"), last};
    if (score) records.push_back(testing::heldout(cell.run, 1, cell.steps, *score));
    records.push_back(score ? testing::end(1, cell.steps, "done")
                            : testing::end(1, cell.steps, "failed", "diverged"));
    testing::append(directory, records);
  }
  write_file_atomic(RunsRoot{runs}.plan(plan.sweep), plan_to_json(plan).dump());
  const IngestReport report = ingest_file(db_path, {runs});
  if (!report.problems.empty())
    throw std::runtime_error(report.problems[0].path + ": " + report.problems[0].message);
}

}  // namespace aunet
