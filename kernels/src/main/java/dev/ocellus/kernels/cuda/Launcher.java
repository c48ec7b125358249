package dev.ocellus.kernels.cuda;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * Launches the kernels of one stream by cuLaunchKernelEx, which JCuda lacks. The parameters are the
 * argument structure and then where the kernel says that it has begun, which outlives a fault. All
 * memory is made once for the stream; the driver copies what it is handed. For one thread at a
 * time.
 *
 * <p>A kernel can be allowed to come into place while the one before it still runs (programmatic
 * dependent launch): its blocks take free multiprocessors, and it waits itself, in {@code begin} of
 * {@code device.cuh}, before it touches what another kernel may write.
 */
final class Launcher implements AutoCloseable {
    /** Set to false, kernels come into place only when those before them have ended. */
    static final String DEPENDENT_LAUNCH_PROPERTY = "ocellus.cuda.pdl";

    /** The oldest GPUs that have such launches, and drivers that capture them into graphs. */
    private static final int DEPENDENT_CAPABILITY = 90;

    private static final int DEPENDENT_DRIVER = 12030;

    /** The most that a kernel takes. */
    private static final long MAX_BYTES = 4096;

    /** Marks of the array by which the driver is given packed parameters. */
    private static final long BUFFER_POINTER = 1;

    private static final long BUFFER_SIZE = 2;

    /** CUlaunchConfig of cuda.h. */
    private static final MemoryLayout CONFIGURATION =
            MemoryLayout.structLayout(
                    JAVA_INT.withName("gridX"),
                    JAVA_INT.withName("gridY"),
                    JAVA_INT.withName("gridZ"),
                    JAVA_INT.withName("blockX"),
                    JAVA_INT.withName("blockY"),
                    JAVA_INT.withName("blockZ"),
                    JAVA_INT.withName("sharedBytes"),
                    MemoryLayout.paddingLayout(Integer.BYTES),
                    JAVA_LONG.withName("stream"),
                    JAVA_LONG.withName("attributes"),
                    JAVA_INT.withName("attributeCount"),
                    MemoryLayout.paddingLayout(Integer.BYTES));

    private static final long GRID_X = offset("gridX");
    private static final long GRID_Y = offset("gridY");
    private static final long GRID_Z = offset("gridZ");
    private static final long BLOCK_X = offset("blockX");
    private static final long SHARED_BYTES = offset("sharedBytes");
    private static final long ATTRIBUTE_COUNT = offset("attributeCount");

    /** CUlaunchAttribute: its id, and its value at the next eight bytes' boundary. */
    private static final long ATTRIBUTE_BYTES = 72;

    private static final long ATTRIBUTE_VALUE = 8;

    private static final int PROGRAMMATIC_STREAM_SERIALIZATION = 6;

    private static final class Native {
        static final MethodHandle LAUNCH =
                Linker.nativeLinker()
                        .downcallHandle(
                                SymbolLookup.libraryLookup(CudaLibraries.DRIVER, Arena.global())
                                        .findOrThrow("cuLaunchKernelEx"),
                                FunctionDescriptor.of(
                                        JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS));
    }

    private final boolean hasDependentLaunch;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment packed = arena.allocate(MAX_BYTES, Long.BYTES);
    private final MemorySegment size = arena.allocate(JAVA_LONG);
    private final MemorySegment extra =
            arena.allocateFrom(
                    JAVA_LONG, BUFFER_POINTER, packed.address(), BUFFER_SIZE, size.address(), 0);
    private final MemorySegment configuration = arena.allocate(CONFIGURATION);
    private final PinnedBuffer begun;

    /**
     * @param stream the driver's handle
     */
    Launcher(Gpu gpu, long stream) {
        hasDependentLaunch = hasDependentLaunch(gpu.info());
        begun = PinnedBuffer.allocate(gpu, Integer.BYTES);
        clear();
        MemorySegment attribute = arena.allocate(ATTRIBUTE_BYTES, Long.BYTES);
        attribute.set(JAVA_INT, 0, PROGRAMMATIC_STREAM_SERIALIZATION);
        attribute.set(JAVA_INT, ATTRIBUTE_VALUE, 1);
        configuration.set(JAVA_INT, offset("blockY"), 1);
        configuration.set(JAVA_INT, offset("blockZ"), 1);
        configuration.set(JAVA_LONG, offset("stream"), stream);
        configuration.set(JAVA_LONG, offset("attributes"), attribute.address());
    }

    private static long offset(String field) {
        return CONFIGURATION.byteOffset(groupElement(field));
    }

    static boolean hasDependentLaunch(GpuInfo info) {
        return info.computeCapability() >= DEPENDENT_CAPABILITY
                && info.driverVersion() >= DEPENDENT_DRIVER
                && !"false".equals(System.getProperty(DEPENDENT_LAUNCH_PROPERTY));
    }

    /**
     * Launches a kernel and answers the driver's result.
     *
     * @param afterKernel whether what was enqueued just before is a kernel of this library, which
     *     lets the one behind it come into place
     */
    int launch(KernelLaunch launch, boolean afterKernel) {
        setParameters(launch);
        Grid grid = launch.grid();
        configuration.set(JAVA_INT, GRID_X, grid.x());
        configuration.set(JAVA_INT, GRID_Y, grid.y());
        configuration.set(JAVA_INT, GRID_Z, grid.z());
        configuration.set(JAVA_INT, BLOCK_X, launch.threads());
        configuration.set(JAVA_INT, SHARED_BYTES, launch.sharedBytes());
        boolean dependent = hasDependentLaunch && afterKernel && launch.function().waits();
        configuration.set(JAVA_INT, ATTRIBUTE_COUNT, dependent ? 1 : 0);
        try {
            return (int)
                    Native.LAUNCH.invokeExact(
                            configuration, launch.function().handle(), MemorySegment.NULL, extra);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("cuLaunchKernelEx", e);
        }
    }

    private void setParameters(KernelLaunch launch) {
        MemorySegment arguments = launch.arguments();
        long mark = arguments.byteSize();
        MemorySegment.copy(arguments, 0, packed, 0, mark);
        packed.set(JAVA_LONG, mark, begun.segment().address());
        packed.set(JAVA_LONG, mark + Long.BYTES, launch.function().number());
        size.set(JAVA_LONG, 0, mark + 2 * Long.BYTES);
    }

    /** Number of the kernel that began last since {@link #clear}, or 0. */
    int lastBegun() {
        return begun.segment().get(JAVA_INT, 0);
    }

    void clear() {
        begun.segment().set(JAVA_INT, 0, 0);
    }

    @Override
    public void close() {
        begun.close();
        arena.close();
    }
}
