// Attention on tensor cores to one range of keys at a time, for few queries: up to 16 heads of one row
// and head sizes up to DIM.
//
// A block has a warp for each tile of a range. A warp multiplies the queries with the keys of its own
// tile, as soon as those have come; then each warp has a part of the dimensions, and multiplies the
// weights of all tiles with the values. So all keys, and then all values, of a range are under way
// at once, and the operations on an element are those of attention_matrix.cuh in the same order.
#ifndef OCELLUS_ATTENTION_RANGE_CUH
#define OCELLUS_ATTENTION_RANGE_CUH

#include "attention_fragments.cuh"
#include "paged_attention.cuh"

template <int DIM> struct RangeCore {
    static constexpr int QUERIES = 16;
    static constexpr int TILES = RANGE / KEYS;
    static constexpr int LD = DIM + CHUNK;
    static constexpr int OWN = DIM / TILES;  // dimensions of a warp

    struct Shared {
        bf16 tile[TILES][KEYS * LD];  // keys, then values
        uint4 weights[TILES][KEYS / 16][WARP];
        float largest[TILES][QUERIES];
        float total[TILES][QUERIES][4];  // of the keys of a lane
    };

    template <class Rows>
    __device__ __forceinline__ static MatrixOperand<Rows> operand(
        const Rows &rows, int64_t type, int width, bool) {
        return {rows, width, type == DTYPE_Q8};
    }

    Shared &shared;
    float scale;
    int width;
    uint32_t query[DIM / 16][4];
    Softmax part[2];
    float out[OWN / 8][4];

    __device__ __forceinline__ RangeCore(char *memory, double scoreScale, int headDim)
        : shared(*reinterpret_cast<Shared *>(memory)),
          scale(static_cast<float>(scoreScale) * LOG2_E),
          width(headDim) {}

    // Index of this lane's query g + 8 h.
    __device__ __forceinline__ static int index(int h) { return lane_index() / 4 + 8 * h; }

    template <class Place>
    __device__ __forceinline__ void load_queries(const Queries &q, bool, Place place) {
        load_fragments<DIM>(query, width, [&](int h) {
            return index(h) < q.count() ? place(index(h)) : nullptr;
        });
    }

    __device__ __forceinline__ static bool meets(int tile, const Span &keys) {
        return tile < keys.to && tile + KEYS > keys.from;
    }

    // Meets those of the keys that lie in the range from `first` on, of which there is at least one.
    template <class Rows>
    __device__ __forceinline__ void meet_range(
        const MatrixOperand<Rows> &operand, int first, const Span &keys) {
        int own = warp_index(), tile = first + own * KEYS;
        bool present = meets(tile, keys);
        bf16 *memory = shared.tile[own];
        float scores[KEYS / 8][4] = {};
        if (present) {
            operand.template copy<DIM, WARP>(memory, KEY, tile, keys);
            operand.template prefetch<WARP>(VALUE, tile, keys);
            cp_async_wait<0>();
            __syncwarp();
            multiply_keys<DIM>(scores, query, memory);
            __syncwarp();
            operand.template copy<DIM, WARP>(memory, VALUE, tile, keys);
            mask_query<KEYS>(scores, 0, keys, tile);
            mask_query<KEYS>(scores, 1, keys, tile);
        }
        share_largest(scores, present);
        __syncthreads();
        if (present) {
            weigh(scores);
        }
        cp_async_wait<0>();
        __syncthreads();
        multiply_tiles(first, keys);
        // The next range takes the place of this one.
        __syncthreads();
    }

    __device__ __forceinline__ void share_largest(
        float (&scores)[KEYS / 8][4], bool present) const {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            float largest = largest_score<KEYS>(scores, h, -INFINITY);
            if (lane_index() % 4 == 0) {
                shared.largest[warp_index()][index(h)] = present ? largest : -INFINITY;
            }
        }
    }

    // Scores become weights relative to the largest score so far.
    __device__ __forceinline__ void weigh(float (&scores)[KEYS / 8][4]) const {
        int own = warp_index();
#pragma unroll
        for (int h = 0; h < 2; h++) {
            float largest = shared.largest[0][index(h)];
            for (int t = 1; t <= own; t++) {
                largest = fmaxf(largest, shared.largest[t][index(h)]);
            }
            shared.total[own][index(h)][lane_index() % 4] =
                weigh_query<KEYS>(scores, h, largest, scale);
        }
#pragma unroll
        for (int c = 0; c < KEYS / 16; c++) {
            shared.weights[own][c][lane_index()] =
                weight_fragment(scores[2 * c], scores[2 * c + 1]);
        }
    }

    // The range's softmax, and the sums of this warp's dimensions.
    __device__ __forceinline__ void multiply_tiles(int first, const Span &keys) {
        part[0] = part[1] = Softmax::none();
#pragma unroll
        for (int j = 0; j < OWN / 8; j++) {
            out[j][0] = out[j][1] = out[j][2] = out[j][3] = 0;
        }
#pragma unroll 1
        for (int t = 0; t < TILES; t++) {
            if (!meets(first + t * KEYS, keys)) {
                continue;
            }
#pragma unroll
            for (int h = 0; h < 2; h++) {
                float largest = fmaxf(part[h].largest, shared.largest[t][index(h)]);
                float factor = rescale(part[h].largest, largest, scale);
                float total = shared.total[t][index(h)][lane_index() % 4];
                part[h] = {largest, fmaf(part[h].total, factor, total)};
#pragma unroll
                for (int j = 0; j < OWN / 8; j++) {
                    out[j][2 * h] *= factor;
                    out[j][2 * h + 1] *= factor;
                }
            }
            const bf16 *values = shared.tile[t] + warp_index() * OWN;
#pragma unroll
            for (int c = 0; c < KEYS / 16; c++) {
                uint4 weights = shared.weights[t][c][lane_index()];
#pragma unroll
                for (int j = 0; j < OWN / 16; j++) {
                    multiply_values(
                        out[2 * j], out[2 * j + 1], weights, values + c * 16 * LD + j * 16, LD);
                }
            }
        }
        add_totals(part[0]);
        add_totals(part[1]);
    }

    // Writes the range's result where `place` says.
    template <class Place>
    __device__ __forceinline__ void write_part(const Queries &q, Place place) const {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            if (index(h) >= q.count()) {
                continue;
            }
            Part to = place(index(h));
            if (threadIdx.x < WARP && lane_index() % 4 == 0) {
                *to.softmax = make_float2(part[h].largest, part[h].total);
            }
#pragma unroll
            for (int j = 0; j < OWN / 8; j++) {
                int at = warp_index() * OWN + j * 8 + lane_index() % 4 * 2;
                if (at < padded(width, 4)) {
                    *reinterpret_cast<float2 *>(to.sums + at) =
                        make_float2(out[j][2 * h], out[j][2 * h + 1]);
                }
            }
        }
    }
};

#endif
