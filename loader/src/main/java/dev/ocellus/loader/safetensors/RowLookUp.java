package dev.ocellus.loader.safetensors;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Rows of matrices as float32, whatever they are packed as, on the calling thread. */
public final class RowLookUp {
    private RowLookUp() {}

    /**
     * Rows [first, first + rows) of a packed matrix in memory.
     *
     * @param panels from the matrix's first panel on
     * @param to float32 [rows, cols]
     */
    public static void packed(
            KernelProvider provider,
            MemorySegment panels,
            DType type,
            long first,
            long rows,
            long cols,
            MemorySegment to) {
        run(provider, panels, type, 1, first, rows, cols, to);
    }

    /** {@code count} elements of F32, F16 or BF16 in order. */
    public static void plain(
            KernelProvider provider,
            MemorySegment elements,
            DType type,
            long count,
            MemorySegment to) {
        run(provider, elements, type, 0, 0, 1, count, to);
    }

    /**
     * {@code count} elements of a stored packed matrix in row-major order, from {@code first} on.
     */
    public static void stored(
            KernelProvider provider, StoredTensor t, long first, long count, MemorySegment to) {
        long cols = t.shape().dim(1);
        long firstRow = first / cols;
        long rows = Math.ceilDiv(first + count, cols) - firstRow;
        long panel = firstRow / Panels.ROWS;
        long panels = Panels.count(firstRow + rows) - panel;
        long bytes = Panels.panelBytes(t.dtype(), cols);
        try (Arena temporary = Arena.ofShared()) {
            MemorySegment packed = temporary.allocate(panels * bytes, Panels.ALIGNMENT);
            t.copyTo(panel * bytes, packed);
            t.releasePages(panel * bytes, panels * bytes);
            MemorySegment whole = temporary.allocate(rows * cols * Float.BYTES, Panels.ALIGNMENT);
            packed(provider, packed, t.dtype(), firstRow % Panels.ROWS, rows, cols, whole);
            MemorySegment.copy(whole, first % cols * Float.BYTES, to, 0, count * Float.BYTES);
        }
    }

    private static void run(
            KernelProvider provider,
            MemorySegment table,
            DType type,
            long packed,
            long first,
            long rows,
            long cols,
            MemorySegment to) {
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment ids = temporary.allocate(ValueLayout.JAVA_INT, rows);
            for (int i = 0; i < rows; i++) {
                ids.setAtIndex(ValueLayout.JAVA_INT, i, (int) first + i);
            }
            KernelCall call =
                    new KernelCall.Gather(
                            table.address(),
                            type,
                            packed,
                            first + rows,
                            ids.address(),
                            to.address(),
                            cols,
                            rows,
                            0,
                            cols);
            for (Launch l : provider.bind(call, 0, temporary)) {
                l.run(0, l.units());
            }
        }
    }
}
