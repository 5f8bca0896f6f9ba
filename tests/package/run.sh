#!/bin/bash
# run.sh BUILD: installs BUILD under a fresh prefix, moves that away, and builds and runs two outside projects on it.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
work=$build/package
prefix=$work/moved
fail() { echo "$*" >&2; exit 1; }

rm -rf "$work"
env -u DESTDIR cmake --install "$build" --prefix "$work/installed" >/dev/null
mv "$work/installed" "$prefix"
lib=$(cd "$prefix"/lib*/ && pwd)
version=$("$prefix/bin/taper" --version)
version=${version#taper }

[ -f "$prefix/share/doc/taper/LICENSE" ] || fail "no licence"
[ -f "$lib/libtaper.a" ] || fail "no static library"
[ -f "$prefix/share/taper/data/iris/LICENSE" ] || fail "no data sets"
[ "$(readlink "$lib/libtaper.so")" = "libtaper.so.${version%%.*}" ] || fail "libtaper.so does not lead to its soname"
[ "$(readlink "$lib/libtaper.so.${version%%.*}")" = "libtaper.so.$version" ] || fail "the soname does not lead to the file"
readelf -d "$lib/libtaper.so" | grep -q "SONAME.*\[libtaper.so.${version%%.*}\]" || fail "wrong soname"

# C with pkg-config, shared and static
export PKG_CONFIG_PATH=$lib/pkgconfig
[ "$(pkg-config --modversion taper)" = "$version" ] || fail "pkg-config gives another version"
flags="-std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags taper)"
cc $flags -o "$work/c-shared" "$here/c/main.c" $(pkg-config --libs taper)
[ "$(LD_LIBRARY_PATH=$lib "$work/c-shared")" = "$version" ] || fail "C program, shared"
cc $flags -o "$work/c-static" "$here/c/main.c" "$lib/libtaper.a" -lm -pthread
[ "$("$work/c-static")" = "$version" ] || fail "C program, static"

# C++ with the CMake package, shared and static
cmake -S "$here/cxx" -B "$work/cxx" -G Ninja -DCMAKE_PREFIX_PATH="$prefix" >/dev/null
cmake --build "$work/cxx"
for program in shared static; do
    [ "$("$work/cxx/$program")" = "$version" ] || fail "C++ program, $program"
done
echo "package $version works"
