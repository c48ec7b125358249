package dev.ocellus.device;

import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;
import dev.ocellus.tensor.Tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Brings parts of weights into the forms that kernels read, on the calling thread. Stored bytes are
 * copied through buffers, so that kernels never touch a mapped file (which somebody may cut short),
 * and the file's pages are given back. The buffers hold one part: callers bound its size by {@link
 * #panelsAtOnce} and {@link #rowsAtOnce}.
 *
 * <p>For one thread at a time.
 */
final class PanelPacker implements AutoCloseable {
    /** Bytes of a part: few enough to stay in a core's cache between reading and packing. */
    private static final long PART_BYTES = 1 << 20;

    private final KernelProvider provider;
    private final Arena arena = Arena.ofShared();
    private MemorySegment stored = MemorySegment.NULL;
    private MemorySegment rows = MemorySegment.NULL;

    PanelPacker(KernelProvider provider) {
        this.provider = provider;
    }

    /** How many panels of a weight make a part. */
    static long panelsAtOnce(Weight weight) {
        return Math.max(1, rowsAtOnce(weight) / Panels.ROWS);
    }

    /** How many rows of a weight make a part. */
    static long rowsAtOnce(Weight weight) {
        return Math.max(1, PART_BYTES / Math.max(1, weight.dtype().byteSize(weight.cols())));
    }

    /**
     * Packs panels [first, first + count) of a weight into the places {@code toPanel, toPanel +
     * stride, ...} of a packed matrix.
     */
    void panels(
            Weight weight,
            long first,
            long count,
            DType type,
            MemorySegment to,
            long toPanel,
            long stride) {
        long firstRow = first * Panels.ROWS;
        long n = Math.min(count * Panels.ROWS, weight.rows() - firstRow);
        rows = room(rows, type.byteSize(n * weight.cols()));
        rows(weight.rows(firstRow, n), type, rows);
        run(
                new KernelCall.PackPanels(
                        rows.address(), type, to.address(), toPanel, stride, n, 0, weight.cols()));
    }

    /** Copies the rows of a weight in order, converted to {@code type}. */
    void rows(Weight weight, DType type, MemorySegment to) {
        long at = 0;
        for (Weight.Slice s : weight.slices()) {
            long elements = s.rows() * weight.cols();
            MemorySegment part = to.asSlice(type.byteSize(at), type.byteSize(elements));
            elements(s.tensor(), s.firstRow() * weight.cols(), elements, type, part);
            at += elements;
        }
    }

    private void elements(StoredTensor t, long first, long count, DType type, MemorySegment to) {
        long offset = t.dtype().byteSize(first);
        long bytes = t.dtype().byteSize(count);
        if (t.dtype() == type) {
            t.copyTo(offset, to);
        } else {
            stored = room(stored, bytes);
            t.copyTo(offset, stored.asSlice(0, bytes));
            widen(t.dtype(), count, to);
        }
        t.releasePages(offset, bytes);
    }

    /** Converts the stored elements to float32. */
    private void widen(DType from, long count, MemorySegment to) {
        if (from == DType.F16 || from == DType.BF16) {
            // A look-up of the one row of a table.
            try (Arena temporary = Arena.ofConfined()) {
                MemorySegment id = temporary.allocate(ValueLayout.JAVA_INT);
                run(
                        new KernelCall.Gather(
                                stored.address(),
                                from,
                                0,
                                1,
                                id.address(),
                                to.address(),
                                count,
                                1,
                                0,
                                count));
            }
            return;
        }
        Tensor values = Tensor.of(from, Shape.of(count), stored);
        for (long i = 0; i < count; i++) {
            to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, i * 4, (float) values.getDouble(i));
        }
    }

    private void run(KernelCall call) {
        try (Arena temporary = Arena.ofConfined()) {
            for (Launch l : provider.bind(call, 0, temporary)) {
                l.run(0, l.units());
            }
        }
    }

    private MemorySegment room(MemorySegment buffer, long bytes) {
        return buffer.byteSize() >= bytes ? buffer : arena.allocate(bytes, Panels.ALIGNMENT);
    }

    @Override
    public void close() {
        arena.close();
    }
}
