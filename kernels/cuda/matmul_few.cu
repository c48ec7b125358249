// Linear layers with weights of float32, float16 and bfloat16, which are plain rows, of 1 to 8 rows
// of activations: bound by the bytes of the weights.
//
//   matmul_few_f32, _f16, _bf16    products in float32: a block multiplies a strip of 16 weight rows
//                                  and one thread makes one sum, so that a sum is one chain in
//                                  ascending k as on the CPU; the others help to load
//   matmul_few_mma                 products in bfloat16 on tensor cores: one block a
//                                  multiprocessor walks over its share of the strips; a warp
//                                  multiplies a strip's 16 rows and 256 of their columns at a time
//   matmul_normed_...              the same of activations that are normalised here, by the root of
//                                  their mean square: the bits of rms_norm and the product
//
// To keep the memory busy, bandwidth times latency must be under way: 4.8 TB/s times some 700 ns are
// 26 KB on each of 132 multiprocessors, more under load, and twice that where only half of them
// have a strip. A lane of matmul_few_mma has the next seven pairs of its 16-byte vectors under way,
// so that eight warps have 56 KB; a block of the others has three stages of 8 KB, and two or more
// fit a multiprocessor. The copies go on across strips and barriers, and the first are asked for
// before the kernel before has ended, as no kernel writes weights.
//
// Activations lie in shared memory, as many columns at a time as there is room for. Then all strips
// of the block are multiplied with these before the next columns; the sums so far are kept.
#include "few_rows.cuh"

// A product, and the columns of activations in shared memory at a time, a multiple of RANGE.
struct FewMatMul {
    MatMul product;
    int64_t columns;
};

// The same of normalised rows, whose own x the product does not read.
struct NormedMatMul {
    RmsNorm norm;
    MatMul product;
    int64_t columns;
};

// ---- products in float32 -----------------------------------------------------------------------

// Block: 128 threads, one strip. Thread 16 r + i sums row r of x with row i of the strip. In shared
// memory lie the stages of weights, then the activations.
template <class W> class Chains {
  public:
    static constexpr int THREADS = STRIP * FEW_ROWS;

    __device__ __forceinline__ Chains(const MatMul &a, int64_t columns)
        : a(a), columns(static_cast<int>(columns)), w(reinterpret_cast<const W *>(a.w)),
          aligned(rows_aligned(w, a.k)) {}

    // Asks for the first weights.
    __device__ __forceinline__ void prefetch() {
        for (int s = 0; s < STAGES - 1; s++) {
            request(s * DEPTH, s);
        }
    }

    template <class Rows> __device__ __forceinline__ void multiply(const Rows &source, int rows) {
        DYNAMIC_SHARED(uint4, shared);
        float *x = reinterpret_cast<float *>(shared + STAGES * STAGE_VECTORS);
        int r = threadIdx.x / STRIP, i = threadIdx.x % STRIP, stage = 0;
        float sum = 0;
        for (int64_t chunk = 0; chunk < a.k; chunk += columns) {
            bring(x, columns, source, rows, chunk, columns);
            int64_t end = min_i64(chunk + columns, a.k);
            for (int64_t from = chunk; from < end; from += DEPTH) {
                cp_async_wait<STAGES - 2>();
                // Also: no thread is at the stage that is filled next.
                __syncthreads();
                request(from + (STAGES - 1) * DEPTH, (stage + STAGES - 1) % STAGES);
                if (r < rows) {
                    const uint4 *row = shared + stage * STAGE_VECTORS + i * PITCH;
                    int depth = static_cast<int>(min_i64(DEPTH, end - from));
                    sum = chain(sum, x + r * columns + (from - chunk), row, depth);
                }
                stage = (stage + 1) % STAGES;
            }
            __syncthreads();
        }
        int64_t j = strip_output(a, blockIdx.x, i);
        float up = __shfl_down_sync(ALL_LANES, sum, STRIP / 2);
        if (r >= rows || j >= a.n) {
            return;
        }
        if (!a.gated) {
            finish(a, r, j, sum);
        } else if (i < STRIP / 2) {
            finish_gated(a, r, j, sum, up);
        }
    }

  private:
    static constexpr int STAGES = 4;
    static constexpr int N = VECTOR<W>;
    static constexpr int VECTORS = 32;  // of a row in a stage
    static constexpr int DEPTH = VECTORS * N;
    static constexpr int PITCH = VECTORS + 1;  // spreads the rows over the banks
    static constexpr int STAGE_VECTORS = STRIP * PITCH;

    __device__ __forceinline__ void request(int64_t from, int stage) {
        DYNAMIC_SHARED(uint4, shared);
#pragma unroll
        for (int v = threadIdx.x; v < STRIP * VECTORS; v += THREADS) {
            int row = v / VECTORS, vector = v % VECTORS;
            uint4 *to = shared + stage * STAGE_VECTORS + row * PITCH + vector;
            int64_t k = from + vector * N;
            const W *p = w + strip_row(a, blockIdx.x, row) * a.k + k;
            if (aligned) {
                cp_async16_streamed(to, k < a.k ? p : w, k < a.k);
            } else {
                *to = load_bits(p, a.k - k, false);
            }
        }
        cp_async_commit();
    }

    __device__ __forceinline__ static float chain(float sum, const float *x, const uint4 *row, int depth) {
#pragma unroll 2
        for (int v = 0; v < depth / N; v++) {
            float values[N];
            load_vector(values, reinterpret_cast<const W *>(row + v));
#pragma unroll
            for (int e = 0; e < N; e++) {
                sum = fmaf(x[v * N + e], values[e], sum);
            }
        }
        const W *elements = reinterpret_cast<const W *>(row);
        for (int k = depth / N * N; k < depth; k++) {
            sum = fmaf(x[k], to_float(elements[k]), sum);
        }
        return sum;
    }

    const MatMul &a;
    const int columns;
    const W *const w;
    const bool aligned;
};

