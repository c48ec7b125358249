package dev.ocellus.kernels.cuda;

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
import java.util.List;

/**
 * The functions of cuBLASLt, of CUDA 13 or 12, whose signatures are the same. Handles and device
 * addresses are {@code long}. Every method throws {@link CudaException} if the library answers an
 * error. Thread-safe, as the library is.
 */
final class CublasLtLibrary {
    private static final List<String> NAMES = List.of("libcublasLt.so.13", "libcublasLt.so.12");

    private static final int SUCCESS = 0;
    private static final int NOT_SUPPORTED = 15;

    /** Bytes of cublasLtMatmulHeuristicResult_t, and where in it the workspace's size is. */
    private static final long RESULT_BYTES = 96;

    private static final long RESULT_WORKSPACE = 64;

    /** Bytes of the algorithm at the start of a result. */
    private static final long ALGORITHM_BYTES = 64;

    private final SymbolLookup symbols;
    private final MethodHandle create;
    private final MethodHandle destroy;
    private final MethodHandle layoutCreate;
    private final MethodHandle layoutDestroy;
    private final MethodHandle productCreate;
    private final MethodHandle productDestroy;
    private final MethodHandle productSet;
    private final MethodHandle preferenceCreate;
    private final MethodHandle preferenceDestroy;
    private final MethodHandle preferenceSet;
    private final MethodHandle heuristic;
    private final MethodHandle multiply;

    /**
     * An algorithm that the library proposes.
     *
     * @param workspace bytes that it uses
     */
    record Algorithm(MemorySegment data, long workspace) {}

    /** What one product is: handles of the library. */
    record Description(long product, long w, long x, long c, long y) {}

    private CublasLtLibrary(SymbolLookup symbols) {
        this.symbols = symbols;
        create = function("cublasLtCreate", ADDRESS);
        destroy = function("cublasLtDestroy", JAVA_LONG);
        layoutCreate =
                function(
                        "cublasLtMatrixLayoutCreate",
                        ADDRESS,
                        JAVA_INT,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG);
        layoutDestroy = function("cublasLtMatrixLayoutDestroy", JAVA_LONG);
        productCreate = function("cublasLtMatmulDescCreate", ADDRESS, JAVA_INT, JAVA_INT);
        productDestroy = function("cublasLtMatmulDescDestroy", JAVA_LONG);
        productSet = setter("cublasLtMatmulDescSetAttribute");
        preferenceCreate = function("cublasLtMatmulPreferenceCreate", ADDRESS);
        preferenceDestroy = function("cublasLtMatmulPreferenceDestroy", JAVA_LONG);
        preferenceSet = setter("cublasLtMatmulPreferenceSetAttribute");
        heuristic =
                function(
                        "cublasLtMatmulAlgoGetHeuristic",
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_INT,
                        ADDRESS,
                        ADDRESS);
        multiply =
                function(
                        "cublasLtMatmul",
                        JAVA_LONG,
                        JAVA_LONG,
                        ADDRESS,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        ADDRESS,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG,
                        ADDRESS,
                        JAVA_LONG,
                        JAVA_LONG,
                        JAVA_LONG);
    }

    /**
     * Opens the library by its name, on the path of libraries or loaded before.
     *
     * @throws CudaUnavailableException if there is none
     */
    static CublasLtLibrary open() {
        for (String name : NAMES) {
            SymbolLookup symbols;
            try {
                symbols = SymbolLookup.libraryLookup(name, Arena.global());
            } catch (IllegalArgumentException e) {
                continue;
            }
            return new CublasLtLibrary(symbols);
        }
        throw new CudaUnavailableException(
                "no cuBLASLt: neither %s can be loaded; install the CUDA libraries, or name the file with -D%s=..."
                        .formatted(String.join(" nor ", NAMES), CudaLibraries.PRELOAD_PROPERTY));
    }

    private MethodHandle function(String name, MemoryLayout... arguments) {
        return Linker.nativeLinker()
                .downcallHandle(find(name), FunctionDescriptor.of(JAVA_INT, arguments));
    }

