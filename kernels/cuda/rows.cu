// Choosing rows. A thread takes four neighbouring columns of an output row.
//
//   gather_plain   rows of F32, F16 or BF16, without gaps
//   gather_blocks  rows of Q8, Q4 or F8 panels: four columns are one word of the panel
//   select_rows
#include "e4m3.cuh"
#include "quad.cuh"

extern "C" __global__ void __launch_bounds__(256)
    gather_plain(const struct Gather a, const Mark mark) {
    begin(mark);
    quad q = quad_of(a.cols);
    if (q.row >= ROW_COUNT(a)) {
        return;
    }
    int64_t at = a.ids[q.row] * a.cols + q.col;
    store_quad(
        a.out + q.row * a.ldo + q.col, q.left, load_quad_of(a.table, a.tableType, at, q.left));
}

namespace panel {

constexpr int BLOCK = 32, GROUP = 64, GROUP_BLOCKS = GROUP / BLOCK;
constexpr int LINE = 64;  // bytes: a word of each row of the panel

// Lines of elements in a block.
__device__ __forceinline__ int64_t block_lines(int64_t type) { return type == DTYPE_Q4 ? 4 : 8; }

// The elements of the columns [col, col + 4), col a multiple of four, as bytes; integers have the
// type's offset.
__device__ __forceinline__ uint32_t elements(
    const char *group, int64_t type, int64_t lane, int64_t col) {
    int64_t block = col % GROUP / BLOCK, word = col % BLOCK / 4, lines = block_lines(type);
    int64_t line = 1 + block * lines + word % lines;
    uint32_t bytes = *reinterpret_cast<const uint32_t *>(group + line * LINE + lane * 4);
    return type == DTYPE_Q4 ? bytes >> (word / lines * 4) & 0x0f0f0f0f : bytes;
}

__device__ __forceinline__ float4 integers(uint32_t bytes, int offset) {
    return make_float4(
        static_cast<float>(static_cast<int>(bytes & 255) - offset),
        static_cast<float>(static_cast<int>(bytes >> 8 & 255) - offset),
        static_cast<float>(static_cast<int>(bytes >> 16 & 255) - offset),
        static_cast<float>(static_cast<int>(bytes >> 24) - offset));
}

// In units of E4M3_UNIT.
__device__ __forceinline__ float4 floats(uint32_t bytes) {
    uint32_t halves[2] = {e4m3_low(bytes), e4m3_high(bytes)};
    const __half2 *pairs = reinterpret_cast<const __half2 *>(halves);
    float2 low = __half22float2(pairs[0]), high = __half22float2(pairs[1]);
    return make_float4(low.x, low.y, high.x, high.y);
}

}  // namespace panel

extern "C" __global__ void __launch_bounds__(256)
    gather_blocks(const struct Gather a, const Mark mark) {
    begin(mark);
    quad q = quad_of(a.cols);
    if (q.row >= ROW_COUNT(a)) {
        return;
    }
    int64_t id = a.ids[q.row], lane = id % PANEL;
    int64_t groupBytes = (1 + panel::GROUP_BLOCKS * panel::block_lines(a.tableType)) * panel::LINE;
    int64_t groups = (a.cols + panel::GROUP - 1) / panel::GROUP;
    const char *group = a.table + (id / PANEL * groups + q.col / panel::GROUP) * groupBytes;
    int64_t block = q.col % panel::GROUP / panel::BLOCK;
    const f16 *scales = reinterpret_cast<const f16 *>(group);
    float scale = to_float(scales[block * PANEL + lane]);
    uint32_t bytes = panel::elements(group, a.tableType, lane, q.col);
    float4 v;
    if (a.tableType == DTYPE_F8) {
        v = panel::floats(bytes);
        scale *= E4M3_UNIT;
    } else {
        v = panel::integers(bytes, a.tableType == DTYPE_Q8 ? 128 : 8);
    }
    store_quad(a.out + q.row * a.ldo + q.col, q.left,
               make_float4(v.x * scale, v.y * scale, v.z * scale, v.w * scale));
}

extern "C" __global__ void __launch_bounds__(256)
    select_rows(const struct SelectRows a, const Mark mark) {
    begin(mark);
    quad q = quad_of(a.cols);
    if (q.row >= ROW_COUNT(a)) {
        return;
    }
    int64_t index = a.index[q.row];
    const float *from = index < 0 ? a.x + q.row * a.ldx : a.y + index * a.ldy;
    store_quad(a.out + q.row * a.ldo + q.col, q.left, load_quad(from + q.col, q.left));
}
