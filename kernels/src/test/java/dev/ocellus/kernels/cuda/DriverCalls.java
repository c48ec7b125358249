package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Arrays;
import java.util.List;

/**
 * The CUDA driver's functions called by their names, for tests of the software GPU itself. Handles
 * and device addresses are {@code long}s. For one thread; what it allocates of the host lives until
 * it is closed.
 */
final class DriverCalls implements AutoCloseable {
    static final int SUCCESS = 0;
    static final int INVALID_VALUE = 1;
    static final int OUT_OF_MEMORY = 2;
    static final int INVALID_IMAGE = 200;
    static final int INVALID_CONTEXT = 201;
    static final int NO_BINARY_FOR_GPU = 209;
    static final int UNSUPPORTED_PTX_VERSION = 222;
    static final int INVALID_HANDLE = 400;
    static final int NOT_FOUND = 500;
    static final int NOT_READY = 600;
    static final int ILLEGAL_ADDRESS = 700;
    static final int ALREADY_REGISTERED = 712;
    static final int NOT_REGISTERED = 713;
    static final int LAUNCH_FAILED = 719;
    static final int NOT_SUPPORTED = 801;
    static final int CAPTURE_UNSUPPORTED = 900;
    static final int CAPTURE_INVALIDATED = 901;
    static final int CAPTURE_UNJOINED = 904;

    final Arena arena = Arena.ofConfined();
    private final SymbolLookup driver = SymbolLookup.loaderLookup();

    /** The status that a function answers; arguments are int, long or MemorySegment. */
    int status(String function, Object... arguments) {
        MemoryLayout[] layouts =
                Arrays.stream(arguments).map(DriverCalls::layout).toArray(MemoryLayout[]::new);
        try {
            return (int)
                    Linker.nativeLinker()
                            .downcallHandle(
                                    driver.findOrThrow(function),
                                    FunctionDescriptor.of(JAVA_INT, layouts))
                            .invokeWithArguments(List.of(arguments));
        } catch (Throwable e) {
            throw new IllegalStateException(function, e);
        }
    }

    void call(String function, Object... arguments) {
        int status = status(function, arguments);
        if (status != SUCCESS) {
            throw new IllegalStateException(function + ": " + status + ", " + SoftGpu.lastFault());
        }
    }

    /** The handle or address that a function stores at its first argument. */
    long create(String function, Object... arguments) {
        MemorySegment out = arena.allocate(JAVA_LONG);
        Object[] all = new Object[arguments.length + 1];
        all[0] = out;
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        call(function, all);
        return out.get(JAVA_LONG, 0);
    }

    long context() {
        call("cuInit", 0);
        return create("cuCtxCreate_v2", 0, 0);
    }

    long allocate(long bytes) {
        return create("cuMemAlloc_v2", bytes);
    }

    long floats(float... values) {
        long address = allocate(4L * values.length);
        call(
                "cuMemcpyHtoD_v2",
                address,
                arena.allocateFrom(JAVA_FLOAT, values),
                4L * values.length);
        return address;
    }

    float[] read(long address, int n) {
        MemorySegment host = arena.allocate(JAVA_FLOAT, n);
        call("cuMemcpyDtoH_v2", host, address, 4L * n);
        return host.toArray(JAVA_FLOAT);
    }

    long module(String ptx) {
        return create("cuModuleLoadData", arena.allocateFrom(ptx));
    }

    /** A kernel of the self-tests, which take {@code struct Probe}. */
    long kernel(String name) {
        return create(
                "cuModuleGetFunction",
                module(ptx("8.0", "sm_80", name, 24)),
                arena.allocateFrom(name));
    }

    /** The text of a module with one kernel. */
    static String ptx(String version, String target, String kernel, int parameterBytes) {
        return ptx(version, target, kernel, parameterBytes, "ret;");
    }

    static String ptx(
            String version, String target, String kernel, int parameterBytes, String body) {
        return """
                .version %s
                .target %s
                .address_size 64
                .visible .entry %s(
                	.param .align 8 .b8 %s_param_0[%d]
                )
                {
                	%s
                }
                """
                .formatted(version, target, kernel, kernel, parameterBytes, body);
    }

    /** The status of launching blocks of 128 threads with {@code Probe{out, in, n}}. */
    int launch(long kernel, int blocks, int sharedBytes, long stream, long out, long in, long n) {
        MemorySegment probe = arena.allocateFrom(JAVA_LONG, out, in, n);
        MemorySegment parameters = arena.allocateFrom(ADDRESS, probe);
        return status(
                "cuLaunchKernel",
                kernel,
                blocks,
                1,
                1,
                128,
                1,
                1,
                sharedBytes,
                stream,
                parameters,
                MemorySegment.NULL);
    }

    /** The same of a block that may begin before what comes before it has ended. */
    int launchDependent(long kernel, int blocks, long out, long in, long n) {
        MemorySegment probe = arena.allocateFrom(JAVA_LONG, out, in, n);
        MemorySegment parameters = arena.allocateFrom(ADDRESS, probe);
        MemorySegment attribute = arena.allocate(72, 8);
        attribute.set(JAVA_INT, 0, 6);
        attribute.set(JAVA_INT, 8, 1);
        MemorySegment configuration = arena.allocate(56, 8);
        int[] shape = {blocks, 1, 1, 128, 1, 1, 0};
        MemorySegment.copy(shape, 0, configuration, JAVA_INT, 0, shape.length);
        configuration.set(ADDRESS, 40, attribute);
        configuration.set(JAVA_INT, 48, 1);
        return status("cuLaunchKernelEx", configuration, kernel, parameters, MemorySegment.NULL);
    }

    private static MemoryLayout layout(Object argument) {
        return switch (argument) {
            case Integer _ -> JAVA_INT;
            case Long _ -> JAVA_LONG;
            default -> ADDRESS;
        };
    }

    @Override
    public void close() {
        arena.close();
    }
}
