package dev.ocellus.tensor;

import java.util.Locale;

/**
 * Element types. Every type of the safetensors format is here; kernels compute on {@link #F32},
 * {@link #F16} and {@link #BF16} (as weights) and {@link #I32}, {@link #I64} (as indices).
 */
public enum DType {
    F64(64),
    F32(32),
    F16(16),
    BF16(16),
    F8_E4M3(8),
    F8_E5M2(8),
    I64(64),
    I32(32),
    I16(16),
    I8(8),
    U64(64),
    U32(32),
    U16(16),
    U8(8),
    BOOL(8);

    private final int bits;

    DType(int bits) {
        this.bits = bits;
    }

    public int byteSize() {
        return bits / 8;
    }

    /** Bytes that {@code elements} elements take. */
    public long byteSize(long elements) {
        return Math.multiplyExact(elements, (long) byteSize());
    }

    public boolean isFloat() {
        return ordinal() <= F8_E5M2.ordinal();
    }

    public String lowerName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
