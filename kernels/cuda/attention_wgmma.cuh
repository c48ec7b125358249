// Attention by products of warpgroups, for head sizes up to DIM on GPUs of compute capability 9.0:
// queries, keys, values and the unnormalised weights meet as bfloat16, sums and the softmax are
// float32.
//
// A block is three warpgroups. The first one copies tiles of TILE_KEYS keys, and of their values,
// into a ring of slots in shared memory, in the order in which they are met. Each of the others takes
// 64 queries, which stay in registers, and passes all tiles: the scores of a tile are multiplied out
// while the values of the tile before are added up, and their softmax is worked out meanwhile.
//
// Each query's results depend on its own keys alone, and on the tiles into which these fall, which
// begin at multiples of TILE_KEYS. They are not the bits of attention_matrix.cuh, which sums other
// tiles with other instructions.
#ifndef OCELLUS_ATTENTION_WGMMA_CUH
#define OCELLUS_ATTENTION_WGMMA_CUH

#include "attention_scores.cuh"
#include "attention_tiles.cuh"
#include "ptx_sm90a.cuh"

constexpr int GROUP_QUERIES = 64;
constexpr int BLOCK_QUERIES = CONSUMERS * GROUP_QUERIES;

// Of a thread; together those of a multiprocessor.
constexpr int PRODUCER_REGISTERS = 56;
constexpr int CONSUMER_REGISTERS = 224;

// A call, and whether its output is left in bfloat16: each row begins where its float32 row would.
template <class Call> struct Attending {
    Call call;
    int64_t rounded;
};

// Where the result of a query begins.
struct Result {
    float *row;
    int64_t column;
    bool rounded;

    // Elements `at` and, below `width`, `at` + 1; `at` is even.
    __device__ __forceinline__ void store(int at, int width, float low, float high) const {
        bf16 *pair = reinterpret_cast<bf16 *>(row) + column + at;
        if (rounded && width % 2 == 0) {
            // The column is even, too.
            if (at < width) {
                *reinterpret_cast<uint32_t *>(pair) = pack_bf16(low, high);
            }
        } else if (rounded) {
            store(pair, at, width, low, high);
        } else {
            store(row + column + at, at, width, low, high);
        }
    }

  private:
    template <class T>
    __device__ __forceinline__ static void store(T *to, int at, int width, float low, float high) {
        if (at < width) {
            to[0] = from_float<T>(low);
        }
        if (at + 1 < width) {
            to[1] = from_float<T>(high);
        }
    }
};

// A tile of keys and values of one head: rows of `width` elements of bfloat16, or of Q8 blocks. Rows
// outside the span are zeros and not read.
template <class Rows> struct KeyTile {
    Rows rows;
    Span span;
    int first;
};

