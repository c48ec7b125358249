package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import org.junit.jupiter.api.Assumptions;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The software GPU of {@code tests/softgpu}: a CUDA driver for tests that runs the CUDA kernels'
 * sources, compiled for the host, on the processor.
 *
 * <p>{@link #require} builds it into {@code kernels/target/softgpu} where it is out of date, and
 * loads {@code libcuda.so.1}, {@code libcublas.so.12} and {@code libcublasLt.so.13} into this
 * process, after which JCuda finds them by name. Call it before any class of JCuda is used. Where
 * the C++ compiler or the CUDA headers are missing, the test that called it is skipped and says
 * why. With the system property {@code ocellus.cuda.real=true} nothing is built or loaded: the
 * tests run on the machine's own GPU.
 *
 * <p>All methods may be called from any thread; the settings hold for the whole process.
 */
public final class SoftGpu {

    /** In which order the threads and blocks of a kernel run. */
    public enum Order {
        FORWARD,
        REVERSE,
        RANDOM
    }

    /**
     * What the device has done since the process began.
     *
     * @param launches kernels run, those of graphs among them
     * @param threads CUDA threads run
     * @param graphLaunches graphs launched
     * @param waits calls that waited for the device: synchronisation, synchronous copies, frees
     * @param allocations device memory allocations
     * @param frees device memory frees
     * @param copiesIn copies from the host to the device
     * @param copiesOut copies from the device to the host
     * @param copiesWithin copies from the device to the device
     * @param bytesIn bytes copied from the host to the device
     * @param bytesOut bytes copied from the device to the host
     * @param bytesWithin bytes copied from the device to the device
     */
    public record Counters(
            long launches,
            long threads,
            long graphLaunches,
            long waits,
            long allocations,
            long frees,
            long copiesIn,
            long copiesOut,
            long copiesWithin,
            long bytesIn,
            long bytesOut,
            long bytesWithin) {

        /** What was counted between {@code earlier} and this. */
        public Counters since(Counters earlier) {
            return new Counters(
                    launches - earlier.launches,
                    threads - earlier.threads,
                    graphLaunches - earlier.graphLaunches,
                    waits - earlier.waits,
                    allocations - earlier.allocations,
                    frees - earlier.frees,
                    copiesIn - earlier.copiesIn,
                    copiesOut - earlier.copiesOut,
                    copiesWithin - earlier.copiesWithin,
                    bytesIn - earlier.bytesIn,
                    bytesOut - earlier.bytesOut,
                    bytesWithin - earlier.bytesWithin);
        }
    }

    private static final int COUNTERS = Counters.class.getRecordComponents().length;
    private static final int TEXT_BYTES = 1 << 16;
    private static final int TOOLS_MISSING = 3;

    /** Why there is no software GPU; empty where there is one. Built and loaded once a process. */
    private static final class Loaded {
        static final String REASON = load();
    }

    private SoftGpu() {}

    /** Whether the tests run on a GPU of the machine. */
    public static boolean isReal() {
        return Boolean.getBoolean("ocellus.cuda.real");
    }

    /** Makes the software GPU available to this process, or skips the calling test. */
    public static void require() {
        if (!isReal()) {
            Assumptions.assumeTrue(Loaded.REASON.isEmpty(), Loaded.REASON);
        }
    }

    /** As {@link #require}; skips the calling test on a real GPU. */
    public static void requireSoftware() {
        Assumptions.assumeFalse(isReal(), "checks the software GPU, and this is a real one");
        require();
    }

    public static void order(Order order) {
        set("order", order.ordinal());
    }

    /** Whether work on streams runs only once something waits for it. */
    public static void deferred(boolean deferred) {
        set("deferred", deferred ? 1 : 0);
    }

    /** The memory of the device in bytes. */
    public static void deviceBytes(long bytes) {
        set("memory", bytes);
    }

    public static Counters counters() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment counters = arena.allocate(JAVA_LONG, COUNTERS);
            call("softgpu_counters", counters, COUNTERS);
            long[] c = counters.toArray(JAVA_LONG);
            return new Counters(
                    c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11]);
        }
    }

    /** How often each kernel ran since the process began. */
    public static Map<String, Long> kernels() {
        Map<String, Long> kernels = new TreeMap<>();
        for (String line : text("softgpu_kernel_counts").lines().toList()) {
            int space = line.indexOf(' ');
            kernels.put(line.substring(0, space), Long.valueOf(line.substring(space + 1)));
        }
        return kernels;
    }

    /** The last mistake that the device found: what, in which kernel, block and thread. */
    public static String lastFault() {
        return text("softgpu_last_fault");
    }

    private static String text(String function) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(TEXT_BYTES);
            call(function, text, TEXT_BYTES);
            return text.getString(0);
        }
    }

    private static void set(String option, long value) {
        try (Arena arena = Arena.ofConfined()) {
            FunctionDescriptor type = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG);
            int status =
                    (int)
                            downcall("softgpu_set", type)
                                    .invokeExact(arena.allocateFrom(option), value);
            if (status != 0) {
                throw new IllegalArgumentException(option + " = " + value);
            }
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static void call(String function, MemorySegment out, int size) {
        FunctionDescriptor type = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT);
        try {
            int ignored = (int) downcall(function, type).invokeExact(out, size);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static java.lang.invoke.MethodHandle downcall(String name, FunctionDescriptor type) {
        requireSoftware();
        MemorySegment address = SymbolLookup.loaderLookup().findOrThrow(name);
        return Linker.nativeLinker().downcallHandle(address, type);
    }

    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException r ? r : new IllegalStateException(e);
    }

    private static String load() {
        Path root = root();
        Path out = root.resolve("kernels/target/softgpu");
        try {
            Files.createDirectories(out);
            String reason = build(root, out);
            if (reason.isEmpty()) {
                for (String library :
                        List.of("libcuda.so.1", "libcublas.so.12", "libcublasLt.so.13")) {
                    System.load(out.resolve(library).toString());
                }
            }
            return reason;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path root() {
        Path here = Path.of("").toAbsolutePath();
        for (Path p = here; p != null; p = p.getParent()) {
            if (Files.exists(p.resolve("tests/softgpu/build.sh"))) {
                return p;
            }
        }
        throw new IllegalStateException("tests/softgpu/build.sh is in no folder above " + here);
    }

    /** Builds what is out of date; answers why it cannot, or nothing. */
    private static String build(Path root, Path out) throws IOException {
        List<String> command = new ArrayList<>();
        command.add("sh");
        command.add(root.resolve("tests/softgpu/build.sh").toString());
        command.add(out.toString());
        command.add(root.resolve("tests/softgpu/selftest").toString());
        Path cuda = root.resolve("kernels/cuda");
        if (Files.isDirectory(cuda)) {
            command.add(cuda.toString());
        }
        try (FileChannel lock =
                FileChannel.open(
                        out.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            lock.lock(); // another process may be building here
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String said =
                    new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                            .strip();
            int status = process.waitFor();
            if (status == TOOLS_MISSING) {
                return said;
            }
            if (status != 0) {
                throw new IllegalStateException("the software GPU does not build:\n" + said);
            }
            return "";
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }
}
