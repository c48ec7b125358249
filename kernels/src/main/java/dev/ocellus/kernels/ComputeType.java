package dev.ocellus.kernels;

import dev.ocellus.tensor.DType;

/**
 * The type in which the factors of a matrix product meet; sums are always float32. The order is
 * part of the native interface.
 */
public enum ComputeType {
    /** Weights are widened, activations stay float32: products are exact up to float32 rounding. */
    F32,
    /** Activations are rounded to bfloat16 (nearest even); only for {@code BF16} weights. */
    BF16,
    /**
     * For {@code Q8} and {@code Q4} weights, always and only. A row of activations is cut into
     * blocks of 32, the last one padded with zeros, and rounded to integers: with {@code m} the
     * largest magnitude of a block, {@code q = rint(x * (127 / m))} (nearest even), and the block's
     * scale is {@code m / 127}; all in float32. A block with m below 2^-100 counts as zero.
     * Products of integers are summed exactly in each block; then {@code sum = fma(block * weight
     * scale, activation scale, sum)} in float32, blocks in ascending order.
     */
    INT8,
    /**
     * For {@code F8} weights, always and only; GPUs alone have it. A row of activations is cut into
     * blocks as for {@link #INT8} and rounded to float16 (nearest even): with {@code m} the largest
     * magnitude of a block and {@code 2^e <= m < 2^(e+1)}, to {@code x * 2^(14-e)}, and the block's
     * scale is {@code 2^(e-14)}. A block with m below 2^-100 counts as zero. Products are summed in
     * float32 in each block, in an order and with a rounding that are the GPU's and the same for
     * every row; then blocks follow as for {@link #INT8}.
     */
    F16;

    /** The type of products with weights of a block type. */
    public static ComputeType ofBlocks(DType weights) {
        return weights == DType.F8 ? F16 : INT8;
    }
}
