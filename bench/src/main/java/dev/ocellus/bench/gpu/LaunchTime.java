package dev.ocellus.bench.gpu;

import dev.ocellus.kernels.KernelCall.MatMul;

/**
 * The predicted time of a launch: the longest of its bytes, its arithmetic and the least time of
 * any kernel, and the gap to the launch before.
 *
 * <p>Blocks run in waves of as many as the multiprocessors hold. A wave moves bytes as fast as
 * memory allows, or as its threads' loads under way allow (Little's law: bytes under way = rate *
 * latency), and multiplies as fast as the multiprocessors that have a block.
 *
 * @param seconds in all
 * @param bound what takes longest
 * @param blocksHeld at once by a multiprocessor; 0 for a product of a library
 */
record LaunchTime(double seconds, Bound bound, int blocksHeld) {

    /** What takes longest. */
    enum Bound {
        MEMORY,
        ARITHMETIC,
        LATENCY
    }

    /**
     * From the end of a kernel in a graph to the end of an empty one after it. Spector et al., Look
     * Ma, No Bubbles (2025), measured 1.3 us on an H100.
     */
    static final double GAP = 1.3e-6;

    /** Round trips to memory that follow each other in any kernel: counts, then operands. */
    static final double ROUND_TRIPS = 2;

    /** Latency of memory under load, over that of an idle one: an assumption. */
    static final double LOADED = 2;

    /** Share of the published rate of memory that reading kernels reach: an assumption. */
    static final double MEMORY_SHARE = 0.92;

    /** Share of the published rate that large products of a library reach: an assumption. */
    static final double LIBRARY_SHARE = 0.8;

    /** Share of what their instructions allow that own kernels reach: an assumption. */
    static final double OWN_SHARE = 0.5;

    /**
     * Share of Hopper's rate that the instructions of a warp reach, which own kernels use but for
     * attention of many queries: 62.9 % by Luo et al. (2024).
     */
    static final double HOPPER_WARP_SHARE = 0.63;

    /** Side of a tile of a library's product, for the last wave. */
    private static final long LIBRARY_TILE = 128;

    static LaunchTime of(LaunchWork work, GpuSpec gpu, Registers registers) {
        if (work.launch().isLibrary()) {
            return library(work, gpu);
        }
        String kernel = work.launch().name();
        Registers.Needs needs = registers.of(kernel, gpu);
        int held =
                Occupancy.blocks(
                        gpu.holds(),
                        work.launch().threads(),
                        needs.registers(),
                        needs.sharedBytes() + work.launch().sharedBytes());
        if (held == 0) {
            throw new IllegalArgumentException(
                    "%s has no room on %s".formatted(kernel, gpu.name()));
        }
        KernelTraits traits = KernelTraits.of(kernel);
        double blockFlight = (double) work.launch().threads() * traits.flightBytes();
        double rate = rate(traits.unit(), gpu) * OWN_SHARE;
        double memory = 0;
        double arithmetic = 0;
        double wave = (double) held * gpu.processors();
        for (double left = work.blocks(); left > 0; left -= wave) {
            double running = Math.min(left, wave);
            double share = running / work.blocks();
            memory += work.bytes() * share / memoryRate(gpu, running * blockFlight);
            double busy = Math.min(1, running / gpu.processors());
            arithmetic += work.cost().flops() * share / (rate * busy);
        }
        return longest(memory, arithmetic, latency(gpu), held);
    }

    /** Seconds from a load to its data on an idle GPU, as often as any kernel waits. */
    private static double latency(GpuSpec gpu) {
        return ROUND_TRIPS * gpu.latencyCycles() / gpu.clock();
    }

    /** Bytes a second with so many under way. */
    static double memoryRate(GpuSpec gpu, double flightBytes) {
        double latency = LOADED * gpu.latencyCycles() / gpu.clock();
        return Math.min(MEMORY_SHARE * gpu.bytesPerSecond(), flightBytes / latency);
    }

    private static double rate(KernelTraits.Unit unit, GpuSpec gpu) {
        double tensor = gpu.isHopper() ? HOPPER_WARP_SHARE : 1;
        return switch (unit) {
            case F32 -> gpu.f32();
            case BF16 -> gpu.bf16() * tensor;
            case BF16_GROUPS -> gpu.bf16();
            case INT8 -> gpu.int8() * tensor;
        };
    }

    private static LaunchTime library(LaunchWork work, GpuSpec gpu) {
        double waves = 1;
        double rate = gpu.bf16();
        if (work.launch().call() instanceof MatMul m) {
            long n = m.n() * (m.gated() + 1);
            double tiles = Math.ceilDiv(m.rows(), LIBRARY_TILE) * Math.ceilDiv(n, LIBRARY_TILE);
            waves = tiles / gpu.processors();
            rate =
                    switch (m.compute()) {
                        case F32 -> gpu.f32();
                        case BF16, F16 -> gpu.bf16();
                        case INT8 -> gpu.int8();
                    };
        }
        double full = waves / Math.ceil(waves);
        double arithmetic = work.cost().flops() / (LIBRARY_SHARE * rate * full);
        double memory = work.bytes() / (MEMORY_SHARE * gpu.bytesPerSecond());
        return longest(memory, arithmetic, latency(gpu), 0);
    }

    private static LaunchTime longest(double memory, double arithmetic, double latency, int held) {
        double most = Math.max(latency, Math.max(memory, arithmetic));
        Bound bound =
                most == memory
                        ? Bound.MEMORY
                        : most == arithmetic ? Bound.ARITHMETIC : Bound.LATENCY;
        return new LaunchTime(most + GAP, bound, held);
    }
}
