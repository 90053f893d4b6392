#include "train/trainer.h"

#include "config/schedule.h"
#include "core/log.h"
#include "core/text.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace aunet {

namespace {

std::string progress_text(const StepRecord& step, int64_t n_steps, double bytes_per_second,
                          double seconds_left) {
  return fmt::format("step {}/{}  loss {:.4f} nats  {:.4f} bits/byte  {}/s  {} left", step.step, n_steps,
                     step.loss_nats, step.loss_bpb, human_bytes(bytes_per_second),
                     human_duration(seconds_left));
}

}  // namespace

Workload step_workload(const ModelConfig& model, const StepBatches& step) {
  Workload total;
  for (auto rows = step.rows.begin(); rows != step.rows.end(); rows += step.n_stages)
    total += sequence_workload(model, std::vector<int64_t>(rows, rows + step.n_stages));
  return total;
}

Trainer::Trainer(TrainerParts parts, TrainState& state, int64_t attempt)
    : parts_(std::move(parts)),
      state_(state),
      attempt_(attempt),
      n_steps_(total_steps(parts_.run.horizon)),
      checkpointed_step_(state.step),
      checkpointed_at_(parts_.seconds()),
      device_(parts_.run.runtime.device) {}

TrainOutcome Trainer::run() {
  ProgressLine progress;
  const double started = parts_.seconds();
  const TrainState resumed = state_;
  while (state_.step < n_steps_) {
    const double step_started = parts_.seconds();
    const StepBatches batches = parts_.loader.next();
    parts_.optimizer.zero_grad();
    const double nats = forward_backward(batches);
    const double lr = parts_.run.optim.lr * rate_factor(parts_.run.schedule, state_.step + 1, n_steps_);
    const double grad_norm = parts_.optimizer.step(lr);

    StepRecord step = record(nats, batches);
    step.lr = lr;
    step.grad_norm = grad_norm;
    step.seconds = parts_.seconds() - step_started;
    parts_.journal.append_line(to_json_line(step));
    refuse_bad_step(step);

    const double per_step = (parts_.seconds() - started) / static_cast<double>(state_.step - resumed.step);
    const double bytes_per_step = static_cast<double>(state_.text_bytes - resumed.text_bytes) /
                                  static_cast<double>(state_.step - resumed.step);
    progress.show(progress_text(step, n_steps_, bytes_per_step / per_step,
                                per_step * static_cast<double>(n_steps_ - state_.step)),
                  state_.step == n_steps_);
    const bool stop = parts_.stop_requested();
    if (stop || checkpoint_due()) checkpoint();
    if (stop && state_.step < n_steps_) return TrainOutcome::Interrupted;
  }
  if (checkpointed_step_ < state_.step) checkpoint();
  if (cut_rows_ > 0)
    log_warn(fmt::format("max_seqlens cut {} rows in the {} steps of this attempt", cut_rows_,
                         state_.step - resumed.step));
  return TrainOutcome::Finished;
}

double Trainer::forward_backward(const StepBatches& step) {
  require(!step.micro.empty(), fmt::format("loader: no batch for step {}", state_.step + 1));
  at::Tensor nats;
  for (const Batch& batch : step.micro) {
    const LossSums sums = parts_.model.loss(to_device(batch, device_));
    objective(parts_.model, sums, step.counts).backward();
    // Summed in double: the journalled loss must not depend on how many micro-batches a step is cut into.
    const at::Tensor detached = sums.nats.detach().to(at::kDouble);
    nats = nats.defined() ? nats + detached : detached;
  }
  return nats.item<double>();
}

StepRecord Trainer::record(double nats, const StepBatches& step) {
  state_.step += 1;
  state_.text_bytes += step.text_bytes;
  state_.units += step.counts.units;
  cut_rows_ += step.cut_rows;
  const Workload work = step_workload(parts_.run.model, step);
  state_.flops_useful += training_flops(parts_.run.model, work, Convention::Useful).total();
  state_.flops_paper += training_flops(parts_.run.model, work, Convention::Paper).total();
  state_.flops_executed += training_flops(parts_.run.model, work, Convention::Executed).total();
  return {.attempt = attempt_,
          .step = state_.step,
          .text_bytes = state_.text_bytes,
          .units = state_.units,
          .flops_useful = state_.flops_useful,
          .flops_paper = state_.flops_paper,
          .flops_executed = state_.flops_executed,
          .loss_nats = nats / static_cast<double>(step.counts.units),
          .loss_bpb = nats / std::numbers::ln2 / static_cast<double>(step.text_bytes),
          .cut_rows = step.cut_rows > 0 ? std::optional(step.cut_rows) : std::nullopt};
}

void Trainer::refuse_bad_step(const StepRecord& step) {
  if (!std::isfinite(step.loss_nats) || !std::isfinite(step.grad_norm)) {
    if (parts_.diagnose) parts_.diagnose();
    throw RunFailure("nan", fmt::format("step {}: expected a finite loss and gradient norm, got {} and {}",
                                        step.step, step.loss_nats, step.grad_norm));
  }
  if (!state_.first_loss) state_.first_loss = step.loss_nats;
  state_.steps_above = step.loss_nats > *state_.first_loss + kDivergedNats ? state_.steps_above + 1 : 0;
  if (state_.steps_above >= kDivergedSteps) {
    if (parts_.diagnose) parts_.diagnose();
    throw RunFailure(
        "diverged",
        fmt::format("step {}: loss {:.4f} nats, more than {} above step 1's {:.4f} for {} steps", step.step,
                    step.loss_nats, kDivergedNats, *state_.first_loss, kDivergedSteps));
  }
}

bool Trainer::checkpoint_due() const {
  const RuntimeConfig& runtime = parts_.run.runtime;
  const bool by_steps = runtime.checkpoint_steps > 0 && state_.step % runtime.checkpoint_steps == 0;
  const bool by_time =
      runtime.checkpoint_seconds > 0 && parts_.seconds() - checkpointed_at_ >= runtime.checkpoint_seconds;
  return by_steps || by_time || state_.step == runtime.checkpoint_pin;
}

void Trainer::checkpoint() {
  // The journal first: a checkpoint must never be ahead of a journal that lost its last lines.
  parts_.journal.sync();
  const std::string path = parts_.checkpoints.save(state_, parts_.model, parts_.optimizer);
  parts_.journal.append_line(to_json_line(CheckpointRecord{attempt_, state_.step, path}));
  parts_.journal.sync();
  checkpointed_step_ = state_.step;
  checkpointed_at_ = parts_.seconds();
}

}  // namespace aunet
