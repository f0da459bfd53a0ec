# Sourced by scripts/bench: makes .venv-peers, where the simulators live that crossloop is measured against. No test needs them.
#
# aihwkit 1.2.0 comes as source only (Python 3.11): it needs a C++ compiler, OpenBLAS headers, and, because its CMake must see torch,
# no build isolation; its link step calls mypy's stubgen. badcrossbar draws with cairo, whose headers pycairo needs.
# About 5 minutes on two cores; torch is the CPU build, pinned so that nothing brings in the CUDA one.
# shellcheck shell=bash

peers_venv=$root/.venv-peers
peers_stamp=$peers_venv/crossloop-installed
peers_packages=(gcc g++ pkg-config libopenblas-dev libcairo2-dev ngspice)

peers_pip() {
    if ! PATH=$peers_venv/bin:$PATH "$peers_venv/bin/python" -m pip install --progress-bar off --no-input "$@" >> "$state/log/peers.log" 2>&1; then
        tail -n 15 "$state/log/peers.log" >&2
        fail "installing the peers failed; the whole log: $state/log/peers.log"
    fi
}

install_peers() {
    keep_caches_inside
    if [ -e "$peers_stamp" ]; then
        stage "the peers are in $peers_venv"
        return
    fi
    if [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null; then
        stage "installing ${peers_packages[*]} with apt-get"
        (export DEBIAN_FRONTEND=noninteractive
            apt-get update -q && apt-get install -q -y --no-install-recommends "${peers_packages[@]}") > "$state/log/apt.log" 2>&1 ||
            fail "apt-get failed; its log: $state/log/apt.log"
    else
        stage "needed from the distribution: $(as_root apt-get install "${peers_packages[@]}")"
    fi
    : > "$state/log/peers.log"
    stage "making .venv-peers"
    "$(find_python)" -m venv --clear "$peers_venv"
    stage "torch, badcrossbar and what builds aihwkit"
    peers_pip torch==2.13.0 numpy scipy badcrossbar==1.1.0
    peers_pip cmake scikit-build ninja pybind11 setuptools wheel mypy protobuf tqdm requests
    peers_pip --no-deps torchvision==0.28.0
    stage "building aihwkit 1.2.0, some minutes"
    peers_pip --no-build-isolation --no-deps aihwkit==1.2.0
    "$peers_venv/bin/python" -c 'import aihwkit.nn, badcrossbar' 2>> "$state/log/peers.log" ||
        fail "the peers are installed but do not import; the log: $state/log/peers.log"
    touch "$peers_stamp"
    stage "the peers are ready"
}
