package dev.ocellus.kernels.scalar;

/**
 * The complementary error function by Taylor expansion around the points of a table, with a
 * relative error below 1e-12 where the result is above 1e-47; below that (arguments above 10.25) it
 * is 0, which as a float32 it is anyway.
 */
final class ErrorFunction {
    private static final double LIMIT = 10.25;
    private static final int POINTS_PER_UNIT = 64;
    private static final int TERMS = 11;
    private static final double TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);

    /** erfc at i / POINTS_PER_UNIT. */
    private static final double[] VALUE = new double[(int) (LIMIT * POINTS_PER_UNIT) + 1];

    /** The slope of erf at the same points. */
    private static final double[] SLOPE = new double[VALUE.length];

    static {
        for (int i = 0; i < VALUE.length; i++) {
            double x = (double) i / POINTS_PER_UNIT;
            SLOPE[i] = TWO_OVER_SQRT_PI * Math.exp(-x * x);
            VALUE[i] = x < 2 ? 1 - erfSeries(x) : erfcFraction(x);
        }
    }

    static double erfc(double x) {
        return x < 0 ? 2 - erfcOfPositive(-x) : erfcOfPositive(x);
    }

    private static double erfcOfPositive(double x) {
        if (!(x < LIMIT)) {
            return Double.isNaN(x) ? x : 0;
        }
        int i = (int) (x * POINTS_PER_UNIT + 0.5);
        double x0 = (double) i / POINTS_PER_UNIT;
        double h = x - x0;
        // erf'(x0 + h) = SLOPE * exp(-2 x0 h - h^2) = SLOPE * sum a_n h^n, where differentiating
        // gives (n + 1) a_(n+1) = -2 x0 a_n - 2 a_(n-1); integrated term by term.
        double previous = 0;
        double a = 1;
        double power = h;
        double sum = 0;
        for (int n = 0; n < TERMS; n++) {
            sum += a * power / (n + 1);
            double next = (-2 * x0 * a - 2 * previous) / (n + 1);
            previous = a;
            a = next;
            power *= h;
        }
        return VALUE[i] - SLOPE[i] * sum;
    }

    /** erf(x) = 2 / sqrt(pi) exp(-x^2) sum 2^n x^(2n+1) / (2n+1)!!, all terms positive. */
    private static double erfSeries(double x) {
        double term = x;
        double sum = x;
        for (int n = 1; term > sum * 1e-17; n++) {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return TWO_OVER_SQRT_PI * Math.exp(-x * x) * sum;
    }

    /** erfc(x) = exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + (2/2) / (x + (3/2) / ...))). */
    private static double erfcFraction(double x) {
        double tail = x;
        for (int n = 120; n > 0; n--) {
            tail = x + 0.5 * n / tail;
        }
        return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
    }

    private ErrorFunction() {}
}