template <int DIM> struct TileProducer {
    using Layout = TileLayout<DIM>;

    int width;
    bool blocks;

    // Copies this thread's part of a tile. Copies may be under way when it returns.
    template <class Rows>
    __device__ __forceinline__ void copy(char *to, Side side, const KeyTile<Rows> &tile) const {
        int chunk = threadIdx.x % Layout::CHUNKS;
#pragma unroll 2
        for (int i = 0; i < TILE_KEYS * Layout::CHUNKS / GROUP_THREADS; i++) {
            int r = threadIdx.x / Layout::CHUNKS + i * (GROUP_THREADS / Layout::CHUNKS);
            int key = tile.first + r;
            bool present = key >= tile.span.from && key < tile.span.to;
            const char *row = present ? tile.rows.at(side, key) : nullptr;
#pragma unroll
            for (int column = 0; column < Layout::COLUMNS; column++) {
                int element = (column * Layout::CHUNKS + chunk) * CHUNK;
                copy_chunk(to + Layout::at(r, column, chunk), row, element);
            }
        }
        cp_async_commit();
    }

    // Elements [element, element + CHUNK) of a row; zeros past its end or without one.
    __device__ __forceinline__ void copy_chunk(char *to, const char *row, int element) const {
        const bf16 *from = reinterpret_cast<const bf16 *>(row) + element;
        if (blocks) {
            *reinterpret_cast<uint4 *>(to) =
                row && element < width ? block_chunk(row, element) : make_uint4(0, 0, 0, 0);
        } else if (width % CHUNK == 0 && is_aligned16(row)) {
            cp_async16(to, from, row && element < width);
        } else {
#pragma unroll 1
            for (int i = 0; i < CHUNK; i++) {
                bool present = row && element + i < width;
                reinterpret_cast<bf16 *>(to)[i] = present ? from[i] : from_float<bf16>(0);
            }
        }
    }

    // Of a row of Q8 blocks, which hold zeros past the row's end.
    __device__ __forceinline__ static uint4 block_chunk(const char *row, int element) {
        const char *block = row + element / Q8_ELEMENTS * Q8_BYTES;
        float scale = to_float(*reinterpret_cast<const f16 *>(block));
        const char2 *q = reinterpret_cast<const char2 *>(block + 2 + element % Q8_ELEMENTS);
        auto pair = [&](int i) { return pack_bf16(q[i].x * scale, q[i].y * scale); };
        return make_uint4(pair(0), pair(1), pair(2), pair(3));
    }

    // Copies the keys and values of all tiles of a walk. A tile is published when the next one has
    // been begun, so that the copies of two are under way.
    template <class Walk>
    __device__ __forceinline__ void run(const TileRing<DIM> &ring, Walk walk) const {
        int item = 0;
        auto produce = [&](Side side, const auto &tile) {
            ring.acquire(item);
            copy(ring.slot(item), side, tile);
            if (item > 0) {
                cp_async_wait<1>();
                ring.publish(item - 1);
            }
            item++;
        };
        auto before = walk.tile;
        for (bool keys = walk.next(), values = false; keys || values;) {
            if (keys) {
                produce(KEY, walk.tile);
            }
            if (values) {
                produce(VALUE, before);
            }
            before = walk.tile;
            values = keys;
            keys = keys && walk.next();
        }
        cp_async_wait<0>();
        ring.publish(item - 1);
    }
};