// ---- products in bfloat16 ----------------------------------------------------------------------

// What a warp multiplies at a time is a unit: a range of columns of a strip. The ranges that lie in
// shared memory together are a phase; in a phase the units of a block are those of its first strip
// in ascending order, then those of the second. They are dealt to the warps in turn.
struct Share {
    int64_t firstStrip;
    int strips, ranges, phaseRanges;

    __device__ __forceinline__ Share(const MatMul &a, int64_t columns)
        : ranges(static_cast<int>(ceil_div(a.k, RANGE))),
          phaseRanges(static_cast<int>(columns / RANGE)) {
        int64_t all = ceil_div(a.n, a.gated ? STRIP / 2 : STRIP);
        firstStrip = all * blockIdx.x / gridDim.x;
        strips = static_cast<int>(all * (blockIdx.x + 1) / gridDim.x - firstStrip);
    }

    __device__ __forceinline__ int phases() const { return (ranges + phaseRanges - 1) / phaseRanges; }

    __device__ __forceinline__ int ranges_of(int phase) const {
        return min(phaseRanges, ranges - phase * phaseRanges);
    }

    __device__ __forceinline__ int units_of(int phase) const { return strips * ranges_of(phase); }
};

// Weight rows g and g + 8 of the units of this warp, 16 bytes of each at a time, by way of shared
// memory: a queue in which every lane puts what it takes out itself.
class WeightQueue {
  public:
    static constexpr int STAGES = 8;
    static constexpr int STAGE_VECTORS = 2 * WARP;

    __device__ __forceinline__ WeightQueue(const MatMul &a, const Share &share, uint4 *queue)
        : a(a), share(share), w(reinterpret_cast<const bf16 *>(a.w)), aligned(rows_aligned(w, a.k)),
          queue(queue + lane_index()), unit(warp_index()) {
        find_unit();
    }

    // Asks for the vectors that come next, if there are any left.
    __device__ __forceinline__ void request() {
        if (stages > 0) {
            uint4 *to = queue + asked % STAGES * STAGE_VECTORS;
            if (aligned) {
                bool valid = k < a.k;
                cp_async16_streamed(to, valid ? low : w, valid);
                cp_async16_streamed(to + WARP, valid ? high : w, valid);
            } else {
                to[0] = load_bits(low, a.k - k, false);
                to[WARP] = load_bits(high, a.k - k, false);
            }
            low += PAIR;
            high += PAIR;
            k += PAIR;
            asked++;
            if (--stages == 0) {
                unit += blockDim.x / WARP;
                find_unit();
            }
        }
        cp_async_commit();
    }

