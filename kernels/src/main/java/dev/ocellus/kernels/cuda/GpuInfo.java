package dev.ocellus.kernels.cuda;

/**
 * What a GPU is.
 *
 * @param ordinal number by which it is opened; the driver's order
 * @param name as the driver gives it
 * @param bytes of memory in all
 * @param computeMajor compute capability, before the point
 * @param computeMinor and after it
 * @param multiprocessors streaming multiprocessors
 * @param sharedBytes shared memory that one block can have at most
 * @param driverVersion highest CUDA version of the driver: 12040 is 12.4
 */
public record GpuInfo(
        int ordinal,
        String name,
        long bytes,
        int computeMajor,
        int computeMinor,
        int multiprocessors,
        int sharedBytes,
        int driverVersion) {
    /** Compute capability in two digits: 80, 89, 90. */
    public int computeCapability() {
        return 10 * computeMajor + computeMinor;
    }

    @Override
    public String toString() {
        return "GPU %d, %s, %.1f GiB, compute capability %d.%d, driver for CUDA %d.%d"
                .formatted(
                        ordinal,
                        name,
                        bytes / (double) (1L << 30),
                        computeMajor,
                        computeMinor,
                        driverVersion / 1000,
                        driverVersion % 1000 / 10);
    }
}
