package dev.ocellus.kernels.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;

/**
 * Loads and stores at absolute addresses. One segment over the whole address space keeps type
 * profiles clean and bounds checks out of loops, provided that loops count in {@code long}.
 */
public final class Memory {
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    public static float f32(long address) {
        return ALL.get(JAVA_FLOAT_UNALIGNED, address);
    }

    public static void f32(long address, float value) {
        ALL.set(JAVA_FLOAT_UNALIGNED, address, value);
    }

    public static int i32(long address) {
        return ALL.get(JAVA_INT_UNALIGNED, address);
    }

    public static void i32(long address, int value) {
        ALL.set(JAVA_INT_UNALIGNED, address, value);
    }

    public static long i64(long address) {
        return ALL.get(JAVA_LONG_UNALIGNED, address);
    }

    /** An unsigned byte. */
    static int u8(long address) {
        return ALL.get(JAVA_BYTE, address) & 0xff;
    }

    static void u8(long address, int value) {
        ALL.set(JAVA_BYTE, address, (byte) value);
    }

    public static short i16(long address) {
        return ALL.get(JAVA_SHORT_UNALIGNED, address);
    }

    public static void i16(long address, short value) {
        ALL.set(JAVA_SHORT_UNALIGNED, address, value);
    }

    static byte i8(long address) {
        return ALL.get(JAVA_BYTE, address);
    }

    /** Stores the low eight bits. */
    static void i8(long address, int value) {
        ALL.set(JAVA_BYTE, address, (byte) value);
    }

    /** Element of a weight or cache as float32; {@code type} is F32, F16 or BF16. */
    public static float widened(DType type, long address) {
        return switch (type) {
            case F32 -> f32(address);
            case F16 -> Conversions.f16ToFloat(i16(address));
            case BF16 -> Conversions.bf16ToFloat(i16(address));
            default -> throw unsupported(type);
        };
    }

    /** Stores {@code value} rounded to {@code type}, which is F32, F16 or BF16. */
    public static void narrowed(DType type, long address, float value) {
        switch (type) {
            case F32 -> f32(address, value);
            case F16 -> i16(address, Conversions.floatToF16(value));
            case BF16 -> i16(address, Conversions.floatToBf16(value));
            default -> throw unsupported(type);
        }
    }

    public static void copy(long from, long to, long bytes) {
        MemorySegment.copy(ALL, from, ALL, to, bytes);
    }

    /** Writes zeros to {@code bytes} bytes, a multiple of four. */
    public static void clear(long address, long bytes) {
        for (long i = 0; i < bytes; i += 4) {
            i32(address + i, 0);
        }
    }

    /** The number of rows that counts now. */
    public static long rows(KernelCall call) {
        if (call.rowCount() == 0) {
            return call.rows();
        }
        long count = i64(call.rowCount());
        if (count < 0 || count > call.rows()) {
            throw new IllegalStateException(
                    call.getClass().getSimpleName()
                            + ": run-time row count "
                            + count
                            + " is outside the capacity 0 to "
                            + call.rows());
        }
        return count;
    }

    private static IllegalArgumentException unsupported(DType type) {
        return new IllegalArgumentException("kernels compute on F32, F16 and BF16, not " + type);
    }

    private Memory() {}
}
