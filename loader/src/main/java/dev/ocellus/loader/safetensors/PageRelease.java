package dev.ocellus.loader.safetensors;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * {@code madvise(MADV_DONTNEED)} on parts of a read-only file mapping: the process gives the pages
 * back and reads them again from the file when it touches them. Best effort: does nothing where the
 * call isn't there.
 */
final class PageRelease {
    /** The same number on Linux and macOS. */
    private static final int MADV_DONTNEED = 4;

    /** A multiple of the page size of every system, so that rounded offsets begin a page. */
    private static final long PAGE_BYTES = 1 << 16;

    private static final Optional<MethodHandle> MADVISE = find();

    private PageRelease() {}

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
     * @param mapping a whole mapping, so that it begins on a page
     */
    static void release(MemorySegment mapping, long offset, long bytes) {
        if (MADVISE.isEmpty() || bytes == 0) {
            return;
        }
        // Outwards to whole pages: a neighbour's page is only read once more.
        long begin = offset & -PAGE_BYTES;
        MemorySegment pages = mapping.asSlice(begin, offset + bytes - begin);
        try {
            // The handle keeps the mapping open during the call, so the range can't be reused.
            int ignoredBestEffort =
                    (int) MADVISE.get().invokeExact(pages, pages.byteSize(), MADV_DONTNEED);
        } catch (RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
