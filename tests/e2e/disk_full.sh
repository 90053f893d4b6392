#!/usr/bin/env bash
# A run on a disk that fills up: one clear error that names the file, exit 1, and what was written stays readable.
. "$(dirname "$0")/lib.sh"
mkdir -p "$WORK/small"
if ! mount -t tmpfs -o size=600k tmpfs "$WORK/small" 2>/dev/null; then
  echo "skipped: cannot mount a tmpfs here"; exit 77
fi
trap 'umount "$WORK/small" 2>/dev/null || true; rm -rf "$WORK"' EXIT
set +e
"$BIN/aunet" train "$SOURCE/tests/e2e/run.toml" --run-dir "$WORK/small/run" > "$WORK/out.txt" 2>&1
code=$?
set -e
cat "$WORK/out.txt" | tail -n 3
[ "$code" = 1 ] || fail "exit code $code, expected 1"
grep -q "$WORK/small/run/" "$WORK/out.txt" || fail "the message does not name the file"
grep -qiE 'no space|disk' "$WORK/out.txt" || fail "the message does not say that the disk is full"
"$BIN/aunet" status --runs "$WORK/small" > /dev/null || fail "status cannot read what was written"
