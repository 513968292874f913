# Sourced by the scripts: makes the environment in .venv on the first start, and again when requirements change.
#
#   PYTHON        the interpreter that makes it, default python3 (3.11 or later)
#   TORCH_INDEX   where torch comes from, e.g. https://download.pytorch.org/whl/cpu for a small build without CUDA
#   EMBEDTRACK_ENV   where it lies, default .venv beside this file

REPOSITORY="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
ENVIRONMENT="${EMBEDTRACK_ENV:-$REPOSITORY/.venv}"

fail() {
    echo "error: $*" >&2
    exit 2
}

# Install a requirements file unless the environment already has exactly that one.
require() {
    local list="$1" installed
    installed="$ENVIRONMENT/installed-$(basename "$1")"
    cmp -s "$list" "$installed" && return
    if ! "$ENVIRONMENT/bin/python" -m pip --version >/dev/null 2>&1; then
        "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
            fail "expected Python 3.11 or later, got $("${PYTHON:-python3}" --version 2>&1); name another: PYTHON=python3.12 $0"
        echo "first start: making the environment $ENVIRONMENT (a few minutes)" >&2
        "${PYTHON:-python3}" -m venv "$ENVIRONMENT" || fail "no environment could be made in $ENVIRONMENT"
    fi
    echo "installing ${list#"$REPOSITORY"/} (some minutes where torch is among it)" >&2
    if [ -n "${TORCH_INDEX:-}" ] && grep -q '^torch==' "$list"; then
        "$ENVIRONMENT/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --no-deps \
            --index-url "$TORCH_INDEX" "$(grep '^torch==' "$list")" >&2 ||
            fail "torch could not be had from $TORCH_INDEX; check the address, or leave TORCH_INDEX out"
    fi
    "$ENVIRONMENT/bin/python" -m pip install --quiet --disable-pip-version-check -r "$list" >&2 ||
        fail "the installation of $list failed; see above, then start again"
    cp "$list" "$installed"
}

# What the tests need besides: the group of pyproject.toml, and the extras that are small enough for all tests.
require_tests() {
    "$ENVIRONMENT/bin/python" - "$REPOSITORY/pyproject.toml" >"$ENVIRONMENT/tests.txt" <<'END'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)
extras = project["project"]["optional-dependencies"]
lists = [project["dependency-groups"]["tests"], *(extras[name] for name in ("benchmarks", "bioio", "exchange", "report"))]
print(*sorted({line for lines in lists for line in lines}), sep="\n")
END
    require "$ENVIRONMENT/tests.txt"
}

require "$REPOSITORY/requirements.txt"
export PYTHONPATH="$REPOSITORY${PYTHONPATH:+:$PYTHONPATH}"
