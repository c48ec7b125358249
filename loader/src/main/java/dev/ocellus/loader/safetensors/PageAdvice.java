package dev.ocellus.loader.safetensors;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * What the system is told of parts of a read-only file mapping, by {@code madvise}. Best effort:
 * does nothing where the call isn't there.
 */
final class PageAdvice {
    /** The same numbers on Linux and macOS. */
    private static final int MADV_WILLNEED = 3;

    private static final int MADV_DONTNEED = 4;

    /** A multiple of the page size of every system, so that rounded offsets begin a page. */
    private static final long PAGE_BYTES = 1 << 16;

    /** Linux reads no more than this for one call, or a little more. */
    private static final long AHEAD_BYTES = 512 << 10;

    private static final Optional<MethodHandle> MADVISE = find();

    private PageAdvice() {}

    private static Optional<MethodHandle> find() {
        Linker linker = Linker.nativeLinker();
        SymbolLookup lookup = linker.defaultLookup();
        return lookup.find("madvise")
                .map(
                        address ->
                                linker.downcallHandle(
                                        address,
                                        FunctionDescriptor.of(
                                                ValueLayout.JAVA_INT,
                                                ValueLayout.ADDRESS,
                                                ValueLayout.JAVA_LONG,
                                                ValueLayout.JAVA_INT)));
    }

    /**
     * The process gives the pages back and reads them again from the file when it touches them.
     *
     * @param mapping a whole mapping, so that it begins on a page
     */
    static void release(MemorySegment mapping, long offset, long bytes) {
        advise(mapping, offset, bytes, MADV_DONTNEED);
    }

    /**
     * The system begins to read the pages, and the caller goes on.
     *
     * @param mapping a whole mapping, so that it begins on a page
     */
    static void readAhead(MemorySegment mapping, long offset, long bytes) {
        for (long done = 0; done < bytes; done += AHEAD_BYTES) {
            advise(mapping, offset + done, Math.min(AHEAD_BYTES, bytes - done), MADV_WILLNEED);
        }
    }

    private static void advise(MemorySegment mapping, long offset, long bytes, int advice) {
        if (MADVISE.isEmpty() || bytes == 0) {
            return;
        }
        // Outwards to whole pages: a neighbour's page is only read once more.
        long begin = offset & -PAGE_BYTES;
        MemorySegment pages = mapping.asSlice(begin, offset + bytes - begin);
        try {
            // The handle keeps the mapping open during the call, so the range can't be reused.
            int ignoredBestEffort =
                    (int) MADVISE.get().invokeExact(pages, pages.byteSize(), advice);
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
