package dev.ocellus.tensor;

import java.util.Locale;

/**
 * Element types. Every type of the safetensors format is here; kernels compute on {@link #F32},
 * {@link #F16} and {@link #BF16} (as weights) and {@link #I32}, {@link #I64} (as indices).
 *
 * <p>The block types {@link #Q8}, {@link #Q4} and {@link #F8} are for weights only and no types of
 * that format: {@value #BLOCK_ELEMENTS} integers of 8 or 4 bits, or numbers of {@link #F8_E4M3},
 * share a float16 scale. Their elements have no addresses of their own.
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
    BOOL(8),
    Q8(8),
    Q4(4),
    F8(8);

    /** Elements of a block of {@link #Q8}, {@link #Q4} or {@link #F8}. */
    public static final int BLOCK_ELEMENTS = 32;

    private static final int BLOCK_SCALE_BYTES = 2;

    private final int bits;

    DType(int bits) {
        this.bits = bits;
    }

    /** Whether elements come in blocks that share a scale. */
    public boolean isBlock() {
        return this == Q8 || this == Q4 || this == F8;
    }

    /**
     * Bytes of an element.
     *
     * @throws UnsupportedOperationException for a block type
     */
    public int byteSize() {
        if (isBlock()) {
            throw new UnsupportedOperationException(
                    "elements of " + lowerName() + " have no size of their own, only blocks have");
        }
        return bits / 8;
    }

    /** Bytes that {@code elements} elements take; those of a block type are whole blocks. */
    public long byteSize(long elements) {
        if (isBlock()) {
            long blocks = Math.ceilDiv(elements, (long) BLOCK_ELEMENTS);
            return Math.multiplyExact(blocks, BLOCK_ELEMENTS * bits / 8 + BLOCK_SCALE_BYTES);
        }
        return Math.multiplyExact(elements, (long) byteSize());
    }

    public boolean isFloat() {
        return ordinal() <= F8_E5M2.ordinal() || isBlock();
    }

    public String lowerName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
