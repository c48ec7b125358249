// Loops that reach what the machine can do: reading memory in one stream, and each kind of multiply
// and add on registers. One unit is one pass over the data or ROUNDS rounds of CHAINS independent
// chains, enough to hide the latency of any of the instructions.
#include "ocellus.h"
#include "simd.h"

enum { CHAINS = VL == 8 ? 10 : 16, ROUNDS = 10000, READ_LINE = 256 };

// Makes the compiler believe that the variable changes.
#if defined(__aarch64__)
#define OPAQUE(v) __asm__ volatile("" : "+w"(v))
#else
#define OPAQUE(v) __asm__ volatile("" : "+v"(v))
#endif

UNITS(ReadCeiling, Ceiling) {
    (void)a;
    return INT64_MAX;
}

KERNEL(ReadCeiling, Ceiling) {
    vu s[4] = {{0}};
    for (int64_t u = begin; u < end; u++) {
        for (int64_t i = 0; i + READ_LINE <= a->bytes; i += READ_LINE) {
            UNROLL
            for (int j = 0; j < READ_LINE / (VL * 4); j++) {
                s[j % 4] ^= (vu)v_load(a->data + i + j * VL * 4);
            }
        }
    }
    vu all = s[0] ^ s[1] ^ s[2] ^ s[3];
    *a->work += (double)(end - begin) * (double)(a->bytes / READ_LINE * READ_LINE);
    *a->sink = all[0];
}

UNITS(F32Ceiling, Ceiling) {
    (void)a;
    return INT64_MAX;
}

KERNEL(F32Ceiling, Ceiling) {
    vf s[CHAINS], x = v_set(0.999f), y = v_set(1e-3f);
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        s[i] = v_set((float)i);
    }
    for (int64_t r = 0; r < (end - begin) * ROUNDS; r++) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = v_fma(s[i], x, y);
        }
        OPAQUE(x);
    }
    vf all = v_zero();
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        all += s[i];
    }
    *a->work += (double)(end - begin) * ROUNDS * CHAINS * VL * 2;
    *a->sink = v_sum(all);
}

#if defined(__AVX512BF16__)

UNITS(Bf16Ceiling, Ceiling) {
    (void)a;
    return INT64_MAX;
}

KERNEL(Bf16Ceiling, Ceiling) {
    __m512i x = _mm512_set1_epi16(0x3f00), y = _mm512_set1_epi16(0x3c00);
    vf s[CHAINS];
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        s[i] = v_set((float)i);
    }
    for (int64_t r = 0; r < (end - begin) * ROUNDS; r++) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = _mm512_dpbf16_ps(s[i], (__m512bh)x, (__m512bh)y);
        }
        OPAQUE(x);
    }
    vf all = v_zero();
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        all += s[i];
    }
    *a->work += (double)(end - begin) * ROUNDS * CHAINS * VL * 4;
    *a->sink = v_sum(all);
}

UNITS(Int8Ceiling, Ceiling) {
    (void)a;
    return INT64_MAX;
}

KERNEL(Int8Ceiling, Ceiling) {
    __m512i x = _mm512_set1_epi8(3), y = _mm512_set1_epi8(5), s[CHAINS];
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        s[i] = _mm512_set1_epi32(i);
    }
    for (int64_t r = 0; r < (end - begin) * ROUNDS; r++) {
        UNROLL
        for (int i = 0; i < CHAINS; i++) {
            s[i] = _mm512_dpbusd_epi32(s[i], x, y);
        }
        OPAQUE(x);
    }
    __m512i all = _mm512_setzero_si512();
    UNROLL
    for (int i = 0; i < CHAINS; i++) {
        all = _mm512_add_epi32(all, s[i]);
    }
    *a->work += (double)(end - begin) * ROUNDS * CHAINS * VL * 8;
    *a->sink = _mm512_reduce_add_epi32(all);
}

#endif
