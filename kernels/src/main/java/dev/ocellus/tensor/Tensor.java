package dev.ocellus.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * An array of elements in memory, or a view of one: type, shape, strides, and the segment whose
 * first byte is the first byte of element (0, ..., 0). Elements are little-endian and may lie at
 * any alignment; strides count elements and are not negative.
 *
 * <p>A tensor owns nothing: its memory lives as long as the segment's arena, and every access after
 * that arena is closed throws {@link IllegalStateException}. The object itself is immutable and can
 * be shared by threads; who may touch the elements when is a matter of the segment's arena and of
 * the users' own synchronisation.
 */
public final class Tensor {
    private static final ValueLayout.OfShort I16 = littleEndian(ValueLayout.JAVA_SHORT_UNALIGNED);
    private static final ValueLayout.OfInt I32 = littleEndian(ValueLayout.JAVA_INT_UNALIGNED);
    private static final ValueLayout.OfLong I64 = littleEndian(ValueLayout.JAVA_LONG_UNALIGNED);

    private final DType dtype;
    private final Shape shape;
    private final long[] strides;
    private final MemorySegment segment;

    private Tensor(DType dtype, Shape shape, long[] strides, MemorySegment segment) {
        this.dtype = dtype;
        this.shape = shape;
        this.strides = strides;
        this.segment = segment;
    }

    /**
     * A tensor in row-major order at the start of {@code segment}, which may be larger.
     *
     * @throws IllegalArgumentException if the segment is too small
     */
    public static Tensor of(DType dtype, Shape shape, MemorySegment segment) {
        long bytes = dtype.byteSize(shape.elements());
        if (segment.byteSize() < bytes) {
            throw new IllegalArgumentException(
                    "a tensor %s %s takes %d bytes, the segment has %d"
                            .formatted(dtype, shape, bytes, segment.byteSize()));
        }
        return new Tensor(dtype, shape, rowMajor(shape), segment.asSlice(0, bytes));
    }

    /** A tensor of zeros in memory of {@code arena}, at a 64-byte boundary. */
    public static Tensor allocate(DType dtype, Shape shape, Arena arena) {
        return of(dtype, shape, arena.allocate(dtype.byteSize(shape.elements()), 64));
    }

    public DType dtype() {
        return dtype;
    }

    public Shape shape() {
        return shape;
    }

    /** Distance in elements between neighbours along {@code axis}. */
    public long stride(int axis) {
        return strides[axis];
    }

    /** The memory from the first element on; for a view it ends where the viewed tensor ends. */
    public MemorySegment segment() {
        return segment;
    }

    /** Whether the elements follow one another in row-major order without gaps. */
    public boolean isContiguous() {
        long expected = 1;
        for (int axis = shape.rank() - 1; axis >= 0; axis--) {
            if (shape.dim(axis) != 1 && strides[axis] != expected) {
                return shape.elements() == 0;
            }
            expected *= shape.dim(axis);
        }
        return true;
    }

    /**
     * A view of the indices {@code from} to {@code to} (exclusive) along {@code axis}.
     *
     * @throws IndexOutOfBoundsException if they are not within the dimension
     */
    public Tensor slice(int axis, long from, long to) {
        Objects.checkFromToIndex(from, to, shape.dim(axis));
        long[] dims = shape.toArray();
        dims[axis] = to - from;
        Shape sliced = Shape.of(dims);
        // An empty view may start past the last element: it gets no memory at all.
        long offset = sliced.elements() == 0 ? 0 : dtype.byteSize(from * strides[axis]);
        return new Tensor(dtype, sliced, strides, segment.asSlice(offset));
    }

    /**
     * A view with the axes in another order: axis i of the result is axis {@code order[i]} of this.
     */
    public Tensor permute(int... order) {
        int[] sorted = order.clone();
        Arrays.sort(sorted);
        if (!Arrays.equals(sorted, IntStream.range(0, shape.rank()).toArray())) {
            throw new IllegalArgumentException(
                    Arrays.toString(order) + " is not an order of the axes of " + shape);
        }
        long[] dims = IntStream.of(order).mapToLong(shape::dim).toArray();
        long[] moved = IntStream.of(order).mapToLong(axis -> strides[axis]).toArray();
        return new Tensor(dtype, Shape.of(dims), moved, segment);
    }

