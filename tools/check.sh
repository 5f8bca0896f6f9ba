#!/bin/bash
# check.sh [all|exhaustive|oracle|coverage]: builds the variants and runs their tests as one ctest run, which prints the closing line.
set -eu
cd "$(dirname "$0")/.."
scope=${1:-}

suite=build/suite/CTestTestfile.cmake
# variant PRESET FOLDER [BUILD OPTIONS]: configures and builds a preset and adds its tests to the run.
variant()
{
    local preset=$1 folder=$2
    shift 2
    cmake --preset "$preset" -DBUILD_TESTING=ON
    cmake --build "$folder" "$@"
    mkdir -p "${suite%/*}"
    echo "subdirs(\"$PWD/$folder\")" >>"$suite"
}

rm -f "$suite"
[ "$scope" = coverage ] || variant release build
case $scope in
coverage)
    variant coverage build-coverage
    find build-coverage -name '*.gcda' -delete
    rm -f build-coverage/reach/*
    select=(-LE 'deep|exhaustive')
    ;;
all)
    for preset in asan tsan clang clang-asan clang-tsan; do variant $preset build-$preset; done
    select=(-LE exhaustive)
    ;;
exhaustive)
    select=(-L exhaustive --verbose)
    ;;
oracle)
    select=(-L oracle --verbose)
    ;;
*)
    variant asan build-asan
    variant tsan build-tsan --target thread_tests
    select=(-LE 'deep|exhaustive')
    ;;
esac

# The sanitizers of gcc 12 and clang 14 cannot take every random address layout.
fixed=(setarch -R)
"${fixed[@]}" true 2>/dev/null || fixed=()
"${fixed[@]}" ctest --test-dir "${suite%/*}" -j "$(nproc)" --output-on-failure --no-label-summary \
    --no-tests=error "${select[@]}"
[ "$scope" != coverage ] || tools/coverage.py build-coverage
