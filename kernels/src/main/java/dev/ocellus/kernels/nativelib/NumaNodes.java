package dev.ocellus.kernels.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory nodes of the machine. Every thread reads every weight, so big blocks are spread over
 * all nodes page by page: no node's memory is the bottleneck, and each thread finds its share of
 * the pages near. A policy that somebody has set for the process (as {@code numactl} does) is left
 * alone. Does nothing on machines with one node and on other systems than Linux.
 */
public final class NumaNodes {
    private static final int MPOL_DEFAULT = 0;
    private static final int MPOL_INTERLEAVE = 3;
    private static final List<Integer> ALLOWED = read();

    private NumaNodes() {}

    /** Numbers of the nodes whose memory this process may use; empty where they aren't known. */
    public static List<Integer> allowed() {
        return ALLOWED;
    }

    /** Whether big blocks are spread over several nodes. */
    public static boolean areSpread() {
        return ALLOWED.size() > 1 && Calls.AVAILABLE && Calls.policy() == MPOL_DEFAULT;
    }

    /** Spreads the pages of a block that nobody has touched yet; best effort. */
    static void spread(long address, long bytes) {
        if (areSpread()) {
            interleave(address, bytes, ALLOWED);
        }
    }

    /** Returns whether the system took the policy. */
    static boolean interleave(long address, long bytes, List<Integer> nodes) {
        return Calls.AVAILABLE && Calls.bind(address, bytes, nodes) == 0;
    }

    private static List<Integer> read() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("Mems_allowed_list:")) {
                    return parse(line.substring(line.indexOf(':') + 1).strip());
                }
            }
            return List.of();
        } catch (IOException | NumberFormatException e) {
            return List.of();
        }
    }

    /** Ranges as in 0-2,5. */
    static List<Integer> parse(String list) {
        List<Integer> nodes = new ArrayList<>();
        for (String range : list.split(",")) {
            String[] ends = range.split("-");
            for (int n = Integer.parseInt(ends[0]);
                    n <= Integer.parseInt(ends[ends.length - 1]); ) {
                nodes.add(n++);
            }
        }
        return List.copyOf(nodes);
    }

    /** System calls that the C library has no functions for. */
    private static final class Calls {
        private static final String ARCH = System.getProperty("os.arch");
        private static final long MBIND = ARCH.equals("amd64") ? 237 : 235;
        private static final long GET_MEMPOLICY = ARCH.equals("amd64") ? 239 : 236;
        static final boolean AVAILABLE =
                System.getProperty("os.name").equals("Linux")
                        && (ARCH.equals("amd64") || ARCH.equals("aarch64"));

        private static final MethodHandle SYSCALL =
                Linker.nativeLinker()
                        .downcallHandle(
                                Linker.nativeLinker().defaultLookup().find("syscall").orElseThrow(),
                                FunctionDescriptor.of(
                                        JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG,
                                        JAVA_LONG, JAVA_LONG, JAVA_LONG),
                                Linker.Option.firstVariadicArg(1));

        /** The policy of this thread, or -1. */
        static int policy() {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment mode = arena.allocate(JAVA_INT);
                long rc = call(GET_MEMPOLICY, mode.address(), 0, 0, 0, 0, 0);
                return rc == 0 ? mode.get(JAVA_INT, 0) : -1;
            }
        }

        static long bind(long address, long bytes, List<Integer> nodes) {
            int words = nodes.getLast() / Long.SIZE + 1;
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment mask = arena.allocate(JAVA_LONG, words);
                for (int n : nodes) {
                    long word = mask.getAtIndex(JAVA_LONG, n / Long.SIZE);
                    mask.setAtIndex(JAVA_LONG, n / Long.SIZE, word | 1L << n % Long.SIZE);
                }
                // The kernel takes one bit less than it is told.
                long bits = (long) words * Long.SIZE + 1;
                return call(MBIND, address, bytes, MPOL_INTERLEAVE, mask.address(), bits, 0);
            }
        }

        private static long call(long number, long a, long b, long c, long d, long e, long f) {
            try {
                return (long) SYSCALL.invokeExact(number, a, b, c, d, e, f);
            } catch (Throwable t) {
                throw new IllegalStateException("system call " + number + " failed", t);
            }
        }
    }
}
