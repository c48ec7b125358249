package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.Activation;

/** Pointwise functions in double precision. */
final class Functions {
    private static final double SQRT_HALF = Math.sqrt(0.5);
    private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

    static double activate(Activation activation, double x) {
        return switch (activation) {
            case NONE -> x;
            // 1 + erf(x / sqrt 2) without the cancellation at negative x.
            case GELU -> 0.5 * x * ErrorFunction.erfc(-x * SQRT_HALF);
            case QUICK_GELU -> x * sigmoid(1.702 * x);
            case SILU -> x * sigmoid(x);
            case GELU_TANH ->
                    0.5 * x * (1 + Math.tanh(SQRT_2_OVER_PI * (x + 0.044715 * x * x * x)));
            case RELU -> Math.max(x, 0);
        };
    }

    private static double sigmoid(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private Functions() {}
}
