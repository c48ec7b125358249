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
        /** Tensor cores, fed by the instructions of a warp; float16 likewise. */
        BF16,
        /** Tensor cores, fed by the instructions of groups of warps. */
        BF16_GROUPS,
        /** As {@link #BF16}, with int8. */
        INT8
    }

    /** Kernels whose names begin so; the first that fits counts. */
    private record Family(String prefix, KernelTraits traits) {}

    /** One load of 16 bytes: kernels that pass over their operands once. */
    private static final KernelTraits SIMPLE = new KernelTraits(16, Unit.F32);

    private static final List<Family> FAMILIES =
            List.of(
                    // Seven pairs of 16-byte vectors, across strips and barriers.
                    family("matmul_few.matmul_few_mma", 224, Unit.BF16),
                    family("matmul_few.matmul_normed_mma", 224, Unit.BF16),
                    // Two of three stages of 8 KiB for 128 threads.
                    family("matmul_few.", 128, Unit.F32),
                    // Two of three stages of 16 KiB for 128 threads.
                    family("matmul.matmul_tile_mma", 256, Unit.BF16),
                    // Eight sums, and as many of another operand where there is one.
                    family("matmul.matmul_finish", 32, Unit.F32),
                    // Eight weights and eight activations.
                    family("matmul.matmul_tile", 48, Unit.F32),
                    // Five of six stages, of up to 16 KiB for 256 threads; half as much is
                    // likelier.
                    family("blockmatmul.blockmatmul_one_f8", 160, Unit.BF16),
                    family("blockmatmul.blockmatmul_one", 160, Unit.INT8),
                    family("blockmatmul.blockmatmul_few_f8", 160, Unit.BF16),
                    family("blockmatmul.blockmatmul_few", 160, Unit.INT8),
                    // Three of four stages, or two of three that are longer.
                    family("blockmatmul.blockmatmul_narrow_f8", 96, Unit.BF16),
                    family("blockmatmul.blockmatmul_narrow", 96, Unit.INT8),
                    family("blockmatmul.blockmatmul_tile_f8", 96, Unit.BF16),
                    family("blockmatmul.blockmatmul_tile", 96, Unit.INT8),
                    // A range of 256 keys, then of values, for 128 threads; half is awaited.
                    family("paged_attention_few.paged_attention_few_matrix", 256, Unit.BF16),
                    family("paged_attention_few.paged_attention_few_plain", 64, Unit.F32),
                    family("paged_attention.paged_attention_matrix", 128, Unit.BF16),
                    // Three of four slots of 32 KiB for 384 threads.
                    family("paged_attention_sm90a", 256, Unit.BF16_GROUPS),
                    family("attention_sm90a", 256, Unit.BF16_GROUPS),
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