// A warpgroup with its 64 queries. Lane 4 g + t of a warp holds the warp's queries g and g + 8, and of
// each 8 keys or dimensions the two from 2 t on.
template <int DIM> struct TileConsumer {
    using Layout = TileLayout<DIM>;

    float scale;
    int width;
    uint32_t query[DIM / 16][4];
    uint32_t weights[TILE_KEYS / 16][4];
    float out[DIM / 2];
    Softmax softmax[2];
    Span span[2];

    __device__ __forceinline__ TileConsumer(double scoreScale, int headDim) {
        scale = static_cast<float>(scoreScale) * LOG2_E;
        width = headDim;
        softmax[0] = softmax[1] = Softmax::none();
#pragma unroll
        for (int i = 0; i < DIM / 2; i++) {
            out[i] = 0;
        }
    }

    // Index of this lane's query g + 8 h in the block's tile of queries.
    __device__ __forceinline__ static int index(int h) {
        return (static_cast<int>(threadIdx.x) - GROUP_THREADS) / WARP * 16 + lane_index() / 4 + 8 * h;
    }

    // `place` gives the address of a query's vector.
    template <class Place>
    __device__ __forceinline__ void load_queries(const Queries &q, Place place) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const float *x = index(h) < q.count() ? place(index(h)) : nullptr;
#pragma unroll
            for (int c = 0; c < DIM / 8; c++) {
                int at = c * 8 + lane_index() % 4 * 2;
                float low = x && at < width ? x[at] : 0;
                float high = x && at + 1 < width ? x[at + 1] : 0;
                query[c / 2][c % 2 * 2 + h] = pack_bf16(low, high);
            }
        }
    }

    // Passes all tiles of a walk. Keys and values alternate in the ring: those of a tile are items
    // 2 i - 1 and 2 i + 2, but for the first keys, which are item 0, and the last values.
    template <class Walk> __device__ __forceinline__ void run(const TileRing<DIM> &ring, Walk walk) {
        float scores[TILE_KEYS / 2];
        float factor[2];
        walk.next();
        begin_keys(scores, ring.wait(0));
        wgmma_wait<0>();
        ring.release(0);
        weigh(scores, factor, walk);
        pack(scores);
        int item = 1;
        for (; walk.next(); item += 2) {
            begin_keys(scores, ring.wait(item));
            begin_values(ring.wait(item + 1));
            wgmma_wait<1>();
            ring.release(item);
            weigh(scores, factor, walk);
            wgmma_wait<0>();
            ring.release(item + 1);
            rescale_sums(factor);
            pack(scores);
        }
        begin_values(ring.wait(item));
        wgmma_wait<0>();
        ring.release(item);
        complete();
    }

    __device__ __forceinline__ void begin_keys(
        float (&scores)[TILE_KEYS / 2], uint32_t tile) const {
        wgmma_fence();
#pragma unroll
        for (int step = 0; step < DIM / 16; step++) {
            wgmma_bf16<false>(scores, query[step], Layout::keys(tile, step), step > 0);
        }
        wgmma_commit();
    }

    __device__ __forceinline__ void begin_values(uint32_t tile) {
        wgmma_fence();
#pragma unroll
        for (int step = 0; step < TILE_KEYS / 16; step++) {
            wgmma_bf16<true>(out, weights[step], Layout::values(tile, step), true);
        }
        wgmma_commit();
    }

    // Scores become weights; `factor` is by what the sums so far must be multiplied.
    template <class Walk>
    __device__ __forceinline__ void weigh(
        float (&scores)[TILE_KEYS / 2], float (&factor)[2], const Walk &walk) {
        if (walk.is_new_run()) {
            span[0] = walk.keys_of(index(0));
            span[1] = walk.keys_of(index(1));
        }
#pragma unroll
        for (int h = 0; h < 2; h++) {
            mask_query<TILE_KEYS>(scores, h, span[h], walk.tile.first);
            float largest = largest_score<TILE_KEYS>(scores, h, softmax[h].largest);
            factor[h] = rescale(softmax[h].largest, largest, scale);
            float total = weigh_query<TILE_KEYS>(scores, h, largest, scale);
            // Of this lane's keys alone: the lanes' totals are added at the end.
            softmax[h].total = fmaf(softmax[h].total, factor[h], total);
            softmax[h].largest = largest;
        }
    }

    __device__ __forceinline__ void rescale_sums(const float (&factor)[2]) {
#pragma unroll
        for (int i = 0; i < DIM / 2; i++) {
            out[i] *= factor[i / 2 % 2];
        }
    }

    // The weights become the left operand of the product with the values.
    __device__ __forceinline__ void pack(const float (&scores)[TILE_KEYS / 2]) {
#pragma unroll
        for (int i = 0; i < TILE_KEYS / 4; i++) {
            weights[i / 4][i % 4] = pack_bf16(scores[2 * i], scores[2 * i + 1]);
        }
    }

    __device__ __forceinline__ void complete() {
        add_totals(softmax[0]);
        add_totals(softmax[1]);
    }

    // Writes the means to the Result that `place` gives.
    template <class Place>
    __device__ __forceinline__ void write(const Queries &q, Place place) const {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            if (index(h) >= q.count()) {
                continue;
            }
            Result to = place(index(h));
            float factor = 1 / softmax[h].total;
#pragma unroll
            for (int j = 0; j < DIM / 8; j++) {
                int i = 4 * j + 2 * h;
                to.store(
                    j * 8 + lane_index() % 4 * 2, width, out[i] * factor, out[i + 1] * factor);
            }
        }
    }
};

// Blocks take tiles of queries from the last one on: in a prompt, later rows attend to more keys.
__device__ __forceinline__ int64_t tile_index() { return gridDim.x - 1 - blockIdx.x; }

// What a block does. `walk` steps through its tiles of keys, `vector` gives the address of a query's
// vector, and `result` its Result.
template <int DIM, class Walk, class Vector, class Place>
__device__ __forceinline__ void attend_by_warpgroups(
    char *shared, const Queries &queries, const Walk &walk, int width, bool blocks, double scale,
    Vector vector, Place result) {
    TileRing<DIM> ring(shared);
    if (threadIdx.x < GROUP_THREADS) {
        release_registers<PRODUCER_REGISTERS>();
        TileProducer<DIM>{width, blocks}.run(ring, walk);
    } else {
        take_registers<CONSUMER_REGISTERS>();
        TileConsumer<DIM> consumer(scale, width);
        consumer.load_queries(queries, vector);
        consumer.run(ring, walk);
        consumer.write(queries, result);
    }
}

#endif
