// Tiles of keys or values in shared memory, as products of warpgroups read them, and the ring in which
// they pass from the warpgroup that copies them to those that multiply.
#ifndef OCELLUS_ATTENTION_TILES_CUH
#define OCELLUS_ATTENTION_TILES_CUH

#include "attention.cuh"
#include "ptx_sm90a.cuh"

constexpr int TILE_KEYS = 128;
constexpr int SLOTS = 4;
constexpr int GROUP_THREADS = 128;
constexpr int CONSUMERS = 2;  // warpgroups, beside the one that produces
constexpr int BLOCK_THREADS = (1 + CONSUMERS) * GROUP_THREADS;

// How a tile of keys or values lies in shared memory: in columns, each of COLUMN elements of all
// rows, the widest that the hardware swizzles and DIM is made of. Swizzling spreads the same chunk of
// eight neighbouring rows over all banks.
template <int DIM> struct TileLayout {
    static constexpr int COLUMN = DIM % 64 == 0 ? 64 : DIM % 32 == 0 ? 32 : 16;
    static constexpr Swizzle SWIZZLE = COLUMN == 64   ? Swizzle::BYTES_128
                                       : COLUMN == 32 ? Swizzle::BYTES_64
                                                      : Swizzle::BYTES_32;
    static constexpr int COLUMNS = DIM / COLUMN;
    static constexpr int CHUNKS = COLUMN / CHUNK;  // of a row of a column
    static constexpr int ROW_BYTES = COLUMN * 2;
    static constexpr int COLUMN_BYTES = TILE_KEYS * ROW_BYTES;
    static constexpr int BYTES = COLUMNS * COLUMN_BYTES;

    static_assert(DIM % 16 == 0 && BYTES % 1024 == 0, "a swizzle pattern begins at its multiple");

    // Where the chunk of a row lies, in bytes.
    __device__ __forceinline__ static int at(int row, int column, int chunk) {
        int offset = column * COLUMN_BYTES + row * ROW_BYTES + chunk * 16;
        return offset ^ (offset >> 7 & (CHUNKS - 1)) << 4;
    }

    // Dimensions [16 step, 16 step + 16) of the tile's rows, as right matrix of queries.
    __device__ __forceinline__ static uint64_t keys(uint32_t tile, int step) {
        int dim = step * 16;
        uint32_t address = tile + dim / COLUMN * COLUMN_BYTES + dim % COLUMN * 2;
        return matrix_descriptor(address, 16, 8 * ROW_BYTES, SWIZZLE);
    }

    // Rows [16 step, 16 step + 16) of the tile, as right matrix of weights.
    __device__ __forceinline__ static uint64_t values(uint32_t tile, int step) {
        uint32_t address = tile + step * 16 * ROW_BYTES;
        return matrix_descriptor(address, COLUMN_BYTES, 8 * ROW_BYTES, SWIZZLE);
    }
};

// Tiles on their way from the producer to the consumers. Both sides count them in the same order.
template <int DIM> struct TileRing {
    using Layout = TileLayout<DIM>;

    char *tiles;
    uint64_t *full, *empty;

    __device__ __forceinline__ explicit TileRing(char *shared) {
        tiles = shared;
        full = reinterpret_cast<uint64_t *>(shared + SLOTS * Layout::BYTES);
        empty = full + SLOTS;
        if (threadIdx.x == 0) {
            for (int slot = 0; slot < SLOTS; slot++) {
                mbarrier_init(full + slot, GROUP_THREADS);
                mbarrier_init(empty + slot, CONSUMERS * GROUP_THREADS / WARP);
            }
        }
        __syncthreads();
    }

    __device__ __forceinline__ char *slot(int item) const {
        return tiles + item % SLOTS * Layout::BYTES;
    }

    // Waits until the consumers no longer need what was in the slot.
    __device__ __forceinline__ void acquire(int item) const {
        mbarrier_wait(empty + item % SLOTS, item / SLOTS % 2 ^ 1);
    }

    // This thread's part of the tile is there.
    __device__ __forceinline__ void publish(int item) const {
        fence_proxy_async();
        mbarrier_arrive(full + item % SLOTS);
    }

    // Waits for the tile and gives its address.
    __device__ __forceinline__ uint32_t wait(int item) const {
        mbarrier_wait(full + item % SLOTS, item / SLOTS % 2);
        return shared_address(slot(item));
    }

    // This warp's products with the tile have been waited for.
    __device__ __forceinline__ void release(int item) const {
        if (lane_index() == 0) {
            mbarrier_arrive(empty + item % SLOTS);
        }
    }
};

#endif
