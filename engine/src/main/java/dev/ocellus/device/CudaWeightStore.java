package dev.ocellus.device;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuMemory;
import dev.ocellus.plan.Packing;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Weights in the memory of a GPU, laid out as {@link CudaLayout} says, in a block for each time
 * that something was packed.
 */
final class CudaWeightStore implements WeightStore {
    private final Gpu gpu;
    private final KernelProvider provider;
    private final WorkerPool pool;
    private final List<Arena> arenas = new ArrayList<>();
    private final Map<Packing, Long> addresses = new HashMap<>();
    private long bytes;
    private boolean closed;

    /**
     * @param provider packs on the host, with the threads of {@code pool}
     */
    CudaWeightStore(Gpu gpu, KernelProvider provider, WorkerPool pool) {
        this.gpu = gpu;
        this.provider = provider;
        this.pool = pool;
    }

    @Override
    public synchronized long address(Packing packing) {
        pack(List.of(packing), null);
        return addresses.get(packing);
    }

    @Override
    public synchronized void pack(Collection<Packing> packings, Listener listener) {
        if (closed) {
            throw new IllegalStateException("the weights have been freed: their model was closed");
        }
        Map<Packing, Long> offsets = new LinkedHashMap<>();
        long total = 0;
        for (Packing p : packings) {
            if (!addresses.containsKey(p) && offsets.putIfAbsent(p, total) == null) {
                total += aligned(CudaLayout.bytes(p));
            }
        }
        if (offsets.isEmpty()) {
            return;
        }
        Arena arena = Arena.ofShared();
        try {
            MemorySegment block = CudaMemory.allocate(gpu, total, arena, CudaMemory.Use.WEIGHTS);
            ReadAhead ahead = new ReadAhead(offsets.keySet());
            try (CudaUpload upload =
                    new CudaUpload(gpu, provider, pool, block, pieces(offsets), ahead)) {
                upload.run(listener);
            }
            offsets.forEach((p, at) -> addresses.put(p, block.address() + at));
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
        arenas.add(arena);
        bytes += offsets.keySet().stream().mapToLong(CudaLayout::bytes).sum();
    }

    private static List<CudaUpload.Piece> pieces(Map<Packing, Long> offsets) {
        List<CudaUpload.Piece> pieces = new ArrayList<>();
        offsets.forEach(
                (packing, at) ->
                        CudaLayout.parts(packing)
                                .forEach(
                                        part ->
                                                pieces.add(
                                                        new CudaUpload.Piece(
                                                                at + part.offset(), part))));
        return pieces;
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, (long) GpuMemory.ALIGNMENT) * GpuMemory.ALIGNMENT;
    }

    @Override
    public synchronized long bytes() {
        return bytes;
    }

    @Override
    public long hugePageBytes() {
        return -1;
    }

    @Override
    public synchronized void close() {
        closed = true;
        addresses.clear();
        arenas.forEach(Arena::close);
        arenas.clear();
    }
}
