// Products of many rows of activations with weights of block types: tiles, on tensor cores.
//
// A block multiplies some panels with some rows of rounded activations. Both come through a ring of
// STAGES stages in shared memory; what the launch gives decides how long those are. A warp has
// PANELS of the panels and PARTS times eight of the rows, and continues its sums' chains in
// registers, so that no order but its own matters.
//
// What bounds it: each mma is followed by eight fused multiply-adds a lane, two for each of its
// sums and block of 32, and on an H100 takes less time than those: about half of the int8 rate of
// mma.sync is left. Of F8 the two mma of a block take four times as long as that one, and bound it
// themselves. With 32 rows the activations that a multiprocessor reads from the L2 cache are
// twice the weights of two panels, a third more than those of six.
#ifndef OCELLUS_BLOCK_TILE_CUH
#define OCELLUS_BLOCK_TILE_CUH

#include "block.cuh"

// A block's warps: those with the same panels follow one another, `rowWarps` of them.
template <class Q, int PANELS, int PARTS> class Tile {
    using Rounded = RoundedRows<typename Q::Activations>;
    using Words = typename Rounded::Words;
    static constexpr int STAGES = Q::Activations::TILE_STAGES;

  public:
    __device__ __forceinline__ Tile(const MatMul &call, int warpsAlongRows)
        : a(call),
          x(scratch_rows<typename Q::Activations>(call)),
          groups(group_count(call)),
          rowWarps(warpsAlongRows) {
        tileRows = rowWarps * WARP_ROWS;
        warps = static_cast<int>(blockDim.x) / WARP;
        tilePanels = warps / rowWarps * PANELS;
        rowWarp = warp_index() % rowWarps;
        tilePanel = warp_index() / rowWarps * PANELS;
        g = lane_index() / 4;
        t = lane_index() % 4;
        firstRow = static_cast<int64_t>(blockIdx.y) * tileRows;
        firstPanel = static_cast<int64_t>(blockIdx.x) * tilePanels + tilePanel;
        panels = static_cast<int>(max_i64(0, min_i64(PANELS, panel_count(a) - firstPanel)));
        depth = dynamic_shared_bytes() / (STAGES * (group_weights() + group_rows()));
        stageBytes = depth * (group_weights() + group_rows());
        stages = (groups + depth - 1) / depth;
    }

    __device__ __forceinline__ void run(char *shared, const Mark &mark) {
        ring = shared;
        // Whether a tile of rows counts is known after the start: the first one does as a rule.
        if (blockIdx.y == 0) {
            load_first_weights();
        }
        begin(mark);
        int64_t left = ROW_COUNT(a) - firstRow;
        if (left <= 0) {
            cp_async_wait<0>();
            return;
        }
        rows = static_cast<int>(min_i64(tileRows, left));
        if (blockIdx.y > 0) {
            load_first_weights();
        }
        for (int s = 0; s < STAGES - 1; s++) {
            load_rows(s, s);
            cp_async_commit();
        }
        for (int s = 0, slot = 0; s < stages; s++) {
            cp_async_wait<STAGES - 2>();
            // Also: no warp is at the stage that is filled next.
            __syncthreads();
            int filled = slot == 0 ? STAGES - 1 : slot - 1;
            load_weights(s + STAGES - 1, filled);
            load_rows(s + STAGES - 1, filled);
            cp_async_commit();
            multiply(s, slot);
            slot = slot + 1 == STAGES ? 0 : slot + 1;
        }
        cp_async_wait<0>();
        finish_rows();
    }

  private:
    static constexpr int WARP_ROWS = PARTS * 8;

    const MatMul &a;
    Rounded x;
    int groups, rowWarps, warps;
    int tileRows, tilePanels;  // of the block
    int rowWarp, tilePanel;    // of this warp, in the block
    int g, t;
    int64_t firstRow;    // of the block
    int64_t firstPanel;  // of this warp
    int rows, panels;    // that there are: of the block's, of the warp's
    char *ring;
    int depth, stageBytes, stages;  // groups of a stage, its bytes, how many there are
    float sum[PANELS][PARTS][4] = {};

    // A stage holds `depth` groups of each panel, then words [blocks][tileRows][4] and scales
    // [blocks][tileRows] of the activations.
    __device__ __forceinline__ int group_weights() const { return tilePanels * GROUP_BYTES<Q>; }

    __device__ __forceinline__ int group_rows() const {
        return GROUP_BLOCKS * tileRows * Rounded::BLOCK_BYTES;
    }

    __device__ __forceinline__ int stage_groups(int stage) const {
        return min(depth, groups - stage * depth);
    }

    // Where this warp's panel p of a stage begins in the ring.
    __device__ __forceinline__ int panel_offset(int slot, int p) const {
        return slot * stageBytes + (tilePanel + p) * depth * GROUP_BYTES<Q>;
    }

    __device__ __forceinline__ char *stage_words(int slot) const {
        return ring + slot * stageBytes + depth * group_weights();
    }

    __device__ __forceinline__ float *stage_scales(int slot) const {
        return reinterpret_cast<float *>(stage_words(slot) +
                                         depth * GROUP_BLOCKS * tileRows *
                                             Rounded::WORD_BYTES);
    }

    __device__ __forceinline__ void load_first_weights() {
        for (int s = 0; s < STAGES - 1; s++) {
            load_weights(s, s);
        }
    }

    // The warps of a panel share its copies.
    __device__ __forceinline__ void load_weights(int stage, int slot) {
        int64_t panelBytes = static_cast<int64_t>(groups) * GROUP_BYTES<Q>;
        int bytes = stage_groups(stage) * GROUP_BYTES<Q>;
        for (int p = 0; p < panels; p++) {
            const char *from = a.w + (firstPanel + p) * panelBytes +
                               static_cast<int64_t>(stage) * depth * GROUP_BYTES<Q>;
            int to = panel_offset(slot, p);
            for (int v = (rowWarp * WARP + lane_index()) * 16; v < bytes;
                 v += rowWarps * WARP * 16) {
                cp_async16(ring + swizzled(to + v), from + v);
            }
        }
    }

    // A warp copies a block's words and scales, of whole eights of rows.
    __device__ __forceinline__ void load_rows(int stage, int slot) {
        int blocks = stage_groups(stage) * GROUP_BLOCKS;
        for (int b = warp_index(); b < blocks; b += warps) {
            int64_t from =
                (static_cast<int64_t>(stage) * depth * GROUP_BLOCKS + b) * x.pitch + firstRow;
            const char *words = reinterpret_cast<const char *>(x.words + from * 4);
            char *to = stage_words(slot) + b * tileRows * Rounded::WORD_BYTES;
            int whole = (rows + 7) / 8 * 8;
            for (int v = lane_index(); v < whole * (Rounded::WORD_BYTES / 16); v += WARP) {
                cp_async16(to + v * 16, words + v * 16);
            }
            for (int row = lane_index() * 4; row < whole; row += WARP * 4) {
                cp_async16(stage_scales(slot) + b * tileRows + row, x.scales + from + row);
            }
        }
    }

    __device__ __forceinline__ void multiply(int stage, int slot) {
        int count = panels == 0 ? 0 : stage_groups(stage);
        int row = rowWarp * WARP_ROWS;
        const Words *words = reinterpret_cast<const Words *>(stage_words(slot)) + row * 4;
        const float *scales = stage_scales(slot) + row;
        // With one panel there are registers for twice as many independent products.
#pragma unroll(PANELS == 1 ? 2 : 1)
        for (int i = 0; i < count; i++) {
#pragma unroll
            for (int b = 0; b < GROUP_BLOCKS; b++) {
                BlockRows<Q> w[PANELS];
#pragma unroll
                for (int p = 0; p < PANELS; p++) {
                    if (p < panels) {
                        w[p].load(ring, panel_offset(slot, p) + i * GROUP_BYTES<Q>, b, g, t);
                    }
                }
                multiply_block(w, words, scales, rows - row);
                words += tileRows * 4;
                scales += tileRows;
            }
        }
    }

    __device__ __forceinline__ void multiply_block(const BlockRows<Q> (&w)[PANELS],
                                                   const Words *words, const float *scales,
                                                   int count) {
#pragma unroll
        for (int part = 0; part < PARTS; part++) {
            if (part * 8 < count) {
                Words word = words[(part * 8 + g) * 4 + t];
                float2 scale = *reinterpret_cast<const float2 *>(scales + part * 8 + 2 * t);
#pragma unroll
                for (int p = 0; p < PANELS; p++) {
                    float d[4];
                    w[p].multiply(d, word);
#pragma unroll
                    for (int v = 0; v < 4; v++) {
                        sum[p][part][v] =
                            __fmaf_rn(d[v], v % 2 ? scale.y : scale.x, sum[p][part][v]);
                    }
                }
            }
        }
    }

    // Outputs go through shared memory, eight rows of every warp at a time, so that a warp writes
    // neighbouring ones, and what follows the sums is there once.
    __device__ __forceinline__ void finish_rows() {
        int pitch = tilePanels * PANEL + 4;  // spreads a fragment over the banks
        float *sums = reinterpret_cast<float *>(ring);
#pragma unroll 1
        for (int chunk = 0; chunk < PARTS; chunk++) {
            __syncthreads();
#pragma unroll
            for (int part = 0; part < PARTS; part++) {
                if (part == chunk) {
                    put_sums(sums + (rowWarp * 8 + 2 * t) * pitch + tilePanel * PANEL + 2 * g,
                             pitch, part);
                }
            }
            __syncthreads();
            for (int row = warp_index(); row < rowWarps * 8; row += warps) {
                finish_row(sums + row * pitch, row / 8 * WARP_ROWS + chunk * 8 + row % 8);
            }
        }
    }

    __device__ __forceinline__ void put_sums(float *to, int pitch, int part) const {
#pragma unroll
        for (int p = 0; p < PANELS; p++) {
            const float(&v)[4] = sum[p][part];
            *reinterpret_cast<float2 *>(to + p * PANEL) = make_float2(v[0], v[2]);
            *reinterpret_cast<float2 *>(to + pitch + p * PANEL) = make_float2(v[1], v[3]);
        }
    }

    __device__ __forceinline__ void finish_row(const float *sums, int row) const {
        int64_t strip = static_cast<int64_t>(blockIdx.x) * tilePanels / (a.gated ? 2 : 1);
        int outputs = tilePanels * PANEL / (a.gated ? 2 : 1);
        for (int i = lane_index(); row < rows && i < outputs; i += WARP) {
            int64_t j = strip * PANEL + i;
            if (j < a.n && a.gated) {
                const float *gate = sums + i / PANEL * 2 * PANEL + i % PANEL;
                finish_gated(a, firstRow + row, j, gate[0], gate[PANEL]);
            } else if (j < a.n) {
                finish(a, firstRow + row, j, sums[i]);
            }
        }
    }
};

#endif
