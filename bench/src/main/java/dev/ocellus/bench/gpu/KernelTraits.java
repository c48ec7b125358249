package dev.ocellus.bench.gpu;

import java.util.List;

/**
 * What the performance model knows of a kernel beside its launch: read off its source.
 *
 * @param flightBytes bytes of memory that a thread has asked for and not got yet, on average: all
 *     of its copies under way where they overlap with work, half where all are awaited before the
 *     next are asked for
 * @param unit that does its arithmetic
 */
record KernelTraits(int flightBytes, Unit unit) {

    /** What multiplies. */
    enum Unit {
        /** Instructions on float32. */
        F32,
        /** Tensor cores, fed by the instructions of a warp. */
        BF16,
        /** The same with int8. */
        INT8
    }

    /** Kernels whose names begin so; the first that fits counts. */
    private record Family(String prefix, KernelTraits traits) {}

    /** One load of 16 bytes: kernels that pass over their operands once. */
    private static final KernelTraits SIMPLE = new KernelTraits(16, Unit.F32);

    private static final List<Family> FAMILIES =
            List.of(
                    // 16 loads of 16 bytes, all awaited by the products.
                    family("matmul.matmul_few_mma", 128, Unit.BF16),
                    // Four loads of 16 bytes, under way during the products before.
                    family("matmul.matmul_few", 64, Unit.F32),
                    // Two of three stages of 16 KiB for 128 threads.
                    family("matmul.matmul_tile_mma", 256, Unit.BF16),
                    // Eight weights and eight activations.
                    family("matmul.matmul_tile", 48, Unit.F32),
                    // Four blocks: 16 or 8 bytes of weights and 4 of scales each, awaited.
                    family("blockmatmul.blockmatmul_few_gated_q8", 40, Unit.INT8),
                    family("blockmatmul.blockmatmul_few_q8", 40, Unit.INT8),
                    family("blockmatmul.blockmatmul_few", 24, Unit.INT8),
                    family("blockmatmul.blockmatmul_tile", 64, Unit.INT8),
                    // A tile of keys or values of 16 KiB for a warp, or for four.
                    family("paged_attention.paged_attention_parts_matrix", 512, Unit.BF16),
                    family("paged_attention.paged_attention_parts_plain", 64, Unit.F32),
                    family("paged_attention.paged_attention_matrix", 128, Unit.BF16),
                    family("attention.attention_matrix", 128, Unit.BF16));

    private static Family family(String prefix, int flightBytes, Unit unit) {
        return new Family(prefix, new KernelTraits(flightBytes, unit));
    }

    static KernelTraits of(String kernel) {
        return FAMILIES.stream()
                .filter(f -> kernel.startsWith(f.prefix))
                .map(Family::traits)
                .findFirst()
                .orElse(SIMPLE);
    }
}
