package dev.ocellus.quantize;

import dev.ocellus.device.PanelPacker;
import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.loader.safetensors.RowLookUp;
import dev.ocellus.tensor.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * The bytes of packed matrices, from first to last: some panels at a time are packed by all threads
 * and compared with the original. For one thread.
 */
final class PackedSource implements AutoCloseable {
    /** Bytes that are packed at a time, for each thread. */
    private static final long WINDOW_BYTES = 16L << 20;

    private final KernelProvider provider;
    private final WorkerPool pool;
    private final Arena arena = Arena.ofShared();
    private final Queue<PanelPacker> packers = new ConcurrentLinkedQueue<>();
    private MemorySegment window = MemorySegment.NULL;

    private Weight matrix;
    private DType type;
    private long begin;
    private long end;
    private double difference;
    private double norm;

    PackedSource(KernelProvider provider, WorkerPool pool) {
        this.provider = provider;
        this.pool = pool;
    }

    /** Begins with a matrix, which is to be packed as its kernel type. */
    void begin(Weight next) {
        matrix = next;
        type = next.kernelType();
        begin = 0;
        end = 0;
        difference = 0;
        norm = 0;
    }

    /** Bytes from {@code offset} on, which is where the last ones ended. */
    void read(long offset, MemorySegment to) {
        for (long done = 0; done < to.byteSize(); ) {
            if (offset + done >= end) {
                pack(offset + done);
            }
            long n = Math.min(to.byteSize() - done, end - offset - done);
            MemorySegment.copy(window, offset + done - begin, to, done, n);
            done += n;
        }
    }

    /**
     * Root of the mean square error relative to that of the elements, once all bytes were read; NaN
     * if there are elements that the type can't hold.
     */
    double error() {
        return norm == 0 ? difference : Math.sqrt(difference / norm);
    }

    private void pack(long offset) {
        long panelBytes = Panels.panelBytes(type, matrix.cols());
        long first = offset / panelBytes;
        long count =
                Math.clamp(
                        WINDOW_BYTES * pool.threads() / panelBytes,
                        1,
                        Panels.count(matrix.rows()) - first);
        begin = first * panelBytes;
        end = begin + count * panelBytes;
        if (window.byteSize() < end - begin) {
            window = arena.allocate(end - begin, Panels.ALIGNMENT);
        }
        Parts parts = new Parts(first, count);
        pool.run(parts);
        for (int i = 0; i < parts.differences.length; i++) {
            difference += parts.differences[i];
            norm += parts.norms[i];
        }
    }

    /** The work on a window; a unit is a few panels. */
    private final class Parts implements Launch {
        private final long first;
        private final long count;
        private final long step = PanelPacker.panelsAtOnce(matrix);
        private final double[] differences;
        private final double[] norms;

        Parts(long first, long count) {
            this.first = first;
            this.count = count;
            int parts = (int) Math.ceilDiv(count, step);
            differences = new double[parts];
            norms = new double[parts];
        }

        @Override
        public long units() {
            return differences.length;
        }

        @Override
        public void run(long from, long to) {
            PanelPacker packer = packers.poll();
            if (packer == null) {
                packer = new PanelPacker(provider);
            }
            try {
                for (long part = from; part < to; part++) {
                    run((int) part, packer);
                }
            } finally {
                packers.add(packer);
            }
        }

        private void run(int part, PanelPacker packer) {
            long at = part * step;
            long panels = Math.min(step, count - at);
            packer.panels(matrix, first + at, panels, type, window, at, 1);
            if (matrix.slices().getFirst().tensor().dtype() == type) {
                return;
            }
            long firstRow = (first + at) * Panels.ROWS;
            long rows = Math.min(panels * Panels.ROWS, matrix.rows() - firstRow);
            long elements = rows * matrix.cols();
            try (Arena temporary = Arena.ofConfined()) {
                MemorySegment x = temporary.allocate(elements * Float.BYTES, 64);
                MemorySegment y = temporary.allocate(elements * Float.BYTES, 64);
                packer.rows(matrix.rows(firstRow, rows), DType.F32, x);
                long bytes = Panels.panelBytes(type, matrix.cols());
                MemorySegment packed = window.asSlice(at * bytes, panels * bytes);
                RowLookUp.packed(provider, packed, type, 0, rows, matrix.cols(), y);
                compare(part, x, y);
            }
        }

        private void compare(int part, MemorySegment x, MemorySegment y) {
            double squares = 0;
            double sum = 0;
            for (long i = 0; i < x.byteSize(); i += Float.BYTES) {
                double a = x.get(ValueLayout.JAVA_FLOAT, i);
                double d = a - y.get(ValueLayout.JAVA_FLOAT, i);
                squares += d * d;
                sum += a * a;
            }
            differences[part] = squares;
            norms[part] = sum;
        }
    }

    @Override
    public void close() {
        packers.forEach(PanelPacker::close);
        arena.close();
    }
}
