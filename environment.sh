# Sourced by the scripts: makes the environment in .venv on the first start, and again when the lock changes. Every
# package is the one of requirements.lock, by version and hash.
#
#   PYTHON        the interpreter that makes it, default python3 (3.11 or later)
#   TORCH_INDEX   where torch comes from, e.g. https://download.pytorch.org/whl/cpu for a small build without CUDA
#   UNLOCKED      1: by version alone, as requirements.txt names them; for a build of torch whose hash the lock lacks
#   EMBEDTRACK_ENV   where it lies, default .venv beside this file

REPOSITORY="$(unset CDPATH; cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
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
    case "$list" in
    *.lock) install_lock "$list" ;;
    *) install_list "$list" ;;
    esac || fail "the installation of $list failed; see above, then start again"
    cp "$list" "$installed"
}

pip_install() {
    "$ENVIRONMENT/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 "$@" >&2
}

# By version and hash: torch first, for its CPU build, which is taken where there is no GPU, wants nothing of CUDA.
install_lock() {
    local parts="$ENVIRONMENT/lock" from=()
    mkdir -p "$parts"
    awk -v to="$parts" '/^[a-z]/ {part = /^torch=/ ? "torch" : /^(triton|cuda-|nvidia-)/ ? "cuda" : "rest"}
        part {print > (to "/" part ".lock")}' "$1"
    [ -z "${TORCH_INDEX:-}" ] || from=(--index-url "$TORCH_INDEX")
    set -- pip_install --no-deps --require-hashes ${from[@]+"${from[@]}"}
    if [[ "${TORCH_INDEX:-}" != */cpu* ]] && { [ -e /dev/nvidiactl ] || ! "$@" -r "$REPOSITORY/requirements-cpu.lock" 2>/dev/null; }; then
        "$@" -r "$parts/torch.lock" && pip_install --no-deps --require-hashes -r "$parts/cuda.lock" || return
    elif [[ "${TORCH_INDEX:-}" == */cpu* ]]; then
        "$@" -r "$REPOSITORY/requirements-cpu.lock" || fail "torch could not be had from $TORCH_INDEX by version and" \
            "hash; check the address, leave TORCH_INDEX out, or for another Python than 3.11 on x86-64 say UNLOCKED=1"
    fi
    pip_install --no-deps --require-hashes -r "$parts/rest.lock"
}

# By version.
install_list() {
    if [ -n "${TORCH_INDEX:-}" ] && grep -q '^torch==' "$1"; then
        pip_install --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' "$1")" ||
            fail "torch could not be had from $TORCH_INDEX; check the address, or leave TORCH_INDEX out"
    fi
    pip_install -r "$1"
}

# What the tests need besides: the group of pyproject.toml, and the extras that are small enough for all tests.
require_tests() {
    "$ENVIRONMENT/bin/python" - "$REPOSITORY/pyproject.toml" >"$ENVIRONMENT/tests.txt" <<'END'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)
extras = project["project"]["optional-dependencies"]
small = ("benchmarks", "bioimageio", "bioio", "exchange", "report")
lists = [project["dependency-groups"]["tests"], *(extras[name] for name in small)]
print(*sorted({line for lines in lists for line in lines}), sep="\n")
END
    require "$ENVIRONMENT/tests.txt"
}

if [ "${UNLOCKED:-}" = 1 ]; then
    require "$REPOSITORY/requirements.txt"
else
    require "$REPOSITORY/requirements.lock"
fi
export PYTHONPATH="$REPOSITORY${PYTHONPATH:+:$PYTHONPATH}"
