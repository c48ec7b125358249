package dev.ocellus.device;

import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.plan.Packing;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;
import dev.ocellus.tensor.Tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Packs weights into memory. Stored data is copied through a bounded buffer, so that kernels never
 * touch a mapped file (which somebody may cut short), and the resident pages of large tensors are
 * given back after each packing.
 */
final class CpuWeightStore implements WeightStore {
    private static final long CHUNK_BYTES = 16L << 20;

    private final KernelProvider provider;
    private final WorkerPool pool;
    private final Arena arena = Arena.ofShared();
    private final Map<Packing, MemorySegment> packed = new HashMap<>();
    private long bytes;
    private boolean closed;
    private Listener listener;

    CpuWeightStore(KernelProvider provider, WorkerPool pool) {
        this.provider = provider;
        this.pool = pool;
    }

    @Override
    public synchronized long address(Packing packing) {
        if (closed) {
            throw new IllegalStateException("the weights have been freed: their model was closed");
        }
        MemorySegment there = packed.get(packing);
        if (there == null) {
            there = CpuMemory.allocate(packing.bytes(), arena);
            fill(packing, there);
            packed.put(packing, there);
            bytes += packing.bytes();
            if (listener != null) {
                listener.packed(packing);
            }
        }
        return there.address();
    }

    @Override
    public synchronized long bytes() {
        return bytes;
    }

    @Override
    public synchronized void listener(Listener l) {
        listener = l;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            packed.clear();
            arena.close();
        }
    }

    private void fill(Packing packing, MemorySegment to) {
        switch (packing) {
            case Packing.Matrix m -> {
                panels(m.weight(), m.type(), to, 0, 1);
                release(m.weight());
            }
            case Packing.GatedMatrix g -> {
                panels(g.gate(), g.type(), to, 0, 2);
                release(g.gate());
                panels(g.up(), g.type(), to, 1, 2);
                release(g.up());
            }
            case Packing.Vector v -> rows(v.weight(), DType.F32, to);
            case Packing.Rows r -> {
                rows(r.weight(), r.type(), to);
                release(r.weight());
            }
            case Packing.Positions p -> positions(p, to);
        }
    }

    /** Packs a matrix; chunks are whole panels. */
    private void panels(Weight weight, DType type, MemorySegment to, long firstPanel, long stride) {
        long rowBytes = type.byteSize(weight.cols());
        long chunkRows =
                Math.max(
                        Panels.ROWS,
                        CHUNK_BYTES / Math.max(rowBytes, 1) / Panels.ROWS * Panels.ROWS);
        try (Arena temporary = Arena.ofShared()) {
            MemorySegment chunk =
                    temporary.allocate(Math.min(chunkRows, weight.rows()) * rowBytes, 64);
            for (long row = 0; row < weight.rows(); row += chunkRows) {
                long n = Math.min(chunkRows, weight.rows() - row);
                rows(weight.rows(row, n), type, chunk);
                var call =
                        new KernelCall.PackPanels(
                                chunk.address(),
                                type,
                                to.address(),
                                type,
                                firstPanel + row / Panels.ROWS * stride,
                                stride,
                                n,
                                0,
                                weight.cols());
                pool.run(provider.bind(call, 0, temporary));
            }
        }
    }

    /** Copies rows in order, converted to {@code type}. */
    private static void rows(Weight weight, DType type, MemorySegment to) {
        long at = 0;
        for (Weight.Slice s : weight.slices()) {
            StoredTensor t = s.tensor();
            long elements = s.rows() * weight.cols();
            long from = t.dtype().byteSize(s.firstRow() * weight.cols());
            MemorySegment part = to.asSlice(type.byteSize(at), type.byteSize(elements));
            if (t.dtype() == type) {
                t.copyTo(from, part);
            } else {
                converted(t, from, elements, part);
            }
            at += elements;
        }
    }

    /** Converts any stored type to float32, a chunk at a time. */
    private static void converted(StoredTensor t, long from, long elements, MemorySegment to) {
        long step = Math.min(elements, CHUNK_BYTES / 8);
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment raw = temporary.allocate(t.dtype().byteSize(step), 8);
            for (long at = 0; at < elements; at += step) {
                long n = Math.min(step, elements - at);
                t.copyTo(from + t.dtype().byteSize(at), raw.asSlice(0, t.dtype().byteSize(n)));
                Tensor values = Tensor.of(t.dtype(), Shape.of(n), raw);
                for (long i = 0; i < n; i++) {
                    to.set(
                            ValueLayout.JAVA_FLOAT_UNALIGNED,
                            (at + i) * 4,
                            (float) values.getDouble(i));
                }
            }
        }
    }

    private static void positions(Packing.Positions p, MemorySegment to) {
        long stored = p.weight().elements();
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment table = temporary.allocate(stored * 4, 8);
            rows(p.weight(), DType.F32, table);
            PositionResize.resize(
                    table, p.weight().rows(), p.weight().cols(), p.height(), p.width(), to);
        }
    }

    private static void release(Weight weight) {
        Set<StoredTensor> tensors = new HashSet<>();
        for (Weight.Slice s : weight.slices()) {
            if (tensors.add(s.tensor())) {
                s.tensor().releasePages();
            }
        }
    }
}
