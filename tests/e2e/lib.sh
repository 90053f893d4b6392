# Shared by the end-to-end tests: BIN and SOURCE come from CTest; everything else lives in a temporary folder.
set -euo pipefail
export AUNET_LOG=${AUNET_LOG:-warn}
WORK=$(mktemp -d)
trap 'pkill -9 -f "aunet-torch train-run $WORK" 2>/dev/null || true; rm -rf "$WORK"' EXIT

fail() { echo "FAILED: $*" >&2; exit 1; }
sweep() {  # sweep DIR [arguments...]: the sweep into DIR/runs and DIR/sweep.db
  local into=$1; shift
  "$BIN/aunet" sweep "$SWEEP" --runs "$into/runs" --db "$into/sweep.db" --jobs 2 "$@"
}
sql() { sqlite3 -batch "$@"; }
# Everything that must not depend on interruptions: per-step losses, held-out losses, and the final weights.
fingerprint() {  # fingerprint DIR
  sql "$1/sweep.db" "select key, step, bytes, units, flops_useful, loss_nats, loss_bpb, lr, grad_norm from v_curve order by key, step"
  sql "$1/sweep.db" "select key, loss_bpb, loss_nats, bytes, flops_useful, status from v_final order by key"
  (cd "$1/runs" && for run in */run.toml; do
    run=${run%/run.toml}; last=$(ls -d "$run"/checkpoints/step-* | sort | tail -n 1)
    echo "$run ${last##*/} $(sha256sum < "$last/model.safetensors")"
  done)
}
