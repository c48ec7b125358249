package dev.ocellus.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Pages of memory between two that may not be touched: an access beyond ends the process with a
 * signal. For Linux and macOS.
 */
record GuardedMemory(MemorySegment pages) implements AutoCloseable {
    private static final int PROT_NONE = 0;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS =
            System.getProperty("os.name").startsWith("Mac") ? 0x1002 : 0x22;

    private static final MethodHandle MMAP =
            libc(
                    "mmap",
                    FunctionDescriptor.of(
                            ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MPROTECT =
            libc("mprotect", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle MUNMAP =
            libc("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    private static final long PAGE = pageSize();

    /** At least {@code bytes} bytes, a whole number of pages, one at least. */
    static GuardedMemory allocate(long bytes) {
        long size = Math.max(1, (bytes + PAGE - 1) / PAGE) * PAGE;
        try {
            MemorySegment all =
                    (MemorySegment)
                            MMAP.invokeExact(
                                    MemorySegment.NULL,
                                    size + 2 * PAGE,
                                    PROT_NONE,
                                    MAP_PRIVATE_ANONYMOUS,
                                    -1,
                                    0L);
            if (all.address() == -1) {
                throw new OutOfMemoryError("mmap of " + size + " bytes");
            }
            MemorySegment pages = MemorySegment.ofAddress(all.address() + PAGE).reinterpret(size);
            check((int) MPROTECT.invokeExact(pages, size, PROT_READ_WRITE));
            return new GuardedMemory(pages);
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    @Override
    public void close() {
        try {
            MemorySegment all = MemorySegment.ofAddress(pages.address() - PAGE);
            check((int) MUNMAP.invokeExact(all, pages.byteSize() + 2 * PAGE));
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    private static long pageSize() {
        try {
            return (int) libc("getpagesize", FunctionDescriptor.of(JAVA_INT)).invokeExact();
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    private static MethodHandle libc(String name, FunctionDescriptor descriptor) {
        Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
    }

    private static void check(int result) {
        if (result != 0) {
            throw new AssertionError("libc call failed");
        }
    }
}
