package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.KvPanels;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

/** Rows of a Q8 cache; {@link KvPanels} says how they are rounded and where they lie. */
final class CacheBlocks {
    private static final long SCALE_BYTES = 2;
    private static final long BLOCK_BYTES = DType.Q8.byteSize(DType.BLOCK_ELEMENTS);
    private static final float LIMIT = 127;

    static void store(long from, long n, long to) {
        for (long first = 0; first < n; first += DType.BLOCK_ELEMENTS, to += BLOCK_BYTES) {
            long count = Math.min(DType.BLOCK_ELEMENTS, n - first);
            float largest = 0;
            for (long i = 0; i < count; i++) {
                largest = Math.max(largest, Math.abs(Memory.f32(from + (first + i) * 4)));
            }
            short bits = Conversions.floatToF16(largest / LIMIT);
            float scale = Conversions.f16ToFloat(bits);
            float inverse = scale == 0 ? 0 : 1 / scale;
            Memory.i16(to, bits);
            for (long i = 0; i < DType.BLOCK_ELEMENTS; i++) {
                float x = i < count ? Memory.f32(from + (first + i) * 4) * inverse : 0;
                Memory.i8(to + SCALE_BYTES + i, (byte) Math.clamp(Math.rint(x), -LIMIT, LIMIT));
            }
        }
    }

    /** Element i of the row at an address. */
    static float element(long row, long i) {
        long block = row + i / DType.BLOCK_ELEMENTS * BLOCK_BYTES;
        byte q = Memory.i8(block + SCALE_BYTES + i % DType.BLOCK_ELEMENTS);
        return Conversions.f16ToFloat(Memory.i16(block)) * q;
    }

    private CacheBlocks() {}
}
