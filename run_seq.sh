#!/usr/bin/env bash
# Segment and track one sequence: reads DATASET/SEQUENCE in $DATA_ROOT (default: the folder that holds this repository),
# writes DATASET/SEQUENCE_RES beside it.
#
#   ./run_seq.sh DATASET SEQUENCE [options]     e.g. ./run_seq.sh Fluo-N2DH-SIM+ 01 --views 1
#   ./run_seq.sh demo 01                        the repository's own movie
#   ./run_seq.sh --help                         all options
set -euo pipefail
source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh"
exec "$ENVIRONMENT/bin/python" -m embedtrack run "$@"
