#!/bin/sh
# Builds the native kernels: sh build.sh OUT OBJECTS (absolute directories) puts them at
# OUT/<os>-<arch>/libocellus.so. Uses $CC, or cc, and builds for the machine that this compiles for,
# so a cross compiler will do; what is newer than its sources is kept. Without a C compiler nothing
# is built.
set -eu
cd "$(dirname "$0")"
out=$1
objects=$2
cc=${CC:-cc}

if ! command -v "${cc%% *}" >/dev/null 2>&1; then
    echo "native kernels: no C compiler ($cc) found, Ocellus will run without them"
    exit 0
fi
triple=$($cc -dumpmachine) || triple="the machine that $cc compiles for"
case $triple in
x86_64-*linux*) platform=linux-x86_64 sets="avx2 avx512 avx512bf16" ;;
aarch64-*linux*) platform=linux-aarch64 sets="neon neondot" ;;
aarch64-*darwin* | arm64-*darwin*) platform=macos-aarch64 sets="neon neondot" ;;
*)
    echo "native kernels: none for $triple, Ocellus will run without them"
    exit 0
    ;;
esac

# No -ffast-math and no contraction: results must not depend on what a compiler makes of a formula.
flags="-std=gnu11 -O3 -fPIC -fvisibility=hidden -ffp-contract=off -fno-math-errno -Wall -Wextra"
x86_avx2="-mavx2 -mfma -mf16c"
x86_avx512="$x86_avx2 -mavx512f -mavx512bw -mavx512vl -mavx512dq"
flags_of() {
    case $1 in
    avx2) echo "$x86_avx2" ;;
    avx512) echo "$x86_avx512" ;;
    avx512bf16) echo "$x86_avx512 -mavx512bf16 -mavx512vnni" ;;
    neon) echo "-march=armv8-a" ;;
    neondot) echo "-march=armv8.2-a+dotprod" ;;
    esac
}

newer() { # whether $1 is newer than any of the others
    target=$1
    shift
    [ -e "$target" ] || return 1
    for f; do
        [ "$target" -nt "$f" ] || return 1
    done
}

compile() { # source, object, flags
    newer "$2" "$1" ./*.h build.sh || $cc $flags $3 -c "$1" -o "$2"
}

compile_set() {
    for source in *.c; do
        [ "$source" = dispatch.c ] ||
            compile "$source" "$objects/$1-${source%.c}.o" "-DISA=$1 $(flags_of "$1")"
    done
}

mkdir -p "$objects" "$out/$platform"
library=$out/$platform/libocellus.so
jobs=
parts=dispatch.o
for set in $sets; do
    compile_set "$set" &
    jobs="$jobs $!"
    for source in *.c; do
        [ "$source" = dispatch.c ] || parts="$parts $set-${source%.c}.o"
    done
done
for job in $jobs; do
    wait "$job"
done
compile dispatch.c "$objects/dispatch.o" ""
cd "$objects"
newer "$library" $parts || {
    # The old file is replaced, not rewritten: a process may have it loaded.
    $cc -shared -o "$library.new" $parts
    mv "$library.new" "$library"
    echo "native kernels: built $platform ($sets)"
}
