package dev.ocellus.kernels.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Host memory that a provider's GPU reaches, each allocation in pages of its own. */
final class RegisteredArena implements Arena {
    private static final long PAGE = 4096;

    private final Arena memory = Arena.ofConfined();
    private final List<MemorySegment> registered = new ArrayList<>();
    private final CudaProvider provider;

    RegisteredArena(CudaProvider provider) {
        this.provider = provider;
    }

    @Override
    public MemorySegment allocate(long bytes, long alignment) {
        long size = Math.ceilDiv(Math.max(bytes, 1), PAGE) * PAGE;
        MemorySegment pages = memory.allocate(size, Math.max(alignment, PAGE));
        provider.register(pages);
        registered.add(pages);
        return pages.asSlice(0, bytes);
    }

    @Override
    public MemorySegment.Scope scope() {
        return memory.scope();
    }

    @Override
    public void close() {
        registered.forEach(provider::unregister);
        memory.close();
    }
}
