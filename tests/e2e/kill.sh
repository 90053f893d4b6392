#!/usr/bin/env bash
# Kills a sweep (supervisor and trainers) with SIGKILL at random, starts it again, and compares with an undisturbed one:
# per-step curves, held-out losses and final weights bit by bit; runs that had checkpointed did not start at step 0.
. "$(dirname "$0")/lib.sh"
KILLS=${KILLS:-5}
LONGEST=${LONGEST:-4}   # seconds a sweep lives before it is killed, at most

sweep "$WORK/calm" > "$WORK/calm.log" 2>&1 || { tail -n 30 "$WORK/calm.log"; fail "the undisturbed sweep"; }
mkdir -p "$WORK/wild"
killed=0
while [ "$killed" -lt "$KILLS" ]; do
  setsid "$BIN/aunet" sweep "$SWEEP" --runs "$WORK/wild/runs" --db "$WORK/wild/sweep.db" --jobs 2 > "$WORK/wild.log" 2>&1 &
  supervisor=$!
  sleep "$(awk -v r=$RANDOM -v l="$LONGEST" 'BEGIN { printf "%.2f", 0.8 + (l - 0.8) * r / 32767 }')"
  if ! kill -0 "$supervisor" 2>/dev/null; then break; fi   # finished before it could be killed
  kill -9 "$supervisor"
  if [ $((killed % 2)) -eq 0 ]; then pkill -9 -f "aunet-torch train-run $WORK" || true; fi   # else trainers live on and are adopted
  wait "$supervisor" 2>/dev/null || true
  killed=$((killed + 1))
done
sweep "$WORK/wild" > "$WORK/wild.log" 2>&1 || { tail -n 30 "$WORK/wild.log"; fail "the sweep after $killed kills"; }

fingerprint "$WORK/calm" > "$WORK/calm.txt"
fingerprint "$WORK/wild" > "$WORK/wild.txt"
diff "$WORK/calm.txt" "$WORK/wild.txt" > "$WORK/diff.txt" || { head -n 20 "$WORK/diff.txt"; fail "curves or weights differ"; }
[ "$(sql "$WORK/wild/sweep.db" 'pragma integrity_check')" = ok ] || fail "database integrity"
[ "$(sql "$WORK/wild/sweep.db" 'select count(*) - count(distinct key || step) from v_curve')" = 0 ] || fail "duplicate rows"
# An attempt after a checkpoint begins at it, not at 0.
lost=$(sql "$WORK/wild/sweep.db" "select count(*) from attempt a where a.from_step = 0 and exists (select 1 from checkpoint c where c.key = a.key and c.attempt < a.attempt and c.step > 0)")
[ "$lost" = 0 ] || fail "$lost attempts started again from step 0 although a checkpoint existed"
resumed=$(sql "$WORK/wild/sweep.db" 'select count(*) from attempt where from_step > 0')
echo "kills: $killed; attempts resumed past step 0: $resumed; $(wc -l < "$WORK/calm.txt") rows identical"
[ "$killed" -ge 1 ] || fail "the sweep was never killed: make it longer"
