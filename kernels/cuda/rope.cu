// Rotary embedding.
//
//   rope_table  cosines and sines, one thread for each angle; in double precision, as in
//               kernels/c/rope.c, since the table is small and angles reach 2^22
//   rope        rotates, one thread for four neighbouring pairs, and copies the rest of a head
#include "rope.cuh"

// Sine and cosine of a float32 angle. The angle is reduced by a multiple of pi/2, which is held in
// two parts; fused operations keep the remainder exact to its last bits even where it is small.
// Taylor series to the 15th power leave errors below 1e-13.
__device__ __forceinline__ void sin_cos(float angle, double *sine, double *cosine) {
    double q = rint(angle * 0.63661977236758134);
    double r = fma(q, -1.5707963267948966, static_cast<double>(angle));
    r = fma(q, -6.123233995736766e-17, r);
    double z = r * r;
    double s = r * (1 + z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880
        + z * (-1.0 / 39916800 + z * (1.0 / 6227020800 + z * (-1.0 / 1307674368000))))))));
    double c = 1 + z * (-1.0 / 2 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320
        + z * (-1.0 / 3628800 + z * (1.0 / 479001600 + z * (-1.0 / 87178291200)))))));
    int64_t quadrant = static_cast<int64_t>(q) & 3;
    double odd = quadrant & 1 ? c : s, even = quadrant & 1 ? s : c;
    *sine = quadrant & 2 ? -odd : odd;
    *cosine = (quadrant + 1) & 2 ? -even : even;
}

extern "C" __global__ void __launch_bounds__(256)
    rope_table(const struct RopeTable a, const Mark mark) {
    begin(mark);
    int64_t row = grid_index() / a.half, j = grid_index() - row * a.half;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    int64_t sequence = a.sequence[row];
    double scale = a.scale[sequence], s, c;
    sin_cos(static_cast<float>(a.position[row]) * a.invFreq[sequence * a.half + j], &s, &c);
    float *out = a.out + row * 2 * a.half + j;
    out[0] = static_cast<float>(c * scale);
    out[a.half] = static_cast<float>(s * scale);
}

extern "C" __global__ void __launch_bounds__(256) rope(const struct Rope a, const Mark mark) {
    begin(mark);
    int64_t pairs = (a.half + 3) / 4, rest = a.headDim - 2 * a.half;
    int64_t quads = pairs + (rest + 3) / 4;
    int64_t head = grid_index() / quads, i = (grid_index() - head * quads) * 4;
    int64_t row = head / a.heads;
    if (row >= ROW_COUNT(a)) {
        return;
    }
    int64_t start = (head - row * a.heads) * a.headDim;
    const float *x = a.x + row * a.ldx + start;
    float *out = a.out + row * a.ldo + start;
    if (i >= pairs * 4) {
        i += 2 * a.half - pairs * 4;
        if (out != x) {
            store_quad(out + i, a.headDim - i, load_quad(x + i, a.headDim - i));
        }
        return;
    }
    int64_t left = a.half - i;
    const float *table = a.table + row * 2 * a.half + i;
    float4 c = load_quad(table, left), s = load_quad(table + a.half, left);
    float4 low = load_quad(x + i, left), high = load_quad(x + a.half + i, left);
    store_quad(out + i, left, rotate_low(low, high, c, s));
    store_quad(out + a.half + i, left, rotate_high(low, high, c, s));
}
