package dev.ocellus.kernels.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_INVALID_PTX;
import static jcuda.driver.CUresult.CUDA_ERROR_NOT_FOUND;
import static jcuda.driver.CUresult.CUDA_ERROR_NO_BINARY_FOR_GPU;
import static jcuda.driver.CUresult.CUDA_ERROR_UNSUPPORTED_PTX_VERSION;
import static jcuda.driver.JCudaDriver.cuModuleGetFunction;
import static jcuda.driver.JCudaDriver.cuModuleLoadData;

import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The kernels of one GPU: a module for each family, loaded from its PTX when first needed. Modules
 * end with the context. Thread-safe.
 *
 * <p>Some families have PTX for newer GPUs beside that for all. It is of the same PTX version, so
 * that a driver knows both or neither. Families whose name ends in {@value #HOPPER_ALONE} have PTX
 * for compute capability 9.0 alone.
 */
final class GpuModules {
    /** The oldest GPUs for which the PTX is made. */
    static final int COMPUTE_CAPABILITY = 80;

    /** The oldest GPUs for which the newer PTX is made, and the ending of its name. */
    private static final int NEWER_CAPABILITY = 90;

    private static final String NEWER = ".sm_90";

    private static final String HOPPER_ALONE = "_sm90a";

    private final Gpu gpu;
    private final Map<String, CUmodule> modules = new HashMap<>();
    private final Map<String, GpuFunction> functions = new HashMap<>();

    /** Names of the functions, by their numbers less one. */
    private final List<String> names = new ArrayList<>();

    GpuModules(Gpu gpu) {
        this.gpu = gpu;
    }

    synchronized GpuFunction function(String family, String kernel) {
        String name = family + "." + kernel;
        GpuFunction known = functions.get(name);
        if (known == null) {
            known = find(family, kernel, name);
            functions.put(name, known);
        }
        return known;
    }

    private GpuFunction find(String family, String kernel, String name) {
        CUfunction function = new CUfunction();
        int result = cuModuleGetFunction(function, module(family), kernel);
        if (result == CUDA_ERROR_NOT_FOUND) {
            throw new CudaException(
                    "%s.ptx has no kernel %s; build it again with kernels/cuda/ptx.sh"
                            .formatted(family, kernel));
        }
        gpu.check(result, "cuModuleGetFunction of " + name);
        names.add(name);
        return new GpuFunction(gpu, name, names.size(), function);
    }

    /** Whether this is the name of a function that was asked for. */
    synchronized boolean isKernel(String name) {
        return functions.containsKey(name);
    }

    /** Name of the function with this number, or null if there is none. */
    synchronized String name(int number) {
        return number > 0 && number <= names.size() ? names.get(number - 1) : null;
    }

    private CUmodule module(String family) {
        CUmodule known = modules.get(family);
        if (known == null) {
            known = load(family);
            modules.put(family, known);
        }
        return known;
    }

    private CUmodule load(String family) {
        String ptx = variant(family, gpu.info().computeCapability());
        CUmodule module = new CUmodule();
        int result = cuModuleLoadData(module, text(ptx));
        if (result != 0) {
            CudaException refusal = refusal(result, gpu.info(), ptx);
            if (refusal != null) {
                throw refusal;
            }
            gpu.check(result, "loading " + ptx + ".ptx");
        }
        return module;
    }

    /** Name of that PTX of a family which is best for a compute capability. */
    static String variant(String family, int computeCapability) {
        String newer = family + NEWER;
        boolean isNewer = computeCapability >= NEWER_CAPABILITY;
        return isNewer && GpuModules.class.getResource(newer + ".ptx") != null ? newer : family;
    }

    /** What an error at loading says about driver and GPU; null if nothing. */
    static CudaException refusal(int result, GpuInfo info, String ptx) {
        return switch (result) {
            case CUDA_ERROR_UNSUPPORTED_PTX_VERSION, CUDA_ERROR_INVALID_PTX ->
                    new PtxVersionException(
                            "%s: the driver does not know the PTX version of %s.ptx; install driver 525 or newer"
                                    .formatted(info, ptx));
            case CUDA_ERROR_NO_BINARY_FOR_GPU ->
                    new PtxVersionException(
                            "%s: %s.ptx is for other GPUs, of compute capability %s"
                                    .formatted(
                                            info,
                                            ptx,
                                            ptx.endsWith(HOPPER_ALONE) ? "9.0" : "8.0 or newer"));
            default -> null;
        };
    }

    /** With a zero at its end, as the driver wants it. */
    private static byte[] text(String ptx) {
        String resource = ptx + ".ptx";
        try (InputStream in = GpuModules.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new CudaException(
                        "the kernels of %s are missing; make them with kernels/cuda/ptx.sh"
                                .formatted(resource));
            }
            byte[] text = in.readAllBytes();
            return Arrays.copyOf(text, text.length + 1);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + resource, e);
        }
    }
}
