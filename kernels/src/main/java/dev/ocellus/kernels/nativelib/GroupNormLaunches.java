package dev.ocellus.kernels.nativelib;

import dev.ocellus.kernels.KernelCall;

/** Scratch memory of group normalisation; see {@code kernels/c/norm.c}. */
final class GroupNormLaunches {
    private static final long BLOCK_PIXELS = 64;

    /** For each image two values for each channel: of each block of pixels, and of them all. */
    static long scratchBytes(KernelCall.GroupNorm c) {
        long blocks = (c.pixels() + BLOCK_PIXELS - 1) / BLOCK_PIXELS;
        long values = Math.multiplyExact(c.rows() * (blocks + 1), 2 * c.cols());
        return Math.multiplyExact(values, Float.BYTES);
    }

    private GroupNormLaunches() {}
}
