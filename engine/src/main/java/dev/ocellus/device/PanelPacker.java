package dev.ocellus.device;

import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.loader.safetensors.RowLookUp;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.plan.Packing;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;
import dev.ocellus.tensor.Tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Brings parts of weights into the forms that kernels read, on the calling thread. Stored bytes are
 * copied, so that kernels never touch a mapped file (which somebody may cut short), and the file's
 * pages are given back. Its buffers grow to what a part takes: callers bound that by {@link
 * #panelsAtOnce} and {@link #rowsAtOnce}.
 *
 * <p>For one thread at a time.
 */
public final class PanelPacker implements AutoCloseable {
    /** Bytes of a part: few enough to stay in a core's cache between reading and packing. */
    private static final long PART_BYTES = 1 << 20;

    /** What buffers are for. */
    private enum Use {
        STORED,
        ROWS,
        FILTER,
        WIDE
    }

    private final KernelProvider provider;
    private final Arena arena = Arena.ofShared();
    private final Map<Use, MemorySegment> buffers = new HashMap<>();

    public PanelPacker(KernelProvider provider) {
        this.provider = provider;
    }

    /** How many panels of a weight make a part. */
    public static long panelsAtOnce(Weight weight) {
        return Math.max(1, rowsAtOnce(weight) / Panels.ROWS);
    }

    /** How many rows of a weight make a part. */
    public static long rowsAtOnce(Weight weight) {
        return Math.max(1, PART_BYTES / Math.max(1, sourceType(weight).byteSize(weight.cols())));
    }

    /**
     * Packs panels [first, first + count) of a weight into the places {@code toPanel, toPanel +
     * stride, ...} of a packed matrix.
     */
    public void panels(
            Weight weight,
            long first,
            long count,
            DType type,
            MemorySegment to,
            long toPanel,
            long stride) {
        long firstRow = first * Panels.ROWS;
        long n = Math.min(count * Panels.ROWS, weight.rows() - firstRow);
        Weight part = weight.rows(firstRow, n);
        if (part.slices().stream().allMatch(s -> holdsPanels(s.tensor(), type))) {
            movePanels(part, type, to, toPanel, stride);
            return;
        }
        DType source = sourceType(part);
        if (!Panels.packs(source, type)) {
            source = type.isBlock() ? DType.F32 : type;
        }
        MemorySegment rows = buffer(Use.ROWS, source.byteSize(n * part.cols()));
        rows(part, source, rows);
        pack(rows, source, part, to, type, toPanel, stride);
    }

    /**
     * Packs panels [first, first + count) of a convolution's filter, whose stored rows hold the
     * taps of a channel together, into the same places of a packed matrix whose rows hold the
     * channels of a tap together.
     *
     * @param type F32, F16 or BF16
     */
    public void filter(
            Weight weight, long taps, long first, long count, DType type, MemorySegment to) {
        long firstRow = first * Panels.ROWS;
        long n = Math.min(count * Panels.ROWS, weight.rows() - firstRow);
        Weight part = weight.rows(firstRow, n);
        MemorySegment rows = buffer(Use.ROWS, type.byteSize(part.elements()));
        filterRows(part, taps, type, rows);
        pack(rows, type, part, to, type, first, 1);
    }

    /**
     * Copies the rows of a convolution's filter in order, each turned from (channel, tap) into
     * (tap, channel).
     *
     * @param type F32, F16 or BF16
     */
    void filterRows(Weight weight, long taps, DType type, MemorySegment to) {
        MemorySegment stored = buffer(Use.FILTER, type.byteSize(weight.elements()));
        rows(weight, type, stored);
        tapsFirst(stored, to, weight.cols() / taps, taps, type.byteSize());
    }

    /** Makes a table of positions, its grid resized. */
    void positions(Packing.Positions p, MemorySegment to) {
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment table = temporary.allocate(p.weight().elements() * Float.BYTES, 64);
            rows(p.weight(), DType.F32, table);
            PositionResize.resize(
                    table, p.weight().rows(), p.weight().cols(), p.height(), p.width(), to);
        }
    }

    /** Turns rows of (channel, tap) into rows of (tap, channel). */
    private static void tapsFirst(
            MemorySegment from, MemorySegment to, long channels, long taps, long size) {
        long rowBytes = channels * taps * size;
        for (long row = 0; row < from.byteSize(); row += rowBytes) {
            for (long c = 0; c < channels; c++) {
                for (long t = 0; t < taps; t++) {
                    long target = row + (t * channels + c) * size;
                    MemorySegment.copy(from, row + (c * taps + t) * size, to, target, size);
                }
            }
        }
    }

    private void pack(
            MemorySegment rows,
            DType source,
            Weight part,
            MemorySegment to,
            DType type,
            long toPanel,
            long stride) {
        run(
                new KernelCall.PackPanels(
                        rows.address(),
                        source,
                        to.address(),
                        type,
                        toPanel,
                        stride,
                        part.rows(),
                        0,
                        part.cols()));
    }

    /** The type of stored rows; float32 where parts differ or rows have to be made. */
    private static DType sourceType(Weight weight) {
        List<StoredTensor> tensors =
                weight.slices().stream().map(Weight.Slice::tensor).distinct().toList();
        DType first = tensors.getFirst().dtype();
        boolean plain = tensors.stream().allMatch(t -> t.dtype() == first && !t.isPanels());
        return plain ? first : DType.F32;
    }

    private static boolean holdsPanels(StoredTensor t, DType type) {
        return t.isPanels() && t.dtype() == type;
    }

    /** Copies rows that lie in panels of the same type: whole panels where they keep together. */
    private void movePanels(Weight part, DType type, MemorySegment to, long toPanel, long stride) {
        long bytes = Panels.panelBytes(type, part.cols());
        long row = 0;
        for (Weight.Slice s : part.slices()) {
            StoredTensor t = s.tensor();
            long last = s.firstRow() + s.rows();
            long from = s.firstRow() / Panels.ROWS;
            long count = Panels.count(last) - from;
            boolean whole =
                    row % Panels.ROWS == 0
                            && s.firstRow() % Panels.ROWS == 0
                            && (last % Panels.ROWS == 0 || last == t.shape().dim(0));
            long place = toPanel + row / Panels.ROWS * stride;
            if (whole && stride == 1) {
                t.copyTo(from * bytes, to.asSlice(place * bytes, count * bytes));
            } else if (whole) {
                for (long p = 0; p < count; p++) {
                    long at = (place + p * stride) * bytes;
                    t.copyTo((from + p) * bytes, to.asSlice(at, bytes));
                }
            } else {
                MemorySegment stored = buffer(Use.STORED, count * bytes);
                t.copyTo(from * bytes, stored);
                for (long i = 0; i < s.rows(); i++) {
                    long target = row(toPanel, stride, row + i);
                    PanelRows.copy(
                            type, part.cols(), stored, s.firstRow() % Panels.ROWS + i, to, target);
                }
            }
            t.releasePages(from * bytes, count * bytes);
            row += s.rows();
        }
        for (; row % Panels.ROWS != 0; row++) {
            PanelRows.clear(type, part.cols(), to, row(toPanel, stride, row));
        }
    }

    /** Place of a row in a packed matrix whose panels are {@code stride} apart. */
    private static long row(long toPanel, long stride, long row) {
        return (toPanel + row / Panels.ROWS * stride) * Panels.ROWS + row % Panels.ROWS;
    }

    /** Copies the rows of a weight in order, converted to {@code type}: F32, F16 or BF16. */
    public void rows(Weight weight, DType type, MemorySegment to) {
        long at = 0;
        for (Weight.Slice s : weight.slices()) {
            long first = s.firstRow() * weight.cols();
            long count = s.rows() * weight.cols();
            MemorySegment part = to.asSlice(type.byteSize(at), type.byteSize(count));
            if (s.tensor().dtype() == type && !s.tensor().isPanels()) {
                copy(s.tensor(), type.byteSize(first), part);
            } else if (type == DType.F32) {
                widen(s.tensor(), first, count, part);
            } else {
                MemorySegment wide = buffer(Use.WIDE, count * Float.BYTES);
                widen(s.tensor(), first, count, wide);
                narrow(wide, count, type, part);
            }
            at += count;
        }
    }

    private static void copy(StoredTensor t, long offset, MemorySegment to) {
        t.copyTo(offset, to);
        t.releasePages(offset, to.byteSize());
    }

    /** Stored elements as float32. */
    private void widen(StoredTensor t, long first, long count, MemorySegment to) {
        if (t.isPanels()) {
            RowLookUp.stored(provider, t, first, count, to);
            return;
        }
        MemorySegment stored = buffer(Use.STORED, t.dtype().byteSize(count));
        copy(t, t.dtype().byteSize(first), stored);
        if (Panels.supportsRows(t.dtype())) {
            RowLookUp.plain(provider, stored, t.dtype(), count, to);
            return;
        }
        Tensor values = Tensor.of(t.dtype(), Shape.of(count), stored);
        for (long i = 0; i < count; i++) {
            to.set(ValueLayout.JAVA_FLOAT_UNALIGNED, i * 4, (float) values.getDouble(i));
        }
    }

    private static void narrow(MemorySegment from, long count, DType type, MemorySegment to) {
        for (long i = 0; i < count; i++) {
            float x = from.get(ValueLayout.JAVA_FLOAT, i * Float.BYTES);
            short bits =
                    type == DType.BF16 ? Conversions.floatToBf16(x) : Conversions.floatToF16(x);
            to.set(ValueLayout.JAVA_SHORT_UNALIGNED, i * Short.BYTES, bits);
        }
    }

    private void run(KernelCall call) {
        try (Arena temporary = Arena.ofConfined()) {
            for (Launch l : provider.bind(call, 0, temporary)) {
                l.run(0, l.units());
            }
        }
    }

    /** A buffer of just this size; what the last one for the same use held is lost. */
    private MemorySegment buffer(Use use, long bytes) {
        MemorySegment there = buffers.get(use);
        if (there == null || there.byteSize() < bytes) {
            there = arena.allocate(bytes, Panels.ALIGNMENT);
            buffers.put(use, there);
        }
        return there.asSlice(0, bytes);
    }

    @Override
    public void close() {
        arena.close();
    }
}
