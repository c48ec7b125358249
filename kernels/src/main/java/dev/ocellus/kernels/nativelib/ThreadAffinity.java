package dev.ocellus.kernels.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.BitSet;

/** On which processors a thread may run; Linux only. Needs no library of ours. Thread-safe. */
public final class ThreadAffinity {
    /** Room for 8192 processors, the most that Linux is built for. */
    private static final long MASK_BYTES = 1024;

    private static final int CALLING_THREAD = 0;

    private ThreadAffinity() {}

    /**
     * The processors on which the calling thread may run, ascending.
     *
     * @throws UnsupportedOperationException if the system is not Linux or does not say
     */
    public static int[] allowed() {
        requireLinux();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(MASK_BYTES, Long.BYTES);
            if (call(Libc.GET, mask) < 0) {
                throw new UnsupportedOperationException(
                        "the system does not say on which processors this process may run");
            }
            return BitSet.valueOf(mask.toArray(JAVA_BYTE)).stream().toArray();
        }
    }

    /**
     * Lets the calling thread run on one processor only.
     *
     * @return whether the system agreed; it refuses a processor that the process may not use
     * @throws UnsupportedOperationException if the system is not Linux
     */
    public static boolean pin(int processor) {
        requireLinux();
        if (processor < 0 || processor >= MASK_BYTES * Byte.SIZE) {
            return false;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment mask = arena.allocate(MASK_BYTES, Long.BYTES);
            mask.set(JAVA_BYTE, processor / Byte.SIZE, (byte) (1 << processor % Byte.SIZE));
            return call(Libc.SET, mask) == 0;
        }
    }

    private static int call(MethodHandle function, MemorySegment mask) {
        try {
            return (int) function.invokeExact(CALLING_THREAD, MASK_BYTES, mask);
        } catch (Throwable e) {
            throw new IllegalStateException("a call of the C library failed", e);
        }
    }

    private static void requireLinux() {
        String system = System.getProperty("os.name");
        if (!system.equals("Linux")) {
            throw new UnsupportedOperationException(
                    "threads can be pinned to processors on Linux only, not on " + system);
        }
    }

    /** The C library's functions, looked up where there are some. */
    private static final class Libc {
        static final MethodHandle GET = handle("sched_getaffinity");
        static final MethodHandle SET = handle("sched_setaffinity");

        private static MethodHandle handle(String name) {
            Linker linker = Linker.nativeLinker();
            return linker.downcallHandle(
                    linker.defaultLookup().find(name).orElseThrow(),
                    FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS));
        }
    }
}
