// What the PTX operations that the kernels use do: asynchronous copies, ldmatrix, mma.sync.
#pragma once

namespace softgpu::ptx {

template <class D> struct Mma {
    D *d;
    const uint32_t *a, *b;
};

inline float bf16_of(uint32_t word, int half) {
    return bits_as<float>(half ? word & 0xffff0000u : word << 16);
}
inline float f16_of(uint32_t word, int half) {
    return __half2float(bits_as<__half>(static_cast<uint16_t>(word >> 16 * half)));
}
inline int s8_of(uint32_t word, int quarter) { return static_cast<int8_t>(word >> 8 * quarter); }

// d += a b over a warp: a 16 x K row-major, b K x 8 column-major, N elements in a word and K = 8 N.
// As the PTX ISA draws the fragments of mma.m16n8k16 and mma.m16n8k32, lane 4 g + t holds of a the
// rows g and g + 8, of b the column g, of d the columns 2 t and 2 t + 1.
template <class D, int N, auto ELEMENT> void mma(uint32_t lanes, void *const *argument) {
    if (lanes != 0xffffffffu) {
        fail("mma.sync without the whole warp");
    }
    constexpr int K = 8 * N;
    D a[16][K], b[K][8], d[16][8];
    for (int lane = 0; lane < 32; lane++) {
        const auto &x = *static_cast<Mma<D> *>(argument[lane]);
        const int g = lane >> 2, t = lane & 3;
        for (int i = 0; i < N; i++) {
            a[g][t * N + i] = ELEMENT(x.a[0], i);
            a[g + 8][t * N + i] = ELEMENT(x.a[1], i);
            a[g][K / 2 + t * N + i] = ELEMENT(x.a[2], i);
            a[g + 8][K / 2 + t * N + i] = ELEMENT(x.a[3], i);
            b[t * N + i][g] = ELEMENT(x.b[0], i);
            b[K / 2 + t * N + i][g] = ELEMENT(x.b[1], i);
        }
        for (int i = 0; i < 2; i++) {
            d[g][2 * t + i] = x.d[i];
            d[g + 8][2 * t + i] = x.d[2 + i];
        }
    }
    for (int i = 0; i < 16; i++) {
        for (int k = 0; k < K; k++) {
            for (int j = 0; j < 8; j++) {
                d[i][j] += a[i][k] * b[k][j];
            }
        }
    }
    for (int lane = 0; lane < 32; lane++) {
        const auto &x = *static_cast<Mma<D> *>(argument[lane]);
        const int g = lane >> 2, t = lane & 3;
        for (int i = 0; i < 2; i++) {
            x.d[i] = d[g][2 * t + i];
            x.d[2 + i] = d[g + 8][2 * t + i];
        }
    }
}

inline void mma_bf16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    const uint32_t b[2] = {b0, b1};
    Mma<float> x{d, a, b};
    softgpu_warp(~0u, mma<float, 2, bf16_of>, &x);
}
inline void mma_f16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    const uint32_t b[2] = {b0, b1};
    Mma<float> x{d, a, b};
    softgpu_warp(~0u, mma<float, 2, f16_of>, &x);
}
inline void mma_s8(int (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
    const uint32_t b[2] = {b0, b1};
    Mma<int> x{d, a, b};
    softgpu_warp(~0u, mma<int, 4, s8_of>, &x);
}

struct LdMatrix {
    const void *row;
    uint32_t *r;
};

template <int N, bool TRANSPOSE> void load_matrices(uint32_t lanes, void *const *argument) {
    if (lanes != 0xffffffffu) {
        fail("ldmatrix without the whole warp");
    }
    for (int i = 0; i < N; i++) {
        uint16_t m[8][8];
        for (int r = 0; r < 8; r++) {
            const void *row = static_cast<LdMatrix *>(argument[i * 8 + r])->row;
            if (reinterpret_cast<uintptr_t>(row) & 15) {
                fail("ldmatrix of a row that is not 16-byte aligned");
            }
            std::memcpy(m[r], row, 16);
        }
        for (int lane = 0; lane < 32; lane++) {
            const int a = lane >> 2, b = (lane & 3) * 2;
            const uint32_t low = TRANSPOSE ? m[b][a] : m[a][b];
            const uint32_t high = TRANSPOSE ? m[b + 1][a] : m[a][b + 1];
            static_cast<LdMatrix *>(argument[lane])->r[i] = high << 16 | low;
        }
    }
}

// N 8 x 8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8.
template <bool TRANSPOSE, int N> inline void ldmatrix(uint32_t (&r)[N], const void *row) {
    LdMatrix x{row, r};
    softgpu_warp(~0u, load_matrices<N, TRANSPOSE>, &x);
}

// Begins to copy 16 bytes to shared memory, or 16 zeros where `valid` is not set.
inline void cp_async16(void *shared, const void *global, bool valid) {
    if ((reinterpret_cast<uintptr_t>(shared) | reinterpret_cast<uintptr_t>(global)) & 15) {
        fail("cp.async of an address that is not 16-byte aligned");
    }
    softgpu_cp_async(shared, global, valid ? 16 : 0, valid ? 0 : 16);
}

// griddepcontrol.wait
inline void grid_wait() { softgpu_cur->waited = true; }

}  // namespace softgpu::ptx
