#!/usr/bin/env bash
# A real sweep through the real binaries: plan, run, run again (nothing left to do), rebuild the database, analyse.
. "$(dirname "$0")/lib.sh"
"$BIN/aunet" plan "$SWEEP" --runs "$WORK/a/runs" --json > "$WORK/plan.json"
sweep "$WORK/a" > "$WORK/log" 2>&1 || { tail -n 30 "$WORK/log"; fail "the sweep"; }

DB="$WORK/a/sweep.db"
[ "$(sql "$DB" "select count(*) from v_final where status <> 'done'")" = 0 ] || fail "unfinished runs"
[ "$(sql "$DB" "select count(*) from v_final where gate_causal is not 1")" = 0 ] || fail "a run without a causality pass"
off=$(sql "$DB" "select count(*) from v_final where abs(flops_useful / budget_flops - 1) > 1e-3")
[ "$off" = 0 ] || fail "$off runs whose journal's FLOPs miss the budget by more than 0.1 %"
# Rows add up: the recount from step rows is the plan's number.
[ "$(sql "$DB" "select count(*) from v_final f where f.loss_bpb is null or f.bytes is null or f.steps_executed < 1")" = 0 ] || fail "missing numbers"

fingerprint "$WORK/a" > "$WORK/before.txt"
sweep "$WORK/a" > "$WORK/log" 2>&1 || fail "the second call"
fingerprint "$WORK/a" > "$WORK/after.txt"
cmp -s "$WORK/before.txt" "$WORK/after.txt" || fail "a second call of a finished sweep changed something"
[ "$(sql "$DB" 'select max(attempts) from v_final')" = 1 ] || fail "a finished run was started again"

"$BIN/aunet" ingest "$WORK/a/runs" --db "$WORK/rebuilt.db" --rebuild > /dev/null
for view in v_final v_curve v_cell; do
  [ "$(sql "$DB" "select * from $view order by 1, 2, 3" | sha256sum)" = "$(sql "$WORK/rebuilt.db" "select * from $view order by 1, 2, 3" | sha256sum)" ] || fail "rebuilt $view differs"
done
"$BIN/aunet" status --runs "$WORK/a/runs" > "$WORK/status.txt"
"$BIN/aunet-analyze" table scaling --db "$DB" > "$WORK/table.txt"
"$BIN/aunet-analyze" export curves --db "$DB" -o "$WORK/curves.csv"
"$BIN/aunet-analyze" compare --db "$DB" > "$WORK/compare.txt" || [ $? -le 1 ] || fail "compare"
"$BIN/aunet-analyze" report --db "$DB" -o "$WORK/report" > /dev/null || fail "report"
grep -q '<svg' "$WORK/report/report.html" || fail "the report has no figure"
! grep -qE '(src|href)="https?://' "$WORK/report/report.html" || fail "the report loads something from outside"
echo "$(sql "$DB" 'select count(*) from v_final') runs, $(sql "$DB" 'select count(*) from v_curve') steps"
