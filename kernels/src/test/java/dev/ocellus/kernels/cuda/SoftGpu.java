package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import org.junit.jupiter.api.Assumptions;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
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
 * why. System properties: with {@code ocellus.cuda.real=true} nothing is built or loaded, and the
 * tests run on the machine's own GPU; with {@code ocellus.softgpu.sanitize=true} all kernels are
 * {@link #sanitized}. The environment sets the first {@link Order} ({@code SOFTGPU_ORDER=reverse}
 * or {@code random}), and {@code SOFTGPU_DEFERRED=1} makes work {@link #deferred}.
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
     * @param dependentLaunches kernels that were allowed to begin before the end of those before
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
            long bytesWithin,
            long dependentLaunches) {

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
                    bytesWithin - earlier.bytesWithin,
                    dependentLaunches - earlier.dependentLaunches);
        }
    }

    /** The memory that the device has unless {@link #deviceBytes} sets it. */
    public static final long DEVICE_BYTES = 4L << 30;

    private static final int COUNTERS = Counters.class.getRecordComponents().length;
    private static final int TEXT_BYTES = 1 << 16;

    /** Built and loaded once a process. */
    private static final class Loaded {
        static final SoftGpuBuild BUILD = new SoftGpuBuild();

        /** Why there is no software GPU; empty where there is one. */
        static final String MISSING = BUILD.run(false);

        static {
            if (MISSING.isEmpty()) {
                for (String library :
                        List.of("libcuda.so.1", "libcublas.so.12", "libcublasLt.so.13")) {
                    System.load(BUILD.library(library).toString());
                }
                if (Boolean.getBoolean("ocellus.softgpu.sanitize")) {
                    BUILD.run(true);
                    setSanitized(true);
                }
            }
        }
    }

    /** Called often, hence kept; found once the library is loaded. */
    private static final class Unwritten {
        static final MethodHandle FUNCTION =
                downcall("softgpu_unwritten", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    }

    private static volatile boolean sanitized;

    private SoftGpu() {}

    /** Whether the tests run on a GPU of the machine. */
    public static boolean isReal() {
        return Boolean.getBoolean("ocellus.cuda.real");
    }

    /** Makes the software GPU available to this process, or skips the calling test. */
    public static void require() {
        if (!isReal()) {
            Assumptions.assumeTrue(Loaded.MISSING.isEmpty(), Loaded.MISSING);
        }
    }

    /** As {@link #require}; skips the calling test on a real GPU. */
    public static void requireSoftware() {
        Assumptions.assumeFalse(isReal(), "checks the software GPU, and this is a real one");
        require();
    }

    /** Undoes all settings but {@link #sanitized}; does nothing where there is no software GPU. */
    public static void defaults() {
        if (!isReal() && Loaded.MISSING.isEmpty()) {
            set("defaults", 0);
        }
    }

    public static void order(Order order) {
        set("order", order.ordinal());
    }

    /** Whether work on streams runs only once something waits for it. */
    public static void deferred(boolean deferred) {
        set("deferred", deferred ? 1 : 0);
    }

    /**
     * Whether modules that are loaded from now on run the kernels that were built to check each
     * access to memory: inside an allocation, aligned, inside its array, in no race.
     */
    public static void sanitized(boolean sanitized) {
        if (sanitized) {
            require();
            Loaded.BUILD.run(true);
        }
        setSanitized(sanitized);
    }

    /** Whether modules that are loaded now run kernels that are checked. */
    public static boolean isSanitized() {
        return sanitized;
    }

    private static void setSanitized(boolean on) {
        set("sanitized", on ? 1 : 0);
        sanitized = on;
    }

    /**
     * The bytes count as never written, whatever the host has put there: a sanitized kernel may not
     * read them before one has written them. Nothing happens on a real GPU, or if kernels are not
     * sanitized.
     *
     * @param memory of the device, or of the host and registered while kernels were sanitized
     */
    public static void unwritten(MemorySegment memory) {
        if (sanitized && memory.byteSize() > 0) {
            try {
                int ignored = (int) Unwritten.FUNCTION.invokeExact(memory, memory.byteSize());
            } catch (Throwable e) {
                throw unexpected(e);
            }
        }
    }

    /** The memory of the device in bytes: {@value #DEVICE_BYTES} unless set. */
    public static void deviceBytes(long bytes) {
        set("memory", bytes);
    }

    /** The newest CUDA version of the driver, as 13000 for 13.0, which it is unless set. */
    public static void driverVersion(int version) {
        set("driver", version);
    }

    /** The compute capability, as 90 for 9.0, which it is unless set. */
    public static void capability(int capability) {
        set("capability", capability);
    }

    public static Counters counters() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment counters = arena.allocate(JAVA_LONG, COUNTERS);
            call("softgpu_counters", counters, COUNTERS);
            long[] c = counters.toArray(JAVA_LONG);
            return new Counters(
                    c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9], c[10], c[11],
                    c[12]);
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
        FunctionDescriptor type = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG);
        MethodHandle function = downcall("softgpu_set", type);
        try (Arena arena = Arena.ofConfined()) {
            int status = (int) function.invokeExact(arena.allocateFrom(option), value);
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

    private static MethodHandle downcall(String name, FunctionDescriptor type) {
        MemorySegment address = SymbolLookup.loaderLookup().findOrThrow(name);
        return Linker.nativeLinker().downcallHandle(address, type);
    }

    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException r ? r : new IllegalStateException(e);
    }
}
