#!/bin/bash
# install-deps.sh GROUP...: installs the Debian packages of the groups (build, check, coverage, oracle, bench, peers)
# that are missing; from PyPI come what the oracles need beyond Debian, Python's safetensors, into build/oracle, and
# what is measured against, into build/peers: the newest OpenBLAS (bench), PyTorch and JAX (peers).
set -eu

header() { echo "#include <$1>" | cc -E - >/dev/null 2>&1; }
library() { ldconfig -p | grep -q "$1"; }
module() { /usr/bin/python3 -c "import importlib.util as u, sys; sys.exit(not u.find_spec('$1'))" 2>/dev/null; }
python_header() { test -e "$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h"; }
clang_sanitizer() { ls "$(clang -print-resource-dir)"/lib/linux/libclang_rt.asan*.a; }

missing=()
# need PACKAGE PROBE...: PACKAGE is missing where PROBE fails.
need()
{
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

build()
{
    need build-essential header stdlib.h
    need cmake command -v cmake
    need ninja-build command -v ninja
    need pkg-config command -v pkg-config
    need libjansson-dev header jansson.h
    need libcsv-dev header csv.h
    need libxxhash-dev header xxhash.h
    need zlib1g-dev header zlib.h
    need libzip-dev header zip.h
}

check()
{
    build
    need g++ command -v c++
    need clang command -v clang++
    need libclang-rt-14-dev clang_sanitizer
    need clang-format command -v clang-format
    need libcmocka-dev header cmocka.h
    need libmpfr-dev header mpfr.h
    need libgmp-dev header gmp.h
    need valgrind command -v valgrind
    need python3 test -x /usr/bin/python3
}

coverage()
{
    need gcovr command -v gcovr
}

oracle()
{
    need python3 test -x /usr/bin/python3
    need python3-numpy module numpy
    need python3-mpmath module mpmath
    need python3-torch module torch
    need python3-sklearn module sklearn
    need python3-xxhash module xxhash
    need python3-pip module pip
}

bench()
{
    need python3 test -x /usr/bin/python3
    need python3-pip module pip
    need libopenblas0-pthread library libopenblas.so.0
    need libblis4-openmp library libblis.so.4
    need libdnnl2 library libdnnl.so.2
    need libsleef3 library libsleef.so.3
}

peers()
{
    need python3-venv module ensurepip
    need python3-dev python_header
    need g++ command -v c++
}

install_debian()
{
    local install as_root
    install="apt-get install -y --no-install-recommends ${missing[*]}"
    if ! command -v apt-get >/dev/null; then
        echo "missing; please install what your system calls: ${missing[*]}" >&2
        exit 1
    elif [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root="sudo -n"
    else
        echo "missing packages; please run: sudo $install" >&2
        exit 1
    fi
    echo "installing: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    $as_root apt-get update -q </dev/null
    $as_root env DEBIAN_FRONTEND=noninteractive $install </dev/null
}

install_safetensors()
{
    local folder
    folder=$(dirname "$0")/../build/oracle
    PYTHONPATH=$folder module safetensors || /usr/bin/python3 -m pip install -q --target "$folder" safetensors==0.8.0
}

install_openblas()
{
    local folder
    folder=$(dirname "$0")/../build/peers
    [ -d "$folder/scipy_openblas32" ] || /usr/bin/python3 -m pip install -q --target "$folder" scipy-openblas32
}

install_peers()
{
    local folder
    folder=$(dirname "$0")/../build/peers/venv
    [ ! -e "$folder/installed" ] || return 0
    echo "installing PyTorch (5.4 GB) and JAX (0.8 GB) into $folder"
    /usr/bin/python3 -m venv "$folder"
    "$folder/bin/python" -m pip install -q torch jax numpy
    touch "$folder/installed"
}

for group in "$@"; do "$group"; done
[ ${#missing[@]} -eq 0 ] || install_debian
case " $* " in *" oracle "*) install_safetensors ;; esac
case " $* " in *" bench "*) install_openblas ;; esac
case " $* " in *" peers "*) install_peers ;; esac
