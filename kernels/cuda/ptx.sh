#!/bin/sh
# Compiles the CUDA kernels to the PTX that the library carries. Building the library needs none of this.
#
#   sh ptx.sh           writes the PTX of every *.cu, ptx.sha256 and REGISTERS.md, to be committed with the sources
#   sh ptx.sh --check   fails and shows the difference where what is there is not what it would write; exit code 2:
#                       cannot tell, because this machine has no nvcc or another one than wrote it
#
# CUDA_HOME   the toolkit to use (default: that of the nvcc on the path, else /usr/local/cuda)
set -eu
cd "$(dirname "$0")"
ptx=../src/main/resources/dev/ocellus/kernels/cuda

# The oldest driver served: PTX 8.0 is driver 525. nvcc writes the PTX version of its own release, which
# older drivers refuse; the version line is lowered, and ptxas and the tests see to it that no
# instruction needs a newer one.
ptx_version=8.0

# A line for each PTX to be made: its name, its family, the architecture it is for, and those that
# REGISTERS.md shows. Every family is made for the oldest GPUs served, which are Ampere's, but for those
# that are for Hopper alone; what a token's decoding runs is made for Hopper and newer as well.
modules() {
    for family in $(ls ./*.cu | sed 's|^\./\(.*\)\.cu$|\1|'); do
        case $family in
        *_sm90a)
            echo "$family $family compute_90a sm_90a"
            continue
            ;;
        blockmatmul | cache | matmul | norm | paged_attention | pointwise | rope | rows | sample)
            echo "$family.sm_90 $family compute_90 sm_90"
            ;;
        esac
        echo "$family $family compute_80 sm_80 sm_90"
    done
}

fail() { # exit code, message
    code=$1
    shift
    printf 'ptx.sh: %s\n' "$*" >&2
    exit "$code"
}

[ -z "${CUDA_HOME:-}" ] || PATH=$CUDA_HOME/bin:$PATH
PATH=$PATH:/usr/local/cuda/bin
export PATH

# Comments hold the compiler's build, and names of file-local symbols a hash of the folder: both would
# make the text differ between machines.
compile() { # folder, module, family, architecture, those of the table
    out=$1/$2
    module=$2
    family=$3
    architecture=$4
    shift 4
    nvcc -std=c++17 -O3 -ptx -Werror all-warnings -gencode "arch=$architecture,code=$architecture" \
        -MD -MF "$out.d" "$family.cu" -o "$out.raw"
    sed -e 's/[[:space:]]*\/\/.*//' -e "s/^\.version .*/.version $ptx_version/" \
        -e 's/_INTERNAL_[0-9a-f]\{8\}_/_INTERNAL_00000000_/g' \
        -e 's/_GLOBAL__N__[0-9a-f]\{8\}_/_GLOBAL__N__00000000_/g' -e '/^[[:space:]]*$/d' "$out.raw" >"$out.ptx"
    checksums "$module" "$out" >"$out.sums"
    for t; do
        ptxas -v -arch="$t" "$out.ptx" -o /dev/null 2>"$out.$t.log" || fail 1 "$(cat "$out.$t.log")"
    done
    for t; do
        properties "$module" "$out.$t.log"
    done | sort -s -k 2,2 | rows >"$out.rows"
    for t; do
        rm "$out.$t.log"
    done
    rm "$out.raw" "$out.d"
}

# A line for the PTX and for each project file that nvcc read: module, checksum, name. The toolkit's own
# headers have absolute paths.
checksums() { # module, path without its ending
    printf '%s %s\n' "$1" "$(sha256sum <"$2.ptx" | sed 's/-$//')$1.ptx"
    for source in $(sed -e 's/^[^:]*://' -e 's/\\$//' "$2.d"); do
        case $source in
        /*) ;;
        *) printf '%s %s\n' "$1" "$(sha256sum "$source")" ;;
        esac
    done
}

# A line for each kernel of ptxas' log: module, kernel, registers, shared, stack and spilled bytes.
properties() { # module, log
    awk -v module="$1" '
        /Compiling entry function/ { split($0, part, "\x27"); kernel = part[2]; stack = spill = 0 }
        / bytes stack frame/ { stack += $1; spill += $5 + $9 }
        /: Used [0-9]+ registers/ {
            shared = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART) + 0 : 0
            match($0, /Used [0-9]+/)
            print module, kernel, substr($0, RSTART + 5) + 0, shared, stack, spill
        }' "$2"
}

# Joins the neighbouring lines of a kernel, one for each target, into a row of the table.
rows() {
    awk '
        function put() { if (kernel) print "| " module " | " kernel " | " r " | " s " | " t " | " p " |" }
        $2 != kernel { put(); module = $1; kernel = $2; r = $3; s = $4; t = $5; p = $6; next }
        { r = r " / " $3; if ($4 != s) s = s " / " $4; t = t " / " $5; p = p " / " $6 }
        END { put() }'
}

release() {
    nvcc --version | sed -n 's/^Cuda compilation tools.* V//p'
}

# Writes everything into a folder: the PTX, ptx.sha256 and REGISTERS.md.
write_all() { # folder
    modules | xargs -P 2 -L 1 sh ptx.sh --compile "$1"
    {
        echo "nvcc $(release)"
        cat "$1"/*.sums
    } >"$1/ptx.sha256"
    {
        cat <<EOT
# Registers and memory of the CUDA kernels

What ptxas $(release) makes of the PTX, for sm_80 / sm_90; of PTX that is for Hopper and newer (\`.sm_90\`, \`_sm90a\`) for
that alone; written by \`ptx.sh\`. Registers, stack and spilled bytes are a thread's; shared bytes are a block's, without
what the launch asks for.

| PTX | kernel | registers | shared | stack | spilled |
| --- | --- | ---: | ---: | ---: | ---: |
EOT
        cat "$1"/*.rows
    } >"$1/REGISTERS.md"
    rm "$1"/*.sums "$1"/*.rows
}

if [ "${1:-}" = --compile ]; then
    shift
    compile "$@"
    exit
fi
command -v nvcc >/dev/null 2>&1 || fail 2 "no nvcc on the path or in CUDA_HOME"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case ${1:-} in
'')
    write_all "$work"
    mkdir -p "$ptx"
    rm -f "$ptx"/*.ptx
    mv "$work"/*.ptx "$ptx"
    mv "$work/ptx.sha256" "$work/REGISTERS.md" .
    ;;
--check)
    [ -e ptx.sha256 ] || fail 1 "ptx.sha256 is missing; run $0"
    made_by=$(sed -n 's/^nvcc //p' ptx.sha256)
    [ "$made_by" = "$(release)" ] || fail 2 "the PTX was written by nvcc $made_by, here is nvcc $(release)"
    write_all "$work"
    mkdir "$work/there"
    cp ptx.sha256 REGISTERS.md "$ptx"/*.ptx "$work/there"
    mkdir "$work/made"
    mv "$work"/*.ptx "$work/ptx.sha256" "$work/REGISTERS.md" "$work/made"
    (cd "$work" && diff -ru there made) || fail 1 "what is there (-) is not what the sources give (+); run $0"
    ;;
*) fail 1 "unknown argument $1" ;;
esac
