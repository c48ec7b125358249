package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.util.List;

/** Launches of {@code image.cu}: operations of image encoders and of preprocessing. Thread-safe. */
final class ImageKernels {
    /** Rows of a quad, which the passes of resampling exchange. */
    private static final long QUAD_ROWS = 4;

    private final FlatLaunch flat;

    ImageKernels(Gpu gpu) {
        flat = new FlatLaunch(gpu, "image");
    }

    List<GpuWork> patchify(KernelCall.Patchify call, long scratch, Arena arena) {
        long patches = (call.height() / call.patch()) * (call.width() / call.patch());
        long elements = call.channels() * call.patch() * call.patch();
        long threads = Math.multiplyExact(call.rows() * patches, elements);
        return flat.one("patchify", threads, call, scratch, arena);
    }

    List<GpuWork> assembleTokens(KernelCall.AssembleTokens call, long scratch, Arena arena) {
        long tokens = Math.multiplyExact(call.rows(), 1 + call.tokens());
        long quads = FlatLaunch.quads(tokens, call.cols());
        return flat.one("assemble_tokens", quads, call, scratch, arena);
    }

    List<GpuWork> pixelUnshuffle(KernelCall.PixelUnshuffle call, long scratch, Arena arena) {
        long cells = Math.multiplyExact(call.rows(), call.height() * call.width());
        long quads = FlatLaunch.quads(cells, call.cols());
        return flat.one("pixel_unshuffle", quads, call, scratch, arena);
    }

    List<GpuWork> resizeRows(KernelCall.ResizeRows call, long scratch, Arena arena) {
        long quads = FlatLaunch.ceilDiv(call.rows(), QUAD_ROWS);
        long threads = Math.multiplyExact(quads, call.cols());
        return flat.one("resize_rows", threads, call, scratch, arena);
    }

    List<GpuWork> resizePlanes(KernelCall.ResizePlanes call, long scratch, Arena arena) {
        long pixels = Math.multiplyExact(call.rows(), call.cols());
        return flat.one("resize_planes", pixels, call, scratch, arena);
    }
}
