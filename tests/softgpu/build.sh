#!/bin/sh
# Builds the software GPU: sh build.sh [--sanitize] OUT CUDA_SOURCES... puts libcuda.so.1, libcublas.so.12
# and libcublasLt.so.13 into OUT, and the kernels of every SOURCES/<family>.cu into
# OUT/kernels/<family>.so (OUT/kernels-sanitized with --sanitize). What is newer than its sources is
# kept. Needs g++ and the headers of a CUDA toolkit (in $CUDA_HOME, or /usr/local/cuda).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
variant=kernels
sanitize=
if [ "$1" = --sanitize ]; then
    variant=kernels-sanitized
    sanitize="-fsanitize=alignment,bounds,shift,integer-divide-by-zero,signed-integer-overflow
        -fsanitize-undefined-trap-on-error -fsanitize=thread"
    shift
fi
out=$1
shift
cxx=${CXX:-g++}
cuda=${CUDA_HOME:-/usr/local/cuda}
flags="-std=c++20 -O2 -march=x86-64-v3 -g1 -fPIC -fvisibility=hidden -Wall -Wextra"
includes="-I$here/include -isystem $cuda/include"
objects=$out/objects

fail() {
    echo "software GPU: $1" >&2
    exit 3
}
command -v "${cxx%% *}" >/dev/null 2>&1 || fail "no C++ compiler ($cxx) found"
[ -e "$cuda/include/cuda_bf16.h" ] || fail "no CUDA headers found in $cuda/include (set CUDA_HOME)"

# Local variables begin as a pattern (of floats, -1.7e38) where the compiler can: g++ 12 or newer.
pattern=-ftrivial-auto-var-init=pattern
if [ -n "$sanitize" ] && $cxx $pattern -E -x c++ /dev/null >/dev/null 2>&1; then
    sanitize="$sanitize $pattern"
fi

newer() { # whether $1 is newer than all the others
    target=$1
    shift
    [ -e "$target" ] || return 1
    for f; do
        [ "$target" -nt "$f" ] || return 1
    done
}

link() { # library, parts and flags: the old file is replaced, not rewritten, as a process may have it loaded
    library=$1
    shift
    $cxx -shared -Wl,-z,defs -o "$library.new.$$" "$@"
    mv "$library.new.$$" "$library"
}

compile() { # source
    object=$objects/$(basename "$1").o
    newer "$object" "$1" "$here"/src/*.h "$here"/include/*.h "$here/build.sh" ||
        $cxx $flags $includes -c "$1" -o "$object"
}

objects_of() { # sources
    for source; do
        printf '%s ' "$objects/$(basename "$source").o"
    done
}

link_driver() {
    library=$out/libcuda.so.1
    parts=$(objects_of $driver)
    entry_points=$here/src/jcuda-entry-points.txt
    newer "$library" $parts "$entry_points" && return
    # Every entry point of the Java binding must exist, or calling it would end the process.
    nm --defined-only $parts | awk '{ print $3 }' | sort -u > "$objects/defined"
    sort -u "$entry_points" | comm -23 - "$objects/defined" | awk '
        BEGIN { print "#include \"internal.h\"" }
        { printf "API int %s() {\n", $1
          printf "    softgpu::report(\"%s is not emulated\");\n", $1
          printf "    return softgpu::NOT_SUPPORTED;\n}\n" }
    ' > "$objects/unsupported.cpp"
    $cxx $flags $includes -I"$here/src" -c "$objects/unsupported.cpp" -o "$objects/unsupported.o"
    link "$library" -Wl,-soname,libcuda.so.1 $parts "$objects/unsupported.o" -ldl -lpthread
}

link_blas() { # source, library
    parts="$objects/$1.o $objects/gemm.cpp.o"
    newer "$out/$2" $parts "$out/libcuda.so.1" && return
    echo "$2 { global: cublas*; local: *; };" > "$objects/$1.map"
    link "$out/$2" -Wl,-soname,"$2" -Wl,--version-script,"$objects/$1.map" $parts -L"$out" -l:libcuda.so.1
}

# One library per family of kernels; its extern "C" kernels are found in the preprocessed source.
family() { # source
    name=$(basename "$1" .cu)
    library=$out/$variant/$name.so
    newer "$library" "$1" "$(dirname "$1")"/*.cu* "$here"/include/*.h "$here/build.sh" && return
    headers=$includes
    [ -d "$(dirname "$1")/../c" ] && headers="$headers -I$(dirname "$1")/../c"
    host=$objects/$variant-$name.cpp
    {
        echo "#include \"$1\""
        $cxx -std=c++20 $headers -DSOFTGPU_LIST -include softgpu.h -x c++ -E -P "$1" | tr '\n' ' ' |
            grep -oE 'extern "C" +softgpu_kernel [^;{(]*\(' | sed -E 's/.*[ *]([A-Za-z_0-9]+) *\($/SOFTGPU_KERNEL(\1)/'
    } > "$host"
    grep -q SOFTGPU_KERNEL "$host" || fail "$1 has no extern \"C\" __global__ kernel"
    $cxx $flags $sanitize -w -fno-strict-aliasing $headers -include softgpu.h -c "$host" -o "${host%.cpp}.o"
    link "$library" "${host%.cpp}.o" -L"$out" -l:libcuda.so.1
}

limit=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
jobs=
background() { # command: runs it beside the others, at most $limit at a time
    set -- "$@"
    "$@" &
    jobs="$jobs $!"
    running=$((running + 1))
    if [ "$running" -ge "$limit" ]; then
        await
    fi
}
await() {
    for job in $jobs; do
        wait "$job"
    done
    jobs=
    running=0
}
running=0

mkdir -p "$objects" "$out/$variant"
driver=
for source in "$here"/src/*.cpp; do
    case $source in
    */gemm.cpp | */cublas*.cpp) ;;
    *) driver="$driver $source" ;;
    esac
    background compile "$source"
done
await
link_driver
link_blas cublas.cpp libcublas.so.12
link_blas cublaslt.cpp libcublasLt.so.13
families=" "
for sources; do
    sources=$(cd "$sources" && pwd)
    for source in "$sources"/*.cu; do
        [ -e "$source" ] || continue
        families="$families$(basename "$source" .cu) "
        background family "$source"
    done
done
await
for library in "$out/$variant"/*.so; do # of sources that are gone
    case $families in
    *" $(basename "$library" .so) "*) ;;
    *) rm -f "$library" ;;
    esac
done