    // The vectors that were asked for STAGES - 1 requests ago, and asks for others.
    __device__ __forceinline__ void take(uint4 &first, uint4 &second) {
        cp_async_wait<STAGES - 2>();
        request();
        const uint4 *from = queue + taken++ % STAGES * STAGE_VECTORS;
        first = from[0];
        second = from[WARP];
    }

  private:
    // Sets the pointers to the beginning of `unit`, or of the next phase's first one.
    __device__ __forceinline__ void find_unit() {
        while (unit >= share.units_of(phase)) {
            unit = warp_index();
            if (++phase == share.phases()) {
                stages = 0;
                return;
            }
        }
        int inPhase = share.ranges_of(phase), lane = lane_index();
        int64_t strip = share.firstStrip + unit / inPhase;
        int64_t from =
            static_cast<int64_t>(phase * share.phaseRanges + unit % inPhase) * RANGE;
        k = from + lane % 4 * 8;
        low = w + strip_row(a, strip, lane / 4) * a.k + k;
        high = w + strip_row(a, strip, lane / 4 + 8) * a.k + k;
        stages = static_cast<int>(ceil_div(min_i64(RANGE, a.k - from), PAIR));
    }

    const MatMul &a;
    const Share share;
    const bf16 *const w;
    const bool aligned;
    uint4 *const queue;
    const bf16 *low = nullptr, *high = nullptr;
    int64_t k = 0;
    int unit, phase = 0, stages = 0;
    unsigned asked = 0, taken = 0;
};

// Block: eight warps. In shared memory lie the queues of the warps, the activations, the sums of
// eight units twice, and for more than one phase the sums of the strips so far.
class RangeSums {
  public:
    static constexpr int WARPS = 8;

    __device__ __forceinline__ RangeSums(const MatMul &a, int64_t columns)
        : a(a), share(a, columns), pitch(static_cast<int>(columns) + BANKS / 2),
          queue(a, share, queue_of_warp()) {}

    __device__ __forceinline__ void prefetch() {
        for (int s = 0; s < WeightQueue::STAGES - 1; s++) {
            queue.request();
        }
    }

    template <class Rows> __device__ __forceinline__ void multiply(const Rows &source, int rows) {
        DYNAMIC_SHARED(uint4, shared);
        bf16 *x = reinterpret_cast<bf16 *>(shared + WARPS * QUEUE_VECTORS);
        float *sums = reinterpret_cast<float *>(x + a.rows * pitch);
        float *totals = sums + 2 * WARPS * sums_of_unit();
        int phases = share.phases(), buffer = 0;
        for (int phase = 0; phase < phases; phase++) {
            int ranges = share.ranges_of(phase), units = share.units_of(phase);
            int64_t first = static_cast<int64_t>(phase) * share.phaseRanges * RANGE;
            bring(x, pitch, source, rows, first, ranges * RANGE);
            // Of the sum that this thread adds up.
            int strip = 0, range = 0;
            bool adds = threadIdx.x < STRIP * FEW_ROWS;
            float total = phase && adds && units > 0 ? totals[threadIdx.x] : 0;
            for (int u = 0; u < units; u += WARPS, buffer ^= 1) {
                int unit = u + warp_index();
                float *round = sums + buffer * WARPS * sums_of_unit();
                if (unit < units) {
                    int column = unit % ranges * RANGE;
                    int depth = static_cast<int>(min_i64(RANGE, a.k - first - column));
                    sum_unit(round + warp_index() * sums_of_unit(), x + column, depth, rows);
                }
                // One barrier a round: a buffer is written again two rounds later.
                __syncthreads();
                if (!adds) {
                    continue;
                }
                int r = min(static_cast<int>(threadIdx.x) / STRIP, static_cast<int>(a.rows) - 1);
                const float *sum = round + r * PITCH + threadIdx.x % STRIP;
                for (int q = 0; q < min(WARPS, units - u); q++) {
                    total += sum[q * sums_of_unit()];
                    if (++range < ranges) {
                        continue;
                    }
                    float *kept = totals + strip * STRIP * FEW_ROWS + threadIdx.x;
                    if (phase + 1 == phases) {
                        finish_strip(strip, total, rows);
                    } else {
                        *kept = total;
                    }
                    strip++;
                    range = 0;
                    total = phase && strip < share.strips ? kept[STRIP * FEW_ROWS] : 0;
                }
            }
        }
    }

