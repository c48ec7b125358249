package dev.ocellus.device;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.nativelib.HugePages;
import dev.ocellus.plan.Packing;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Packed weights in blocks of memory, one for each time that something was packed. */
final class CpuWeightStore implements WeightStore {
    private final KernelProvider provider;
    private final WorkerPool pool;
    private final List<Arena> arenas = new ArrayList<>();
    private final List<MemorySegment> blocks = new ArrayList<>();
    private final Map<Packing, MemorySegment> packed = new HashMap<>();
    private long bytes;
    private boolean closed;

    CpuWeightStore(KernelProvider provider, WorkerPool pool) {
        this.provider = provider;
        this.pool = pool;
    }

    @Override
    public synchronized long address(Packing packing) {
        pack(List.of(packing), null);
        return packed.get(packing).address();
    }

    @Override
    public synchronized void pack(Collection<Packing> packings, Listener listener) {
        if (closed) {
            throw new IllegalStateException("the weights have been freed: their model was closed");
        }
        Map<Packing, Long> offsets = new LinkedHashMap<>();
        long total = 0;
        for (Packing p : packings) {
            if (!packed.containsKey(p) && offsets.putIfAbsent(p, total) == null) {
                total += aligned(p.bytes());
            }
        }
        if (offsets.isEmpty()) {
            return;
        }
        Arena arena = Arena.ofShared();
        MemorySegment block;
        try {
            block = CpuMemory.allocate(total, arena);
            Map<Packing, MemorySegment> places = places(offsets, block);
            try (ParallelPacking work = new ParallelPacking(provider, pool, places)) {
                work.run(listener);
            }
            packed.putAll(places);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
        arenas.add(arena);
        blocks.add(block);
        bytes += offsets.keySet().stream().mapToLong(Packing::bytes).sum();
    }

    private static Map<Packing, MemorySegment> places(
            Map<Packing, Long> offsets, MemorySegment block) {
        Map<Packing, MemorySegment> places = new LinkedHashMap<>();
        offsets.forEach((p, at) -> places.put(p, block.asSlice(at, p.bytes())));
        return places;
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, Panels.ALIGNMENT) * Panels.ALIGNMENT;
    }

    @Override
    public synchronized long bytes() {
        return bytes;
    }

    @Override
    public synchronized long hugePageBytes() {
        return HugePages.of(blocks).hugeBytes();
    }

    @Override
    public synchronized void close() {
        closed = true;
        packed.clear();
        blocks.clear();
        arenas.forEach(Arena::close);
        arenas.clear();
    }
}
