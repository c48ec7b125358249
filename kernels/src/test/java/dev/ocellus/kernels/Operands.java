package dev.ocellus.kernels;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.ocellus.kernels.cuda.CudaProvider;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * The operands of a test, each in guarded pages of its own. All bytes start as 0xff, which as a
 * float32 is a NaN: what lies between rows poisons a result that reads it, and outputs that are not
 * written show.
 */
final class Operands implements AutoCloseable {
    static final int POISON = -1;

    private final Placement placement;

    /** That must know where operands lie; null if the operands are for the processor. */
    private final CudaProvider cuda;

    private final List<Region> regions = new ArrayList<>();
    private final Map<Region, byte[]> frozen = new HashMap<>();

    /** The operand is the bytes [begin, end) of the pages. */
    private record Region(GuardedMemory memory, long begin, long end) {
        byte[] toArray() {
            return memory.pages().toArray(JAVA_BYTE);
        }

        void verifySurroundings(String what) {
            MemorySegment pages = memory.pages();
            long size = pages.byteSize();
            if (!isPoison(pages.asSlice(0, begin)) || !isPoison(pages.asSlice(end, size - end))) {
                throw new AssertionError(what + ": wrote outside an operand");
            }
        }

        private static boolean isPoison(MemorySegment bytes) {
            for (long i = 0; i < bytes.byteSize(); i++) {
                if (bytes.get(JAVA_BYTE, i) != POISON) {
                    return false;
                }
            }
            return true;
        }
    }

    /** Operands for a provider; skips the calling test if its GPU is missing. */
    Operands(KernelProvider provider, Placement placement) {
        this.placement = placement;
        cuda = provider instanceof CudaProvider c ? c : null;
        if (cuda != null) {
            cuda.require();
        }
    }

    Operands(OperationCheck.Setting setting) {
        this(setting.provider(), setting.placement());
    }

    Layout layout() {
        return cuda == null ? Layout.PANELS : Layout.ROWS;
    }

    MemorySegment bytes(long size, long alignment) {
        long shift = placement == Placement.MISALIGNED ? alignment : 0;
        GuardedMemory memory = GuardedMemory.allocate(size + shift);
        MemorySegment pages = memory.pages();
        pages.fill((byte) POISON);
        if (cuda != null) {
            cuda.register(pages);
        }
        long begin =
                placement == Placement.ENDS_AT_GUARD
                        ? (pages.byteSize() - size) / alignment * alignment
                        : shift;
        regions.add(new Region(memory, begin, begin + size));
        unwritten(pages.asSlice(0, begin));
        unwritten(pages.asSlice(begin + size));
        return pages.asSlice(begin, size);
    }

    /** Memory that a call has to write before it reads it. */
    MemorySegment unwrittenBytes(long size, long alignment) {
        MemorySegment bytes = bytes(size, alignment);
        unwritten(bytes);
        return bytes;
    }

    private void unwritten(MemorySegment bytes) {
        if (cuda != null) {
            cuda.unwritten(bytes);
        }
    }

    /** A poisoned matrix. What lies between its rows is nobody's. */
    Matrix matrix(long rows, long cols, long ld) {
        Matrix m = new Matrix(bytes(Matrix.bytes(rows, cols, ld), 4), rows, cols, ld);
        for (long r = 0; r < rows - 1 && ld > cols; r++) {
            unwritten(m.segment().asSlice(4 * (r * ld + cols), 4 * (ld - cols)));
        }
        return m;
    }

    /** A matrix that a call has to write before it reads it. */
    Matrix unwritten(long rows, long cols, long ld) {
        Matrix m = matrix(rows, cols, ld);
        unwritten(m.segment());
        return m;
    }

    /** Normally distributed values with a random distance between the rows. */
    Matrix random(long rows, long cols, RandomGenerator random) {
        Matrix m = matrix(rows, cols, cols + random.nextInt(4));
        fill(m, random);
        return m;
    }

    /** Normally distributed values without gaps. */
    Matrix dense(long rows, long cols, RandomGenerator random) {
        Matrix m = matrix(rows, cols, cols);
        fill(m, random);
        return m;
    }

    private static void fill(Matrix m, RandomGenerator random) {
        for (long r = 0; r < m.rows(); r++) {
            for (long c = 0; c < m.cols(); c++) {
                m.set(r, c, (float) random.nextGaussian());
            }
        }
    }

    /** A random matrix, or null for an operand that is left out. */
    Matrix optional(boolean present, long rows, long cols, RandomGenerator random) {
        return present ? random(rows, cols, random) : null;
    }

    MemorySegment ints(int... values) {
        MemorySegment s = bytes(values.length * 4L, 4);
        for (int i = 0; i < values.length; i++) {
            s.set(JAVA_INT_UNALIGNED, i * 4L, values[i]);
        }
        return s;
    }

    MemorySegment longs(long... values) {
        MemorySegment s = bytes(values.length * 8L, 8);
        for (int i = 0; i < values.length; i++) {
            s.set(JAVA_LONG_UNALIGNED, i * 8L, values[i]);
        }
        return s;
    }

    /** Remembers what all operands made so far hold. */
    void freeze() {
        for (Region region : regions) {
            frozen.put(region, region.toArray());
        }
    }

    /** Remembers what all operands made so far hold, but one that is to be written. */
    void freezeAllBut(MemorySegment output) {
        freeze();
        frozen.keySet().removeIf(r -> r.memory().pages().address() + r.begin() == output.address());
    }

    /** Fails if an operand that was frozen has changed, or memory around any operand. */
    void verify(String what) {
        frozen.forEach(
                (region, bytes) -> {
                    if (!Arrays.equals(region.toArray(), bytes)) {
                        throw new AssertionError(what + ": an input changed");
                    }
                });
        regions.forEach(region -> region.verifySurroundings(what));
    }

    @Override
    public void close() {
        for (Region region : regions) {
            if (cuda != null) {
                cuda.unregister(region.memory().pages());
            }
            region.memory().close();
        }
    }

    /**
     * Writes {@code value} rounded to {@code type} at a byte offset; returns what is there then.
     */
    static float store(MemorySegment to, long offset, DType type, float value) {
        switch (type) {
            case F32 -> to.set(JAVA_INT_UNALIGNED, offset, Float.floatToRawIntBits(value));
            case F16 -> to.set(JAVA_SHORT_UNALIGNED, offset, Conversions.floatToF16(value));
            case BF16 -> to.set(JAVA_SHORT_UNALIGNED, offset, Conversions.floatToBf16(value));
            default -> throw new IllegalArgumentException(type.toString());
        }
        return rounded(type, value);
    }

    static float rounded(DType type, float value) {
        return switch (type) {
            case F32 -> value;
            case F16 -> Conversions.f16ToFloat(Conversions.floatToF16(value));
            case BF16 -> Conversions.bf16ToFloat(Conversions.floatToBf16(value));
            default -> throw new IllegalArgumentException(type.toString());
        };
    }

    static long address(Matrix optional) {
        return optional == null ? 0 : optional.address();
    }

    static long address(Matrix optional, long row) {
        return optional == null ? 0 : optional.address(row);
    }

    static long ld(Matrix optional) {
        return optional == null ? 0 : optional.ld();
    }
}
