package dev.ocellus.device;

import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.plan.Packing;
import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * Packs many weights at once: they are cut into parts of a megabyte or so, each of which one thread
 * reads, converts and packs from end to end, while others do the same with others. Parts go to the
 * pool in batches, so that other users of the pool get their turn in between.
 */
final class ParallelPacking implements AutoCloseable {
    /** Most bytes of a batch for each thread: some milliseconds of work. */
    private static final long BATCH_BYTES = 16L << 20;

    /** Least number of batches, so that small models report progress too. */
    private static final long BATCHES = 8;

    /**
     * @param bytes that it fills
     */
    private record Part(long bytes, Consumer<PanelPacker> work) {}

    private final PackingThreads threads;
    private final List<Part> parts = new ArrayList<>();
    private final ReadAhead ahead;

    /**
     * @param places where each packing goes, of just its size
     */
    ParallelPacking(KernelProvider provider, WorkerPool pool, Map<Packing, MemorySegment> places) {
        threads = new PackingThreads(provider, pool);
        ahead = new ReadAhead(places.keySet());
        places.forEach(this::add);
    }

    /** Packs everything. */
    void run(WeightStore.Listener listener) {
        long total = parts.stream().mapToLong(Part::bytes).sum();
        long most = Math.min(BATCH_BYTES * threads.count(), total / BATCHES);
        long done = 0;
        List<Consumer<PanelPacker>> batch = new ArrayList<>();
        long bytes = 0;
        ahead.reached(0, total);
        for (Part p : parts) {
            batch.add(p.work());
            bytes += p.bytes();
            done += p.bytes();
            if (bytes >= most || done == total) {
                threads.run(batch);
                ahead.reached(done, total);
                batch.clear();
                bytes = 0;
                if (listener != null) {
                    listener.packed(done, total);
                }
            }
        }
    }

    private void add(Packing packing, MemorySegment to) {
        switch (packing) {
            case Packing.Matrix m -> addPanels(m.weight(), m.type(), to, 0, 1);
            case Packing.GatedMatrix g -> {
                addPanels(g.gate(), g.type(), to, 0, 2);
                addPanels(g.up(), g.type(), to, 1, 2);
            }
            case Packing.Filter f -> addFilter(f, to);
            case Packing.Vector v -> addRows(v.weight(), DType.F32, to);
            case Packing.Rows r -> addRows(r.weight(), r.type(), to);
            case Packing.Positions p ->
                    parts.add(new Part(p.bytes(), packer -> packer.positions(p, to)));
        }
    }

    private void addPanels(Weight weight, DType type, MemorySegment to, long toPanel, long stride) {
        long all = Panels.count(weight.rows());
        long step = PanelPacker.panelsAtOnce(weight);
        for (long panel = 0; panel < all; panel += step) {
            long first = panel;
            long count = Math.min(step, all - panel);
            long place = toPanel + first * stride;
            parts.add(
                    new Part(
                            count * Panels.panelBytes(type, weight.cols()),
                            p -> p.panels(weight, first, count, type, to, place, stride)));
        }
    }

    private void addFilter(Packing.Filter f, MemorySegment to) {
        Weight weight = f.weight();
        long all = Panels.count(weight.rows());
        long step = PanelPacker.panelsAtOnce(weight);
        for (long panel = 0; panel < all; panel += step) {
            long first = panel;
            long count = Math.min(step, all - panel);
            parts.add(
                    new Part(
                            count * Panels.panelBytes(f.type(), weight.cols()),
                            p -> p.filter(weight, f.taps(), first, count, f.type(), to)));
        }
    }

    private void addRows(Weight weight, DType type, MemorySegment to) {
        long step = PanelPacker.rowsAtOnce(weight);
        for (long row = 0; row < weight.rows(); row += step) {
            Weight rows = weight.rows(row, Math.min(step, weight.rows() - row));
            MemorySegment place =
                    to.asSlice(type.byteSize(row * weight.cols()), type.byteSize(rows.elements()));
            parts.add(new Part(place.byteSize(), p -> p.rows(rows, type, place)));
        }
    }

    @Override
    public void close() {
        threads.close();
    }
}
