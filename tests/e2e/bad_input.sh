#!/usr/bin/env bash
# Wrong input, through the binaries: one line on stderr that names the place, exit code 2, nothing written.
. "$(dirname "$0")/lib.sh"
expect() {  # expect CODE PATTERN command...
  local code=$1 pattern=$2 got=0; shift 2
  "$@" > "$WORK/out" 2> "$WORK/err" || got=$?
  [ "$got" = "$code" ] || { cat "$WORK/err"; fail "exit code $got, expected $code: $*"; }
  grep -qE "$pattern" "$WORK/err" || { cat "$WORK/err"; fail "no '$pattern' in the message of: $*"; }
  [ "$(wc -l < "$WORK/err")" = 1 ] || { cat "$WORK/err"; fail "expected one line: $*"; }
}
corpus() {  # corpus NAME: a sweep whose training text is NAME
  sed -e "s|^train = .*|train = [\"$WORK/$1\"]|" -e "s|\"../golden|\"$SOURCE/tests/golden|" "$SWEEP" > "$WORK/sweep.toml"
}
printf '{"text": "fine"}\n{"text": "broken\n' > "$WORK/broken.jsonl"
printf '{"text": "a\xff"}\n' > "$WORK/bytes.jsonl"
: > "$WORK/empty.jsonl"
corpus broken.jsonl; expect 2 'broken.jsonl:2: expected a JSON object' "$BIN/aunet" plan "$WORK/sweep.toml" --runs "$WORK/runs"
corpus bytes.jsonl;  expect 2 'bytes.jsonl:1: expected UTF-8, got byte 0xff' "$BIN/aunet" plan "$WORK/sweep.toml" --runs "$WORK/runs"
corpus empty.jsonl;  expect 2 'empty.jsonl: expected at least one document' "$BIN/aunet" plan "$WORK/sweep.toml" --runs "$WORK/runs"
corpus absent.jsonl; expect 1 'absent.jsonl: cannot open' "$BIN/aunet" plan "$WORK/sweep.toml" --runs "$WORK/runs"
expect 2 "unknown key 'flop'.*flops" "$BIN/aunet" plan "$SWEEP" --set budget.flop=1e10
expect 2 'did you mean' "$BIN/aunet" plan "$SWEEP" --jsn
expect 2 'nowhere.toml: no such file' "$BIN/aunet" plan "$WORK/nowhere.toml"
expect 2 'declared' "$BIN/aunet" sweep "$SOURCE/sweeps/paper_scaling.toml" --runs "$WORK/runs" --db "$WORK/db"
[ ! -e "$WORK/db" ] || fail "a refused sweep wrote a database"
head -c 1000 "$SOURCE/tests/golden/llama_gqa.safetensors" > "$WORK/cut.safetensors"
expect 1 'cut.safetensors' "$BIN/aunet" verify "$WORK/cut.safetensors"
expect 2 'one of them, got neither' "$BIN/aunet" generate "$WORK/runs/none"
expect 2 'expected a run directory' "$BIN/aunet" generate "$WORK/runs/none" --prompt text
expect 2 'bench: expected' "$BIN/aunet" bench nothing
echo "14 refusals"
