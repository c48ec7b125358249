package dev.ocellus.bench.gpu;

import dev.ocellus.kernels.cuda.GpuInfo;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What the maker publishes of a GPU: data sheets and architecture white papers (A100, Ada, Hopper),
 * the programming guide for what a multiprocessor holds. Rates are dense ones with sums in float32,
 * at boost clocks.
 *
 * @param name for people
 * @param match what the driver's name of it contains, in lower case
 * @param capability compute capability in two digits
 * @param processors multiprocessors
 * @param clock boost clock in Hz
 * @param memoryBytes of memory
 * @param bytesPerSecond of memory
 * @param bf16 operations a second of the tensor cores
 * @param f32 operations a second of the other ones
 * @param int8 operations a second of the tensor cores
 * @param holds what a multiprocessor has room for
 * @param latencyCycles from a load to its data, if nothing else loads: measured by Luo et al.,
 *     Benchmarking and Dissecting the Nvidia Hopper GPU Architecture through Microbenchmarking
 *     (2024), for A100, RTX 4090 and H100
 */
record GpuSpec(
        String name,
        String match,
        int capability,
        int processors,
        double clock,
        long memoryBytes,
        double bytesPerSecond,
        double bf16,
        double f32,
        double int8,
        Occupancy.Limits holds,
        double latencyCycles) {
    private static final long GB = 1_000_000_000L;
    private static final double TERA = 1e12;

    static final List<GpuSpec> ALL =
            List.of(
                    new GpuSpec(
                            "A100 80 GB SXM",
                            "a100",
                            80,
                            108,
                            1.410e9,
                            80 * GB,
                            2039e9,
                            312 * TERA,
                            19.5 * TERA,
                            624 * TERA,
                            new Occupancy.Limits(2048, 32, 164 << 10),
                            466),
                    new GpuSpec(
                            "L40S",
                            "l40s",
                            89,
                            142,
                            2.520e9,
                            48 * GB,
                            864e9,
                            362 * TERA,
                            91.6 * TERA,
                            733 * TERA,
                            new Occupancy.Limits(1536, 24, 100 << 10),
                            542),
                    new GpuSpec(
                            "RTX 4090",
                            "4090",
                            89,
                            128,
                            2.520e9,
                            24 * GB,
                            1008e9,
                            165.2 * TERA,
                            82.6 * TERA,
                            660.6 * TERA,
                            new Occupancy.Limits(1536, 24, 100 << 10),
                            542),
                    new GpuSpec(
                            "H100 SXM",
                            "h100",
                            90,
                            132,
                            1.830e9,
                            80 * GB,
                            3350e9,
                            989.4 * TERA,
                            66.9 * TERA,
                            1979 * TERA,
                            new Occupancy.Limits(2048, 32, 228 << 10),
                            479),
                    new GpuSpec(
                            "H200 SXM",
                            "h200",
                            90,
                            132,
                            1.830e9,
                            141 * GB,
                            4800e9,
                            989.4 * TERA,
                            66.9 * TERA,
                            1979 * TERA,
                            new Occupancy.Limits(2048, 32, 228 << 10),
                            479));

    /** The one that the driver calls so. */
    static Optional<GpuSpec> of(String driverName) {
        String lower = driverName.toLowerCase(Locale.ROOT);
        return ALL.stream().filter(s -> lower.contains(s.match)).findFirst();
    }

    /**
     * Those that would launch what this one does: kernels are chosen by the compute capability, and
     * some grids by the number of multiprocessors.
     *
     * @throws IllegalArgumentException if there is none
     */
    static List<GpuSpec> like(GpuInfo here) {
        List<GpuSpec> like =
                ALL.stream()
                        .filter(s -> s.capability == here.computeCapability())
                        .filter(s -> s.processors == here.multiprocessors())
                        .toList();
        if (like.isEmpty()) {
            throw new IllegalArgumentException(
                    "%s has %d multiprocessors, as no GPU in the list of the model; add it to GpuSpec"
                            .formatted(here, here.multiprocessors()));
        }
        return like;
    }

    /** Whether its tensor cores reach their rate only by instructions of groups of warps. */
    boolean isHopper() {
        return capability == 90;
    }
}
