package dev.ocellus.kernels.cuda;

import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;

/** Loads the libraries that CUDA needs, once for the process. */
public final class CudaLibraries {
    /**
     * Property that names libraries to load before JCuda's, separated as on the class path: for a
     * driver or a cuBLAS that does not lie where the system looks for libraries.
     */
    public static final String PRELOAD_PROPERTY = "ocellus.cuda.preload";

    static final String DRIVER = "libcuda.so.1";

    private static boolean loaded;

    /**
     * Loads what {@link #PRELOAD_PROPERTY} names, then JCuda. Does nothing from the second time on.
     *
     * @throws CudaUnavailableException if one of them is missing; the message says which
     */
    static synchronized void load() {
        if (loaded) {
            return;
        }
        String preload = System.getProperty(PRELOAD_PROPERTY, "");
        for (String library : preload.split(File.pathSeparator)) {
            if (!library.isBlank()) {
                preload(Path.of(library));
            }
        }
        requireDriver();
        requireBinding();
        loaded = true;
    }

    private static void preload(Path library) {
        if (!Files.isRegularFile(library)) {
            throw new CudaUnavailableException(
                    "%s names %s, which is no file; correct the path or leave it out"
                            .formatted(PRELOAD_PROPERTY, library));
        }
        try {
            System.load(library.toAbsolutePath().toString());
        } catch (UnsatisfiedLinkError e) {
            throw new CudaUnavailableException(
                    "%s names %s, which cannot be loaded: %s"
                            .formatted(PRELOAD_PROPERTY, library, e.getMessage()),
                    e);
        }
    }

    /** Looked for before JCuda does, whose message would be a page long. */
    private static void requireDriver() {
        try {
            SymbolLookup.libraryLookup(DRIVER, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new CudaUnavailableException(
                    "no NVIDIA driver: %s cannot be loaded; install the driver, or name the file with -D%s=..."
                            .formatted(DRIVER, PRELOAD_PROPERTY),
                    e);
        }
    }

    private static void requireBinding() {
        try {
            Class.forName("jcuda.driver.JCudaDriver");
        } catch (ClassNotFoundException e) {
            throw new CudaUnavailableException(
                    "JCuda is not on the class path; add org.jcuda:jcuda and org.jcuda:jcublas, each"
                            + " with its natives for this system",
                    e);
        } catch (UnsatisfiedLinkError | ExceptionInInitializerError | NoClassDefFoundError e) {
            throw new CudaUnavailableException(
                    "JCuda's native library cannot be loaded; add org.jcuda:jcuda-natives with the"
                            + " classifier of this system, and see that the temporary folder can be written",
                    e);
        }
    }

    private CudaLibraries() {}
}
