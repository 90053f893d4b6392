#!/usr/bin/env bash
# A sweep of six cells through a real Slurm on this machine: the worker of one cell and its trainer are killed with
# SIGKILL, the largest cells come to their time limit and are requeued, the controller is restarted in the middle. All
# six are done without a person's second call, with the numbers, bit by bit, of the local launcher.
# Skipped (77) where slurmctld and slurmd are not installed, or for users who cannot start them.
. "$(dirname "$0")/../e2e/lib.sh"
for program in slurmctld slurmd sbatch squeue scontrol sqlite3; do
  command -v "$program" > /dev/null || { echo "skipped: no $program"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "skipped: slurmd wants root"; exit 77; }
SLURM_TEST=$WORK/slurm; mkdir -p "$SLURM_TEST"
. "$(dirname "$0")/cluster.sh"
trainers() {  # process ids of the trainers that the journals name
  cat "$WORK"/*/runs/*/journal.jsonl 2>/dev/null | sed -n 's/.*"type":"attempt".*"pid":\([0-9]*\).*/\1/p'
}
finish() {
  stop_cluster
  for process in $(trainers); do
    grep -qsa "$WORK" "/proc/$process/cmdline" && kill -9 "$process"
  done
  rm -rf "$WORK"
}
trap finish EXIT

SWEEP=$SOURCE/tests/slurm/sweep.toml
# Cells that take longer than the 8 or 12 seconds that the margin leaves of a task's minute.
if [ -x "$BIN/aunet-torch" ]; then
  TRAINER=real MARGIN=${MARGIN:-52} BUDGETS=${BUDGETS:-1e10,2e10,3e11}
else
  MARGIN=${MARGIN:-48} BUDGETS=5e9,1e10,6e10
  TRAINER=fake; export AUNET_TRAINER=$BIN/fake_trainer AUNET_FAKE="step_ms=${STEP_MS:-20} checkpoint_steps=50"
fi
results() {  # results DIR: what must not depend on who ran it
  sql "$1/sweep.db" "select key, step, bytes, units, flops_useful, loss_nats, loss_bpb, lr, grad_norm from v_curve order by key, step"
  sql "$1/sweep.db" "select key, loss_bpb, loss_nats, bytes, flops_useful, status from v_final order by key"
  [ "$TRAINER" = fake ] || (cd "$1/runs" && for run in */run.toml; do
    run=${run%/run.toml}; last=$(ls -d "$run"/checkpoints/step-* | sort | tail -n 1)
    echo "$run ${last##*/} $(sha256sum < "$last/model.safetensors")"
  done)
}
sweep "$WORK/local" --set "budget.flops=[$BUDGETS]" > "$WORK/local.log" 2>&1 || { tail -n 20 "$WORK/local.log"; fail "the local sweep"; }

write_slurm_conf; start_controller -c; start_node; wait_for_cluster || fail "no cluster"
printf 'partition = "test"\ntime = "1min"\nmargin = "%ss"\n' "$MARGIN" > "$WORK/profile.toml"
mkdir -p "$WORK/slurmed"
cd "$WORK/slurmed"
"$BIN/aunet" sweep "$SWEEP" --runs "$WORK/slurmed/runs" --db "$WORK/slurmed/sweep.db" --launcher "slurm:$WORK/profile.toml" \
  --set "budget.flops=[$BUDGETS]" > "$WORK/submit.log" 2>&1 || { cat "$WORK/submit.log"; fail "the submission"; }
cat "$WORK/submit.log"

started=$SECONDS victim= restarted=
until [ "$(sql "$WORK/slurmed/sweep.db" "select count(*) from v_final where status = 'done'" 2>/dev/null)" = 6 ] &&
      [ -z "$(squeue -h 2>/dev/null)" ]; do
  [ $((SECONDS - started)) -lt "${PATIENCE:-600}" ] || { squeue; tail -n 5 "$WORK"/slurmed/runs/plans/six.slurm/*.log; fail "not done in time"; }
  if [ -z "$victim" ]; then  # the first trainer that has checkpointed, and its worker
    journal=$(grep -ls '"type":"checkpoint"' "$WORK"/slurmed/runs/*/journal.jsonl | head -n 1 || true)
    process=$([ -z "$journal" ] || sed -n 's/.*"type":"attempt".*"pid":\([0-9]*\).*/\1/p' "$journal" | tail -n 1)
    if [ -n "$process" ] && worker=$(ps -o ppid= -p "$process" | tr -d ' ') && [ -n "$worker" ]; then
      kill -9 "$worker" "$process" && victim=$(basename "$(dirname "$journal")") && echo "killed $victim: worker $worker, trainer $process"
    fi
  elif [ -z "$restarted" ]; then
    stop_controller; sleep 3; start_controller; restarted=yes; echo "controller restarted"
  fi
  sleep 0.5
done
echo "six cells done after $((SECONDS - started)) s, trainer: $TRAINER"

results "$WORK/local" > "$WORK/local.txt"
results "$WORK/slurmed" > "$WORK/slurmed.txt"
diff "$WORK/local.txt" "$WORK/slurmed.txt" > "$WORK/diff.txt" || { head -n 10 "$WORK/diff.txt"; fail "results differ"; }
requeued=$(cat "$WORK"/slurmed/runs/plans/six.slurm/*.log | grep -c 'the time limit; the run can go on' || true)
attempts=$(sql "$WORK/slurmed/sweep.db" "select sum(attempts) from v_final")
[ -n "$victim" ] || fail "no cell was killed"
[ "$restarted" = yes ] || fail "the controller was not restarted"
[ "$requeued" -ge 1 ] || fail "no cell came to its time limit"
[ "$(sql "$WORK/slurmed/sweep.db" "select attempts from v_final where key = '$victim'")" -ge 2 ] || fail "the killed cell was not started again"
echo "$(wc -l < "$WORK/local.txt") rows identical; $requeued requeued at the time limit, $attempts attempts, $victim killed, controller restarted"