  private:
    static constexpr int QUEUE_VECTORS = WeightQueue::STAGES * WeightQueue::STAGE_VECTORS;
    static constexpr int BANKS = 64;         // of two bytes: rows g and g + 1 have halves of them
    static constexpr int PITCH = STRIP + 4;  // spreads a fragment over the banks

    __device__ __forceinline__ static uint4 *queue_of_warp() {
        DYNAMIC_SHARED(uint4, shared);
        return shared + warp_index() * QUEUE_VECTORS;
    }

    __device__ __forceinline__ int sums_of_unit() const { return static_cast<int>(a.rows) * PITCH; }

    // The sums of a range, [row][weight row].
    __device__ __forceinline__ void sum_unit(float *sums, const bf16 *x, int depth, int rows) {
        int g = lane_index() / 4, t = lane_index() % 4;
        // The products with a row that does not count are not asked for either.
        const bf16 *row = x + min(g, rows - 1) * pitch + 8 * t;
        float d[4] = {0, 0, 0, 0};
        for (int k = 0; k < depth; k += PAIR) {
            uint4 low, high;
            queue.take(low, high);
            mma_pair(d, low, high, *reinterpret_cast<const uint4 *>(row + k));
        }
#pragma unroll
        for (int e = 0; e < 4; e++) {
            int r = 2 * t + e % 2;
            if (r < a.rows) {
                sums[r * PITCH + g + e / 2 * 8] = d[e];
            }
        }
    }

    __device__ __forceinline__ void finish_strip(int strip, float total, int rows) const {
        int r = threadIdx.x / STRIP, i = threadIdx.x % STRIP;
        int64_t j = strip_output(a, share.firstStrip + strip, i);
        float up = __shfl_down_sync(ALL_LANES, total, STRIP / 2);
        if (r >= rows || j >= a.n) {
            return;
        }
        if (!a.gated) {
            finish(a, r, j, total);
        } else if (i < STRIP / 2) {
            finish_gated(a, r, j, total, up);
        }
    }

    const MatMul &a;
    const Share share;
    const int pitch;
    WeightQueue queue;
};

// ---- kernels -----------------------------------------------------------------------------------

template <class Product> __device__ __forceinline__ void few(const FewMatMul &a, const Mark &mark) {
    Product product(a.product, a.columns);
    product.prefetch();
    begin(mark);
    int rows = static_cast<int>(ROW_COUNT(a.product));
    if (rows > 0) {
        product.multiply(PlainRows(a.product.x, a.product.ldx, a.product.k), rows);
    }
    cp_async_wait<0>();
}

template <class Product>
__device__ __forceinline__ void normed(const NormedMatMul &a, const Mark &mark) {
    __shared__ float parts[FEW_ROWS * norms::SCALE_FLOATS], scales[FEW_ROWS];
    Product product(a.product, a.columns);
    product.prefetch();
    begin(mark);
    int rows = static_cast<int>(ROW_COUNT(a.product));
    if (rows > 0) {
        norms::rms_scales(a.norm, rows, parts, scales);
        product.multiply(NormedRows(a.norm, scales), rows);
    }
    cp_async_wait<0>();
}

#define FEW_KERNELS(name, threads, blocks, Product)                               \
    extern "C" __global__ void __launch_bounds__(threads, blocks)                 \
        matmul_few_##name(const FewMatMul a, const Mark mark) {                   \
        few<Product>(a, mark);                                                    \
    }                                                                             \
    extern "C" __global__ void __launch_bounds__(threads, blocks)                 \
        matmul_normed_##name(const NormedMatMul a, const Mark mark) {             \
        normed<Product>(a, mark);                                                 \
    }

FEW_KERNELS(f32, 128, 4, Chains<float>)
FEW_KERNELS(f16, 128, 4, Chains<f16>)
FEW_KERNELS(bf16, 128, 4, Chains<bf16>)
FEW_KERNELS(mma, 256, 2, RangeSums)
