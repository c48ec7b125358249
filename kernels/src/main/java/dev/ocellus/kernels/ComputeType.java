package dev.ocellus.kernels;

/**
 * The type in which the factors of a matrix product meet; sums are always float32. The order is
 * part of the native interface.
 */
public enum ComputeType {
    /** Weights are widened, activations stay float32: products are exact up to float32 rounding. */
    F32,
    /** Activations are rounded to bfloat16 (nearest even); only for {@code BF16} weights. */
    BF16
}
