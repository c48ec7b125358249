package dev.ocellus.kernels;

import java.util.function.LongToDoubleFunction;

/** Formulas in double precision, and bounds on the errors of float32 arithmetic. */
final class Oracle {
    /** Unit roundoff of float32. */
    static final double U = 0x1p-24;

    static double activation(Activation activation, double x) {
        return switch (activation) {
            case NONE -> x;
            case GELU -> 0.5 * x * erfc(-x / Math.sqrt(2));
            case QUICK_GELU -> x / (1 + Math.exp(-1.702 * x));
            case SILU -> x / (1 + Math.exp(-x));
            case GELU_TANH -> {
                double z = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
                yield 0.5 * x * (1 + Math.tanh(z));
            }
            case RELU -> x > 0 ? x : 0;
        };
    }

    /**
     * Bound on the error of an activation in float32 whose argument is wrong by {@code error}: no
     * slope is above 1.13, and the function itself may be wrong by eight roundings of x.
     */
    static double activationError(Activation activation, double x, double error) {
        return activation == Activation.NONE || activation == Activation.RELU
                ? error
                : 1.13 * error + 8 * U * Math.abs(x);
    }

    /** By the alternating power series of erf, and Laplace's continued fraction for large x. */
    static double erfc(double x) {
        if (x > 2) {
            double f = 0;
            for (int n = 200; n > 0; n--) {
                f = n / 2.0 / (x + f);
            }
            return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + f);
        }
        if (x < -2) {
            return 2 - erfc(-x);
        }
        double power = x;
        double sum = 0;
        for (int n = 0; n < 60; n++) {
            sum += power / (2 * n + 1);
            power *= -x * x / (n + 1);
        }
        return 1 - 2 / Math.sqrt(Math.PI) * sum;
    }

    static double sum(long n, LongToDoubleFunction term) {
        double sum = 0;
        for (long i = 0; i < n; i++) {
            sum += term.applyAsDouble(i);
        }
        return sum;
    }

    static double absSum(long n, LongToDoubleFunction term) {
        return sum(n, i -> Math.abs(term.applyAsDouble(i)));
    }

    /** Rounded to bfloat16, ties to even. */
    static double bf16(double x) {
        if (x == 0) {
            return 0;
        }
        double ulp = Math.scalb(1.0, Math.getExponent(x) - 7);
        return Math.rint(x / ulp) * ulp;
    }

    private Oracle() {}
}
