#!/usr/bin/env bash
# Train a model for every annotated data set in $DATA_ROOT (default: the folder that holds this repository), with the
# recipes of embedtrack/recipe.py; models that are finished are skipped, unfinished ones go on. Ends with a table of the
# scores in the models' cards: SEG and DET of the validation frames in one and in eight views.
#
#   ./train_all.sh [options of "embedtrack train"]     e.g. ./train_all.sh --minutes 60
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh"
for option in "$@"; do
    [ "$option" != --help ] || exec "$ENVIRONMENT/bin/python" -m embedtrack train --help
done
ROOT="${DATA_ROOT:-$REPOSITORY/..}"
found=0
failed=
trained=()
for dataset in "$ROOT"/*/; do
    name="$(basename "$dataset")"
    ls -d "$dataset"[0-9]*_[GS]T >/dev/null 2>&1 || continue
    ls -d "$dataset"[0-9][0-9] >/dev/null 2>&1 || continue # truth alone: nothing to learn from
    found=1
    model="${EMBEDTRACK_MODELS:-$REPOSITORY/models}/$name"
    if [ -f "$model/README.md" ] && [ ! -f "$model/.resume.pt" ]; then
        echo "$name: finished, see $model/README.md" >&2
        trained+=("$name")
        continue
    fi
    code=0
    "$ENVIRONMENT/bin/python" -m embedtrack train "$dataset" --out "$model" "$@" || code=$?
    [ "$code" != 130 ] || exit 130
    if [ "$code" = 0 ]; then trained+=("$name"); else failed="$failed $name"; fi
done
[ "$found" = 1 ] || fail "expected data sets with 01 and 01_GT in $ROOT, found none; set DATA_ROOT"
printf '\n%-20s %12s %12s %6s %8s %8s\n' "data set" "SEG 1 view" "DET 1 view" views SEG DET
for name in ${trained[@]+"${trained[@]}"}; do
    awk -v name="$name" -F ' *[|] *' '
        $2 ~ /^[1248]$/ { seg[$2] = $3; det[$2] = $4; if ($2 > most) most = $2 }
        END { printf "%-20s %12s %12s %6s %8s %8s\n", name, seg[1], det[1], most, seg[most], det[most] }
    ' "${EMBEDTRACK_MODELS:-$REPOSITORY/models}/$name/README.md"
done
[ -z "$failed" ] || fail "these were not trained, see above:$failed"
