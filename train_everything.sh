#!/usr/bin/env bash
# On a machine with a GPU: train models/generalist on all data sets in $DATA_ROOT, then every specialist from it, in the
# order of worth, for some minutes each. What is finished is skipped, what was stopped goes on. The weights are half
# precision, 5.1 MB each; the tables of held-back images and frames come at the end.
#
#   ./train_everything.sh [MINUTES of the generalist] [MINUTES of each specialist]     by default 60 and 15
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh"
ROOT="${DATA_ROOT:-$REPOSITORY/..}"
MODELS="${EMBEDTRACK_MODELS:-$REPOSITORY/models-new}"
GENERALIST="${1:-60}"
SPECIALIST="${2:-15}"
STILLS=(DSB2018 Usiigaci)
MOVIES=(Fluo-N2DL-HeLa Fluo-N2DH-SIM+ DIC-C2DH-HeLa Fluo-C2DL-MSC PhC-C2DL-PSC Fluo-N2DH-GOWT1 PhC-C2DH-U373)
there=()
for name in "${MOVIES[@]}" "${STILLS[@]}"; do
    if [ -d "$ROOT/$name" ]; then there+=("$ROOT/$name"); else echo "$name: not in $ROOT, left out" >&2; fi
done
[ "${#there[@]}" -gt 0 ] || fail "expected data sets in $ROOT, found none; set DATA_ROOT"

train() { # NAME, then what "embedtrack train" takes
    local model="$MODELS/$1"
    shift
    if [ -f "$model/README.md" ] && [ ! -f "$model/.resume.pt" ]; then
        echo "$model: finished" >&2
    else
        "$ENVIRONMENT/bin/python" -m embedtrack train "$@" --out "$model"
    fi
}

train generalist "${there[@]}" --all-cells --minutes "$GENERALIST"
for name in "${MOVIES[@]}"; do
    [ ! -d "$ROOT/$name" ] || train "$name" "$ROOT/$name" --init "$MODELS/generalist" --minutes "$SPECIALIST"
done
largest="$(find "$MODELS" -name weights.safetensors -size +6M)"
[ -z "$largest" ] || fail "expected weights below 6 MB, got more: $largest"
cd "$REPOSITORY"
export DATA_ROOT="$ROOT" EMBEDTRACK_MODELS="$MODELS"
for name in "${STILLS[@]}"; do
    [ ! -d "$ROOT/$name" ] || "$ENVIRONMENT/bin/python" -m benchmarks.held_back "$name" --out "$MODELS/$name.md"
done
"$ENVIRONMENT/bin/python" -m benchmarks.validation --out "$MODELS/validation.md"
