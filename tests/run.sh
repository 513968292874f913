#!/usr/bin/env bash
# Lint, type check and test; options go to pytest.
#
#   ./tests/run.sh                the whole suite but the slow tests
#   ./tests/run.sh -m slow        the slow ones: training, and real movies where DATA_ROOT has them
#   ./tests/run.sh -k cluster     some
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source ./environment.sh
require_tests
"$ENVIRONMENT/bin/ruff" check .
"$ENVIRONMENT/bin/ruff" format --check .
"$ENVIRONMENT/bin/mypy"
# A process for each core, which gets whole files of tests: threads of one process beside those of another only wait.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
exec "$ENVIRONMENT/bin/python" -m pytest --numprocesses auto --dist loadfile "$@"
