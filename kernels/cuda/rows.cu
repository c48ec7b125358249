// Choosing rows. A thread takes four neighbouring columns of an output row.
//
//   gather_plain   rows of F32, F16 or BF16, without gaps
//   gather_blocks  rows of Q8 or Q4 panels: four columns are one word of the panel
//   select_rows
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

// Lines of integers in a block.
__device__ __forceinline__ int64_t block_lines(int64_t type) { return type == DTYPE_Q8 ? 8 : 4; }

// The integers of the columns [col, col + 4), col a multiple of four, as bytes with the type's
// offset.
__device__ __forceinline__ uint32_t integers(
    const char *group, int64_t type, int64_t lane, int64_t col) {
    int64_t block = col % GROUP / BLOCK, word = col % BLOCK / 4, lines = block_lines(type);
    int64_t line = 1 + block * lines + word % lines;
    uint32_t bytes = *reinterpret_cast<const uint32_t *>(group + line * LINE + lane * 4);
    return type == DTYPE_Q8 ? bytes : bytes >> (word / lines * 4) & 0x0f0f0f0f;
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
    uint32_t bytes = panel::integers(group, a.tableType, lane, q.col);
    int offset = a.tableType == DTYPE_Q8 ? 128 : 8;
    float4 v = make_float4(
        static_cast<float>(static_cast<int>(bytes & 255) - offset) * scale,
        static_cast<float>(static_cast<int>(bytes >> 8 & 255) - offset) * scale,
        static_cast<float>(static_cast<int>(bytes >> 16 & 255) - offset) * scale,
        static_cast<float>(static_cast<int>(bytes >> 24) - offset) * scale);
    store_quad(a.out + q.row * a.ldo + q.col, q.left, v);
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
