package dev.ocellus.device;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.WorkerPool;

import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;

/**
 * The threads of a pool, each with a {@link PanelPacker} that keeps its buffers from one piece of
 * work to the next. For one thread at a time.
 */
final class PackingThreads implements AutoCloseable {
    private final KernelProvider provider;
    private final WorkerPool pool;
    private final Queue<PanelPacker> idle = new ConcurrentLinkedQueue<>();

    PackingThreads(KernelProvider provider, WorkerPool pool) {
        this.provider = provider;
        this.pool = pool;
    }

    int count() {
        return pool.threads();
    }

    /** Does all pieces, in any order, and returns when the last one is done. */
    void run(List<Consumer<PanelPacker>> pieces) {
        pool.run(
                new Launch() {
                    @Override
                    public long units() {
                        return pieces.size();
                    }

                    @Override
                    public void run(long begin, long end) {
                        work(pieces.subList((int) begin, (int) end));
                    }
                });
    }

    private void work(List<Consumer<PanelPacker>> pieces) {
        PanelPacker packer = idle.poll();
        if (packer == null) {
            packer = new PanelPacker(provider);
        }
        try {
            for (Consumer<PanelPacker> p : pieces) {
                p.accept(packer);
            }
        } finally {
            idle.add(packer);
        }
    }

    @Override
    public void close() {
        idle.forEach(PanelPacker::close);
    }
}
