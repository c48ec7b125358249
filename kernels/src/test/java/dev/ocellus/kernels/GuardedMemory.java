package dev.ocellus.kernels;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Pages of memory between two that may not be touched: an access beyond ends the process with a
 * signal. On Linux another process can map the same pages, at the same addresses. For Linux and
 * macOS.
 */
public final class GuardedMemory implements AutoCloseable {
    private static final boolean SHARED = System.getProperty("os.name").equals("Linux");
    private static final int PROT_NONE = 0;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS = SHARED ? 0x22 : 0x1002;
    private static final int MAP_SHARED_FIXED = 0x11;

    private static final MethodHandle MMAP =
            libc(
                    "mmap",
                    FunctionDescriptor.of(
                            ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
    private static final MethodHandle MPROTECT =
            libc("mprotect", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle MUNMAP =
            libc("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle CLOSE =
            libc("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final long PAGE = pageSize();

    /** Addresses at which no process has anything of its own, each used once. */
    private static final AtomicLong NEXT = new AtomicLong(0x2000_0000_0000L);

    private static final Set<GuardedMemory> OPEN = ConcurrentHashMap.newKeySet();

    private final MemorySegment pages;
    private final int file;

    private GuardedMemory(MemorySegment pages, int file) {
        this.pages = pages;
        this.file = file;
    }

    /** At least {@code bytes} bytes, a whole number of pages, one at least. */
    static GuardedMemory allocate(long bytes) {
        long size = Math.max(1, (bytes + PAGE - 1) / PAGE) * PAGE;
        try {
            MemorySegment wish = MemorySegment.ofAddress(NEXT.getAndAdd(size + 2 * PAGE));
            MemorySegment all = map(wish, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE_ANONYMOUS, -1);
            MemorySegment pages = MemorySegment.ofAddress(all.address() + PAGE).reinterpret(size);
            int file = -1;
            if (SHARED) {
                file = Memfd.create(size);
                map(pages, size, PROT_READ_WRITE, MAP_SHARED_FIXED, file);
            } else {
                check((int) MPROTECT.invokeExact(pages, size, PROT_READ_WRITE));
            }
            GuardedMemory memory = new GuardedMemory(pages, file);
            OPEN.add(memory);
            return memory;
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /** All that have not been closed; thread-safe. */
    public static Set<GuardedMemory> open() {
        return OPEN;
    }

    public MemorySegment pages() {
        return pages;
    }

    /** This process's descriptor of the file that the pages are, or -1. */
    public int file() {
        return file;
    }

    @Override
    public void close() {
        OPEN.remove(this);
        try {
            MemorySegment all = MemorySegment.ofAddress(pages.address() - PAGE);
            check((int) MUNMAP.invokeExact(all, pages.byteSize() + 2 * PAGE));
            if (file >= 0) {
                check((int) CLOSE.invokeExact(file));
            }
        } catch (Throwable t) {
            throw new AssertionError(t);
        }
    }

    /** Files without a name, in memory; of Linux only. */
    private static final class Memfd {
        private static final int CLOSE_ON_EXEC = 1;
        private static final MemorySegment NAME = Arena.global().allocateFrom("operand");
        private static final MethodHandle CREATE =
                libc("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
        private static final MethodHandle TRUNCATE =
                libc("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));

        static int create(long size) throws Throwable {
            int file = (int) CREATE.invokeExact(NAME, CLOSE_ON_EXEC);
            check(Math.min(file, 0));
            check((int) TRUNCATE.invokeExact(file, size));
            return file;
        }
    }

    private static MemorySegment map(
            MemorySegment at, long size, int protection, int flags, int file) throws Throwable {
        MemorySegment mapped =
                (MemorySegment) MMAP.invokeExact(at, size, protection, flags, file, 0L);
        if (mapped.address() == -1) {
            throw new OutOfMemoryError("mmap of " + size + " bytes");
        }
        return mapped;
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
