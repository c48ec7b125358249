package dev.ocellus.kernels;

/** Pointwise functions. The order is part of the native interface. */
public enum Activation {
    /** x. */
    NONE,
    /** x/2 * (1 + erf(x / sqrt 2)), the exact form. */
    GELU,
    /** x * sigmoid(1.702 x), CLIP's form. */
    QUICK_GELU,
    /** x * sigmoid(x), also called swish. */
    SILU,
    /** x/2 * (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))). */
    GELU_TANH,
    /** max(x, 0). */
    RELU
}
