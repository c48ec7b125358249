package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code image.cu}: operations of image encoders and of preprocessing. Thread-safe. */
final class ImageKernels {
    private final Gpu gpu;

    ImageKernels(Gpu gpu) {
        this.gpu = gpu;
    }

    List<GpuWork> patchify(KernelCall.Patchify call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("Patchify on " + gpu.info().name());
    }

    List<GpuWork> assembleTokens(KernelCall.AssembleTokens call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("AssembleTokens on " + gpu.info().name());
    }

    List<GpuWork> pixelUnshuffle(KernelCall.PixelUnshuffle call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("PixelUnshuffle on " + gpu.info().name());
    }

    List<GpuWork> resizeRows(KernelCall.ResizeRows call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("ResizeRows on " + gpu.info().name());
    }

    List<GpuWork> resizePlanes(KernelCall.ResizePlanes call, long scratch, Arena arena) {
        throw new UnsupportedOperationException("ResizePlanes on " + gpu.info().name());
    }
}
