// Rounding of weights to block types, by the rules that KernelCall's Panels state. A lane is a row,
// so that every row is rounded by the same chain of operations on every instruction set.
#include "block.h"

enum { Q8_OFFSET = 128, Q4_OFFSET = 8 };

#define F8_LIMIT 448.0f

// VL elements of a row, of which `left` remain; zero past the end.
INLINE vf widened(const char *row, int64_t type, int64_t k, int64_t left) {
    left = max_i64(min_i64(left, VL), 0);
    switch (type) {
        case DTYPE_F16: return v_load_f16_part((const uint16_t *)row + k, left);
        case DTYPE_BF16: return v_load_bf16_part((const uint16_t *)row + k, left);
        default: return v_load_part((const float *)row + k, left);
    }
}

INLINE vf nearest_f16(vf v) {
    uint16_t t[VL];
    v_store_f16(t, v);
    vf nearest = v_load_f16(t);
    return v_select(nearest == v_zero(), v_zero(), nearest);
}

INLINE vf inverse_of(vf scale) {
    return v_select(scale == v_zero(), v_zero(), v_set(1) / scale);
}

INLINE vf nearest_q(int64_t type, vf x) {
    vf least = v_set(type == DTYPE_Q8 ? -127 : -8), most = v_set(type == DTYPE_Q8 ? 127 : 7);
    return v_min(v_max(v_round(x), least), most);
}

static vf q4_scale(const vf x[BLOCK], vf largest) {
    static const float divisors[] = {-9, -8.5f, -8, -7.5f, -7};
    vf least = v_set(__builtin_inff()), best = v_zero();
    for (int d = 0; d < 5; d++) {
        vf scale = nearest_f16(largest / v_set(divisors[d])), inverse = inverse_of(scale);
        vf sum = v_zero();
        for (int i = 0; i < BLOCK; i++) {
            vf error = v_fma(v_zero() - scale, nearest_q(DTYPE_Q4, x[i] * inverse), x[i]);
            sum = v_fma(error, error, sum);
        }
        vi better = ~(sum >= least);
        least = v_select(better, sum, least);
        best = v_select(better, scale, best);
    }
    return best;
}

// The codes of the nearest E4M3. As float32, numbers of its normal range have 20 bits more behind the
// point and an exponent that is 120 larger; of smaller ones, the sum with 2^14 has the last place
// that they have.
INLINE vu nearest_e4m3(vf x) {
    const vf least_normal = v_set(0x1p-6f), subnormal_base = v_set(0x1p14f);
    x = v_min(v_max(x, v_set(-F8_LIMIT)), v_set(F8_LIMIT));
    vf magnitude = v_abs(x);
    vu bits = (vu)magnitude;
    vu normal = ((bits + 0x7ffff + ((bits >> 20) & 1)) >> 20) - (120 << 3);
    vu subnormal = (vu)(magnitude + subnormal_base) - (vu)subnormal_base;
    vu code = (vu)v_select(magnitude < least_normal, (vf)subnormal, (vf)normal);
    return code | (((vu)x >> 24) & 0x80);
}

INLINE float from_e4m3(uint8_t code) {
    int magnitude = code & 0x7f;
    float x = (float)magnitude * 0x1p-9f;
    if (magnitude >= 8) {
        uint32_t bits = (uint32_t)(magnitude + (120 << 3)) << 20;
        memcpy(&x, &bits, sizeof x);
    }
    return code & 0x80 ? -x : x;
}

// The bytes, or halves of them, that hold the elements x of a type.
INLINE vu encoded(int64_t type, vf x) {
    if (type == DTYPE_F8) {
        return nearest_e4m3(x);
    }
    vf offset = v_set(type == DTYPE_Q8 ? Q8_OFFSET : Q4_OFFSET);
    return (vu)__builtin_convertvector(nearest_q(type, x) + offset, vi);
}

// A block of VL rows, whose element i is x[i], to the places of the first row's scale and integers.
static void pack_block(const vf x[BLOCK], int64_t type, uint16_t *scales, char *block) {
    // Compared as integers, infinities and NaN are larger than numbers.
    vf largest = x[0];
    for (int i = 1; i < BLOCK; i++) {
        largest = v_select((vi)v_abs(x[i]) > (vi)v_abs(largest), x[i], largest);
    }
    vf limit = v_set(type == DTYPE_F8 ? F8_LIMIT : 127);
    vf scale = type == DTYPE_Q4 ? q4_scale(x, largest) : nearest_f16(v_abs(largest) / limit);
    v_store_f16(scales, scale);
    vf inverse = inverse_of(scale);
    vu q[BLOCK];
    for (int i = 0; i < BLOCK; i++) {
        q[i] = encoded(type, x[i] * inverse);
    }
    for (int line = 0; line < block_lines(type); line++) {
        vu word = {0};
        for (int i = 0; i < 4; i++) {
            vu byte = q[line * 4 + i];
            if (type == DTYPE_Q4) {
                byte |= q[BLOCK / 2 + line * 4 + i] << 4;
            }
            word |= byte << (8 * i);
        }
        v_store(block + line * PANEL_LINE, (vf)word);
    }
}

void block_pack(
    const char *const *rows, int64_t count, int64_t sourceType, int64_t k, int64_t type,
    char *panel) {
    for (int64_t g = 0; g * GROUP < k; g++, panel += block_group_bytes(type)) {
        for (int64_t b = 0; b < GROUP_BLOCKS; b++) {
            char *block = panel + (1 + b * block_lines(type)) * PANEL_LINE;
            for (int64_t lane = 0; lane < PANEL; lane += VL) {
                vf x[BLOCK];
                for (int64_t i = 0; i < BLOCK; i += VL) {
                    int64_t at = g * GROUP + b * BLOCK + i;
                    for (int64_t r = 0; r < VL; r++) {
                        x[i + r] = lane + r < count
                            ? widened(rows[lane + r], sourceType, at, k - at)
                            : v_zero();
                    }
                    v_transpose(x + i);
                }
                uint16_t *scales = (uint16_t *)panel + b * PANEL + lane;
                pack_block(x, type, scales, block + lane * 4);
            }
        }
    }
}

void block_gather(const char *table, int64_t type, int64_t row, int64_t cols, float *out) {
    const char *panel = table + row / PANEL * block_panel_bytes(type, cols);
    int64_t lane = row % PANEL;
    for (int64_t k = 0; k < cols; k++) {
        const char *group = panel + k / GROUP * block_group_bytes(type);
        int64_t b = k / BLOCK % GROUP_BLOCKS, i = k % BLOCK;
        const char *block = group + (1 + b * block_lines(type)) * PANEL_LINE + lane * 4 + k % 4;
        const uint16_t *scale = (const uint16_t *)group + b * PANEL + lane;
        uint8_t byte = (uint8_t)block[i / 4 % block_lines(type) * PANEL_LINE];
        float x = type == DTYPE_F8 ? from_e4m3(byte)
            : type == DTYPE_Q8     ? (float)(byte - Q8_OFFSET)
                                   : (float)((byte >> (i / 16 * 4) & 15) - Q4_OFFSET);
        out[k] = v_load_f16_part(scale, 1)[0] * x;
    }
}
