package dev.ocellus.kernels.nativelib;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;

import java.util.ArrayList;
import java.util.List;

/**
 * A convolution strip by strip: the patches of a strip are packed, then multiplied, so that scratch
 * memory is bounded however large the images are. See {@code kernels/c/conv.c}.
 */
final class Conv2dLaunches {
    /** Pixels of a unit. */
    private static final long BLOCK_PIXELS = 96;

    /** Packed patches of a strip, unless a block alone takes more. */
    private static final long STRIP_BYTES = 8L << 20;

    /** Bytes of the packed patches of one strip. */
    static long scratchBytes(KernelCall.Conv2d c) {
        long pixels = Math.min(stripPixels(c), pixels(c));
        return Math.multiplyExact(pixels, paddedDepth(c) * Float.BYTES);
    }

    static List<Launch> of(KernelCall.Conv2d c, Launch pack, Launch multiply) {
        long strips = (pixels(c) + stripPixels(c) - 1) / stripPixels(c);
        List<Launch> launches = new ArrayList<>();
        for (long i = 0; i < strips; i++) {
            launches.add(new Part(pack, i, strips));
            launches.add(new Part(multiply, i, strips));
        }
        return List.copyOf(launches);
    }

    private static long pixels(KernelCall.Conv2d c) {
        return c.rows() * c.outHeight() * c.outWidth();
    }

    private static long stripPixels(KernelCall.Conv2d c) {
        long blockBytes = BLOCK_PIXELS * Float.BYTES * paddedDepth(c);
        return Math.max(1, STRIP_BYTES / blockBytes) * BLOCK_PIXELS;
    }

    /** Elements of a patch, in whole pairs. */
    private static long paddedDepth(KernelCall.Conv2d c) {
        return (c.k() + 1) / 2 * 2;
    }

    /** One of {@code count} equal parts of a launch's units. */
    private record Part(Launch whole, long index, long count) implements Launch {
        @Override
        public long units() {
            return whole.units() / count;
        }

        @Override
        public void run(long begin, long end) {
            long first = index * units();
            whole.run(first + begin, first + end);
        }
    }

    private Conv2dLaunches() {}
}
