package dev.ocellus.kernels.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Big blocks of memory from the operating system, in huge pages where it has them: zero without
 * being written, and without the cost of writing. On machines with several memory nodes the pages
 * are spread over all of them in turn ({@link NumaNodes}). Needs no library of ours. Thread-safe.
 */
public final class HugeMemory {
    private static final boolean LINUX = System.getProperty("os.name").equals("Linux");
    private static final long HUGE_PAGE = 2L << 20;

    /** The largest page size of Linux machines; mappings are multiples of it. */
    private static final long PAGE = 64L << 10;

    /**
     * A block that starts at a page and reads as zero. It takes physical memory only where it is
     * written. Other systems than Linux give a block of {@link Arena#allocate(long, long)}.
     *
     * @param arena owns the block
     * @throws IllegalArgumentException if {@code bytes} is negative
     * @throws OutOfMemoryError if the system refuses
     */
    public static MemorySegment allocate(long bytes, Arena arena) {
        if (bytes < 0) {
            throw new IllegalArgumentException("negative size " + bytes);
        }
        if (!LINUX || bytes == 0) {
            return arena.allocate(bytes, PAGE);
        }
        long size = roundUp(bytes, PAGE);
        long address = size < HUGE_PAGE ? Libc.map(size) : mapAligned(size);
        return MemorySegment.ofAddress(address)
                .reinterpret(size, arena, block -> Libc.unmap(block.address(), size))
                .asSlice(0, bytes);
    }

    /**
     * Gives back the physical memory of the whole pages inside a block of {@link #allocate} or a
     * mapped file: the one reads as zero afterwards, the other is read from its file again. Does
     * nothing on other systems than Linux.
     */
    public static void discard(MemorySegment block) {
        long start = roundUp(block.address(), PAGE);
        long end = (block.address() + block.byteSize()) / PAGE * PAGE;
        if (LINUX && start < end) {
            Libc.advise(start, end - start, Libc.MADV_DONTNEED);
        }
    }

    /** Maps a huge page more than asked for and returns what lies before and after. */
    private static long mapAligned(long size) {
        long mapped = Libc.map(size + HUGE_PAGE);
        long start = roundUp(mapped, HUGE_PAGE);
        long end = mapped + size + HUGE_PAGE;
        if (start > mapped) {
            Libc.unmap(mapped, start - mapped);
        }
        if (end > start + size) {
            Libc.unmap(start + size, end - start - size);
        }
        Libc.advise(start, size, Libc.MADV_HUGEPAGE);
        NumaNodes.spread(start, size);
        return start;
    }

    private static long roundUp(long value, long unit) {
        return Math.addExact(value, unit - 1) / unit * unit;
    }

    /** The C library's calls, with Linux's constants. */
    private static final class Libc {
        static final int MADV_DONTNEED = 4;
        static final int MADV_HUGEPAGE = 14;

        private static final int PROT_READ_WRITE = 3;
        private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
        private static final MethodHandle MMAP =
                handle(
                        "mmap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT,
                        JAVA_LONG);
        private static final MethodHandle MUNMAP = handle("munmap", JAVA_INT, JAVA_LONG, JAVA_LONG);
        private static final MethodHandle MADVISE =
                handle("madvise", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);

        static long map(long size) {
            long address;
            try {
                address =
                        (long)
                                MMAP.invokeExact(
                                        0L, size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
            } catch (Throwable e) {
                throw new IllegalStateException("mmap failed", e);
            }
            if (address == -1) {
                throw new OutOfMemoryError("the system has no " + size + " bytes of memory");
            }
            return address;
        }

        static void unmap(long address, long size) {
            try {
                int ignored = (int) MUNMAP.invokeExact(address, size);
            } catch (Throwable e) {
                throw new IllegalStateException("munmap failed", e);
            }
        }

        /** Only advice: a kernel without huge pages refuses, and nothing is lost. */
        static void advise(long address, long size, int advice) {
            try {
                int ignored = (int) MADVISE.invokeExact(address, size, advice);
            } catch (Throwable e) {
                throw new IllegalStateException("madvise failed", e);
            }
        }

        private static MethodHandle handle(
                String name, MemoryLayout result, MemoryLayout... arguments) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().find(name).orElseThrow(),
                    FunctionDescriptor.of(result, arguments));
        }
    }

    private HugeMemory() {}
}
