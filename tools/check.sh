#!/bin/bash
# check.sh [all|oracle]: builds the variants and runs their tests as one ctest run, which prints the closing line.
set -eu
cd "$(dirname "$0")/.."
scope=${1:-}

# variant NAME [BUILD OPTIONS]: configures and builds a preset and adds its tests to the run.
suite=build/suite/CTestTestfile.cmake
variant()
{
    cmake --preset "$1" -DBUILD_TESTING=ON
    cmake --build --preset "$@"
    mkdir -p "${suite%/*}"
    local dir
    dir=$(cd build-"$1" 2>/dev/null || cd build; pwd)
    echo "subdirs(\"$dir\")" >>"$suite"
}

rm -f "$suite"
variant release
case $scope in
all)
    for preset in asan tsan clang clang-asan clang-tsan; do variant $preset; done
    select=()
    ;;
oracle)
    select=(-L oracle --verbose)
    ;;
*)
    variant asan
    variant tsan --target thread_tests
    select=(-LE deep)
    ;;
esac

# The sanitizers of gcc 12 and clang 14 cannot take every random address layout.
fixed=(setarch -R)
"${fixed[@]}" true 2>/dev/null || fixed=()
"${fixed[@]}" ctest --test-dir "${suite%/*}" -j "$(nproc)" --output-on-failure --no-label-summary \
    --no-tests=error "${select[@]}"
