#!/usr/bin/env bash
# Kills a sweep (supervisor and trainers) with SIGKILL at random, starts it again, and compares with an undisturbed one:
# per-step curves, held-out losses and final weights bit by bit; runs that had checkpointed did not start at step 0.
. "$(dirname "$0")/lib.sh"
KILLS=${KILLS:-5}
LARGER=${LARGER:---set budget.flops=[1e10,4e10]}   # runs of seconds, so that kills fall inside them
LONGEST=${LONGEST:-1.5}   # seconds a sweep lives on after its first checkpoint, at most

# shellcheck disable=SC2086
sweep "$WORK/calm" $LARGER > "$WORK/calm.log" 2>&1 || { tail -n 30 "$WORK/calm.log"; fail "the undisturbed sweep"; }
mkdir -p "$WORK/wild"
killed=0
checkpoints() { cat "$WORK"/wild/runs/*/journal.jsonl 2>/dev/null | grep -c '"type":"checkpoint"' || true; }
while [ "$killed" -lt "$KILLS" ]; do
  before=$(checkpoints)
  setsid "$BIN/aunet" sweep "$SWEEP" --runs "$WORK/wild/runs" --db "$WORK/wild/sweep.db" --jobs 2 $LARGER > "$WORK/wild.log" 2>&1 &
  supervisor=$!
  # Once this life has written a checkpoint of its own, the kill comes at a random moment.
  for _ in $(seq 300); do
    [ "$(checkpoints)" -gt "$before" ] && break
    kill -0 "$supervisor" 2>/dev/null || break
    sleep 0.1
  done
  sleep "$(awk -v r=$RANDOM -v l="$LONGEST" 'BEGIN { printf "%.2f", l * r / 32767 }')"
  if ! kill -0 "$supervisor" 2>/dev/null; then break; fi   # finished before it could be killed
  kill -9 "$supervisor"
  if [ $((killed % 2)) -eq 0 ]; then pkill -9 -f "aunet-torch train-run $WORK" || true; fi   # else trainers live on and are adopted
  wait "$supervisor" 2>/dev/null || true
  killed=$((killed + 1))
done
sweep "$WORK/wild" $LARGER > "$WORK/wild.log" 2>&1 || { tail -n 30 "$WORK/wild.log"; fail "the sweep after $killed kills"; }

fingerprint "$WORK/calm" > "$WORK/calm.txt"
fingerprint "$WORK/wild" > "$WORK/wild.txt"
diff "$WORK/calm.txt" "$WORK/wild.txt" > "$WORK/diff.txt" || { head -n 20 "$WORK/diff.txt"; fail "curves or weights differ"; }
[ "$(sql "$WORK/wild/sweep.db" 'pragma integrity_check')" = ok ] || fail "database integrity"
[ "$(sql "$WORK/wild/sweep.db" 'select count(*) - count(distinct key || step) from v_curve')" = 0 ] || fail "duplicate rows"
# An attempt after a checkpoint begins at it, not at 0: read from the journals, the only complete record.
lost=$(awk 'FNR == 1 { saved = 0 } /"type":"checkpoint"/ { saved = 1 } /"type":"attempt"/ && /"from_step":0,/ && saved { n++ } END { print n + 0 }' \
  "$WORK"/wild/runs/*/journal.jsonl)
[ "$lost" = 0 ] || fail "$lost attempts started again from step 0 although a checkpoint existed"
resumed=$(sql "$WORK/wild/sweep.db" 'select count(*) from attempt where from_step > 0')
echo "kills: $killed; attempts resumed past step 0: $resumed; $(wc -l < "$WORK/calm.txt") rows identical"
[ "$killed" -ge 3 ] || fail "killed only $killed times: make the sweep longer"
[ "$resumed" -ge 1 ] || fail "no attempt resumed from a checkpoint"
if grep -q 'kind = "wsd"' "$SWEEP"; then  # run trees: branches start where their parents were
  branched=$(sql "$WORK/wild/sweep.db" 'select count(distinct key) from attempt where from_run is not null')
  whole=$(sql "$WORK/calm/sweep.db" 'select count(*) from v_final where parent_key is not null')
  echo "branches: $whole undisturbed, $branched with kills"
  [ "$branched" -ge 1 ] && [ "$whole" -ge 8 ] || fail "the tree was not run as one"
fi
