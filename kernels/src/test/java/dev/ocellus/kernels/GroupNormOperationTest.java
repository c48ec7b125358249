package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.GroupNorm;
import dev.ocellus.kernels.OperationCheck.Setting;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.random.RandomGenerator;

class GroupNormOperationTest {
    private static final double EPS = 1e-6;

    /** Images, pixels, channels, groups. */
    private static final long[][] SIZES = {
        {1, 1, 1, 1},
        {2, 3, 4, 2},
        {3, 7, 30, 10},
        {2, 64, 16, 4},
        {3, 65, 17, 1},
        {2, 130, 160, 32},
        {1, 200, 33, 3},
    };

    @ParameterizedTest(name = "{0}")
    @MethodSource("dev.ocellus.kernels.OperationCheck#settings")
    void groupNorm(Setting setting) {
        for (long[] s : SIZES) {
            for (Activation act : List.of(Activation.NONE, Activation.SILU)) {
                // With a mean of 100 a variance by difference of squares would lose its digits.
                for (float mean : new float[] {0, 100}) {
                    OperationCheck.check(
                            setting, 3, (ops, rnd) -> groupNorm(s, act, mean, ops, rnd));
                }
            }
        }
    }

    static Trial groupNorm(
            long[] size, Activation act, float offset, Operands operands, RandomGenerator random) {
        long rows = size[0];
        long pixels = size[1];
        long cols = size[2];
        long groups = size[3];
        long channels = cols / groups;
        long count = pixels * channels;
        Matrix x = operands.random(rows * pixels, cols, random);
        for (long r = 0; r < x.rows(); r++) {
            for (long c = 0; c < cols; c++) {
                x.set(r, c, x.get(r, c) * (1 + c % 5) + offset * (c / channels % 2));
            }
        }
        Matrix weight = operands.dense(1, cols, random);
        Matrix bias = operands.dense(1, cols, random);
        double[] means = new double[(int) (rows * groups)];
        double[] deviations = new double[means.length];
        double[] sizes = new double[means.length];
        for (int i = 0; i < means.length; i++) {
            long image = i / groups * pixels;
            long first = i % groups * channels;
            Trial.Cell value = (n, none) -> x.get(image + n / channels, first + n % channels);
            double mean = Oracle.sum(count, n -> value.at(n, 0)) / count;
            double squares = Oracle.sum(count, n -> Math.pow(value.at(n, 0) - mean, 2));
            means[i] = mean;
            deviations[i] = Math.sqrt(squares / count + EPS);
            sizes[i] = Oracle.absSum(count, n -> value.at(n, 0)) / count;
        }
        Trial.Cell group = (p, c) -> p / pixels * groups + c / channels;
        Trial.Cell normal =
                (p, c) -> {
                    int g = (int) group.at(p, c);
                    return (x.get(p, c) - means[g]) / deviations[g];
                };
        Trial.Cell scaled = (p, c) -> normal.at(p, c) * weight.get(0, c) + bias.get(0, c);
        Trial.Cell expected = (p, c) -> Oracle.activation(act, scaled.at(p, c));
        Trial.Cell tolerance =
                (p, c) -> {
                    int g = (int) group.at(p, c);
                    // Sums in float32 are at most 64 terms long; then doubles go on.
                    double centred = 66 * Oracle.U * sizes[g] / deviations[g];
                    double relative = 40 * Oracle.U + centred * centred;
                    double error = centred + (Math.abs(normal.at(p, c)) + centred) * relative;
                    double sum = error * Math.abs(weight.get(0, c));
                    double rounding = 3 * Oracle.U * (Math.abs(scaled.at(p, c)) + sum);
                    double shift = Oracle.U * Math.abs(bias.get(0, c));
                    return Oracle.activationError(act, scaled.at(p, c), sum + rounding + shift);
                };
        long ldo = cols + 1;
        Trial.Call call =
                (first, n, rowCount, out) ->
                        new GroupNorm(
                                x.address(first * pixels),
                                x.ld(),
                                weight.address(),
                                bias.address(),
                                out,
                                ldo,
                                n,
                                rowCount,
                                pixels,
                                cols,
                                groups,
                                EPS,
                                act);
        Trial.InPlace inPlace =
                new Trial.InPlace(
                        x,
                        out ->
                                new GroupNorm(
                                        out,
                                        x.ld(),
                                        weight.address(),
                                        bias.address(),
                                        out,
                                        x.ld(),
                                        rows,
                                        0,
                                        pixels,
                                        cols,
                                        groups,
                                        EPS,
                                        act));
        String name =
                "GroupNorm rows %d pixels %d cols %d groups %d %s mean %s"
                        .formatted(rows, pixels, cols, groups, act, offset);
        return new Trial(
                name, rows, pixels, cols, ldo, call, expected, tolerance, List.of(inPlace));
    }
}