    private MethodHandle setter(String name) {
        return function(name, JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
    }

    private MemorySegment find(String name) {
        return symbols.find(name)
                .orElseThrow(
                        () ->
                                new CudaUnavailableException(
                                        "cuBLASLt lacks %s; install that of CUDA 12 or 13"
                                                .formatted(name)));
    }

    /** As a number. */
    long version() {
        MethodHandle version =
                Linker.nativeLinker()
                        .downcallHandle(
                                find("cublasLtGetVersion"), FunctionDescriptor.of(JAVA_LONG));
        try {
            return (long) version.invokeExact();
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    long create() {
        return made(create, "cublasLtCreate");
    }

    void destroy(long handle) {
        free(destroy, handle);
    }

    /** A column-major matrix. */
    long layout(int type, long rows, long columns, long ld) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment made = arena.allocate(JAVA_LONG);
            int status = (int) layoutCreate.invokeExact(made, type, rows, columns, ld);
            check(status, "cublasLtMatrixLayoutCreate");
            return made.get(JAVA_LONG, 0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    void destroyLayout(long layout) {
        free(layoutDestroy, layout);
    }

    long product(int computeType, int scaleType) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment made = arena.allocate(JAVA_LONG);
            int status = (int) productCreate.invokeExact(made, computeType, scaleType);
            check(status, "cublasLtMatmulDescCreate");
            return made.get(JAVA_LONG, 0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    void destroyProduct(long product) {
        free(productDestroy, product);
    }

    void setProduct(long product, int attribute, int value) {
        set(productSet, product, attribute, value);
    }

    void setProduct(long product, int attribute, long value) {
        set(productSet, product, attribute, value);
    }

    long preference() {
        return made(preferenceCreate, "cublasLtMatmulPreferenceCreate");
    }

    void destroyPreference(long preference) {
        free(preferenceDestroy, preference);
    }

    void setPreference(long preference, int attribute, int value) {
        set(preferenceSet, preference, attribute, value);
    }

    void setPreference(long preference, int attribute, long value) {
        set(preferenceSet, preference, attribute, value);
    }

    /**
     * The algorithm that the library holds to be fastest, or null if it has none.
     *
     * @param arena keeps it
     */
    Algorithm algorithm(long handle, Description d, long preference, Arena arena) {
        MemorySegment result = arena.allocate(RESULT_BYTES, Long.BYTES);
        MemorySegment found = arena.allocate(JAVA_INT);
        try {
            int status =
                    (int)
                            heuristic.invokeExact(
                                    handle,
                                    d.product,
                                    d.w,
                                    d.x,
                                    d.c,
                                    d.y,
                                    preference,
                                    1,
                                    result,
                                    found);
            if (status == NOT_SUPPORTED || status == SUCCESS && found.get(JAVA_INT, 0) == 0) {
                return null;
            }
            check(status, "cublasLtMatmulAlgoGetHeuristic");
        } catch (Throwable e) {
            throw unexpected(e);
        }
        return new Algorithm(
                result.asSlice(0, ALGORITHM_BYTES), result.get(JAVA_LONG, RESULT_WORKSPACE));
    }

    /** Enqueues {@code y = alpha w^T x + beta c} with what the product's attributes add. */
    void multiply(
            long handle,
            Description d,
            MemorySegment alpha,
            MemorySegment beta,
            Blas.Operands at,
            Algorithm algorithm,
            long stream) {
        try {
            int status =
                    (int)
                            multiply.invokeExact(
                                    handle,
                                    d.product,
                                    alpha,
                                    at.w(),
                                    d.w,
                                    at.x(),
                                    d.x,
                                    beta,
                                    at.c(),
                                    d.c,
                                    at.y(),
                                    d.y,
                                    algorithm.data,
                                    at.workspace(),
                                    algorithm.workspace,
                                    stream);
            check(status, "cublasLtMatmul");
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static long made(MethodHandle create, String name) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment made = arena.allocate(JAVA_LONG);
            check((int) create.invokeExact(made), name);
            return made.get(JAVA_LONG, 0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Without a check: nothing could be done about it. */
    private static void free(MethodHandle destroy, long handle) {
        try {
            int ignored = (int) destroy.invokeExact(handle);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static void set(MethodHandle setter, long object, int attribute, int value) {
        try (Arena arena = Arena.ofConfined()) {
            set(setter, object, attribute, arena.allocateFrom(JAVA_INT, value));
        }
    }

    private static void set(MethodHandle setter, long object, int attribute, long value) {
        try (Arena arena = Arena.ofConfined()) {
            set(setter, object, attribute, arena.allocateFrom(JAVA_LONG, value));
        }
    }

    private static void set(MethodHandle setter, long object, int attribute, MemorySegment value) {
        try {
            int status = (int) setter.invokeExact(object, attribute, value, value.byteSize());
            check(status, "attribute " + attribute + " of cuBLASLt");
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static void check(int status, String call) {
        if (status != SUCCESS) {
            throw new CudaException(call + " failed with " + CublasStatus.name(status));
        }
    }

    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return e instanceof RuntimeException r
                ? r
                : new IllegalStateException("a call of cuBLASLt failed", e);
    }
}