    /** A view with two axes exchanged. */
    public Tensor transpose(int axis, int other) {
        int[] order = IntStream.range(0, shape.rank()).toArray();
        order[axis] = other;
        order[other] = axis;
        return permute(order);
    }

    /**
     * A view of the same elements with another shape.
     *
     * @throws IllegalArgumentException if the element counts differ or this is not contiguous
     */
    public Tensor reshape(long... dims) {
        Shape other = Shape.of(dims);
        if (other.elements() != shape.elements()) {
            throw new IllegalArgumentException(
                    "cannot reshape " + shape + " to " + other + ": other number of elements");
        }
        if (!isContiguous()) {
            throw new IllegalArgumentException(
                    "cannot reshape "
                            + shape
                            + " with strides "
                            + Arrays.toString(strides)
                            + " without a copy");
        }
        return new Tensor(dtype, other, rowMajor(other), segment);
    }

    /**
     * An element as a double, exactly, except that 64-bit integers may be rounded; booleans are 0
     * or 1. For inspection and tests, not for loops over many elements.
     *
     * @throws IndexOutOfBoundsException if an index is not below its dimension
     * @throws IllegalArgumentException if the number of indices is not the rank
     */
    public double getDouble(long... index) {
        long at = offset(index);
        return switch (dtype) {
            case F64 -> Double.longBitsToDouble(segment.get(I64, at));
            case F32 -> Float.intBitsToFloat(segment.get(I32, at));
            case F16 -> Conversions.f16ToFloat(segment.get(I16, at));
            case BF16 -> Conversions.bf16ToFloat(segment.get(I16, at));
            case F8_E4M3 -> Conversions.f8e4m3ToFloat(segment.get(ValueLayout.JAVA_BYTE, at));
            case F8_E5M2 -> Conversions.f8e5m2ToFloat(segment.get(ValueLayout.JAVA_BYTE, at));
            case U64 -> unsigned(segment.get(I64, at));
            case I64, I32, I16, I8, U32, U16, U8, BOOL -> integer(at);
            case Q8, Q4, F8 -> throw new AssertionError(dtype);
        };
    }

    /**
     * An element of an integer or boolean type; unsigned 64-bit values keep their bits.
     *
     * @throws IllegalStateException if the element type is a float type
     */
    public long getLong(long... index) {
        if (dtype.isFloat()) {
            throw new IllegalStateException("not an integer tensor: " + this);
        }
        return integer(offset(index));
    }

    private long integer(long at) {
        return switch (dtype) {
            case I64, U64 -> segment.get(I64, at);
            case I32 -> segment.get(I32, at);
            case U32 -> Integer.toUnsignedLong(segment.get(I32, at));
            case I16 -> segment.get(I16, at);
            case U16 -> Short.toUnsignedLong(segment.get(I16, at));
            case I8 -> segment.get(ValueLayout.JAVA_BYTE, at);
            case U8 -> Byte.toUnsignedLong(segment.get(ValueLayout.JAVA_BYTE, at));
            case BOOL -> segment.get(ValueLayout.JAVA_BYTE, at) != 0 ? 1 : 0;
            default -> throw new AssertionError(dtype);
        };
    }

    private static double unsigned(long bits) {
        // Halving keeps the lost bit, so that the rounding stays right.
        return bits >= 0 ? bits : 2.0 * (bits >>> 1 | bits & 1);
    }

    private long offset(long... index) {
        if (index.length != shape.rank()) {
            throw new IllegalArgumentException(
                    index.length + " indices for a tensor of shape " + shape);
        }
        long element = 0;
        for (int axis = 0; axis < index.length; axis++) {
            element += Objects.checkIndex(index[axis], shape.dim(axis)) * strides[axis];
        }
        return element * dtype.byteSize();
    }

    private static long[] rowMajor(Shape shape) {
        long[] strides = new long[shape.rank()];
        long next = 1;
        for (int axis = strides.length - 1; axis >= 0; axis--) {
            strides[axis] = next;
            next *= shape.dim(axis);
        }
        return strides;
    }

    @SuppressWarnings("unchecked")
    private static <L extends ValueLayout> L littleEndian(L layout) {
        return (L) layout.withOrder(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public String toString() {
        return dtype.lowerName() + shape;
    }
}
