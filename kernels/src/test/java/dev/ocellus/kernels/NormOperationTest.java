package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.LayerNorm;
import dev.ocellus.kernels.KernelCall.RmsNorm;
import dev.ocellus.kernels.OperationCheck.Setting;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.random.RandomGenerator;

class NormOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";
    private static final double EPS = 1e-6;

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void rmsNorm(Setting setting) {
        // Rows, groups, columns.
        long[][] sizes = {
            {1, 1, 1},
            {2, 1, 3},
            {3, 5, 7},
            {5, 2, 16},
            {4, 3, 17},
            {7, 1, 33},
            {6, 4, 64},
            {3, 2, 1030},
            {3, 1, 1027}
        };
        for (long[] s : sizes) {
            OperationCheck.check(setting, 1, (ops, rnd) -> rmsNorm(s[0], s[1], s[2], ops, rnd));
        }
    }

    static Trial rmsNorm(
            long rows, long groups, long cols, Operands operands, RandomGenerator random) {
        Matrix x = operands.random(rows, groups * cols, random);
        Matrix weight = operands.dense(1, cols, random);
        Trial.Cell expected =
                (r, c) -> {
                    long first = c / cols * cols;
                    double squares = Oracle.sum(cols, i -> square(x.get(r, first + i)));
                    return x.get(r, c) / Math.sqrt(squares / cols + EPS) * weight.get(0, c % cols);
                };
        // Half of the error of the sum of squares, the division, the root, three products.
        Trial.Cell tolerance = (r, c) -> (cols / 2.0 + 6) * Oracle.U * Math.abs(expected.at(r, c));
        long ldo = groups * cols + 3;
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new RmsNorm(
                                x.address(first),
                                x.ld(),
                                weight.address(),
                                out,
                                ldo,
                                count,
                                rowCount,
                                groups,
                                cols,
                                EPS);
        Trial.InPlace inPlace =
                new Trial.InPlace(
                        x,
                        out ->
                                new RmsNorm(
                                        out,
                                        x.ld(),
                                        weight.address(),
                                        out,
                                        x.ld(),
                                        rows,
                                        0,
                                        groups,
                                        cols,
                                        EPS));
        String name = "RmsNorm rows %d groups %d cols %d".formatted(rows, groups, cols);
        return new Trial(
                name, rows, 1, groups * cols, ldo, call, expected, tolerance, List.of(inPlace));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void layerNorm(Setting setting) {
        long[][] sizes = {{1, 1}, {2, 3}, {3, 16}, {7, 17}, {5, 64}, {3, 1027}, {2, 2050}};
        for (long[] s : sizes) {
            for (boolean bias : new boolean[] {true, false}) {
                // With a mean of 100 a variance by difference of squares would lose its digits.
                for (float mean : new float[] {0, 100}) {
                    OperationCheck.check(
                            setting, 2, (ops, rnd) -> layerNorm(s[0], s[1], bias, mean, ops, rnd));
                }
            }
        }
    }

    static Trial layerNorm(
            long rows,
            long cols,
            boolean withBias,
            float offset,
            Operands operands,
            RandomGenerator random) {
        Matrix x = operands.random(rows, cols, random);
        for (long r = 0; r < rows; r++) {
            for (long c = 0; c < cols; c++) {
                x.set(r, c, x.get(r, c) + offset);
            }
        }
        Matrix weight = operands.dense(1, cols, random);
        Matrix bias = operands.optional(withBias, 1, cols, random);
        double[] means = new double[(int) rows];
        double[] deviations = new double[(int) rows];
        for (int r = 0; r < rows; r++) {
            int row = r;
            double mean = Oracle.sum(cols, i -> x.get(row, i)) / cols;
            double variance = Oracle.sum(cols, i -> square(x.get(row, i) - mean)) / cols;
            means[r] = mean;
            deviations[r] = Math.sqrt(variance + EPS);
        }
        Trial.Cell normal = (r, c) -> (x.get(r, c) - means[(int) r]) / deviations[(int) r];
        Trial.Cell shift = (r, c) -> withBias ? bias.get(0, c) : 0;
        Trial.Cell expected = (r, c) -> normal.at(r, c) * weight.get(0, c) + shift.at(r, c);
        Trial.Cell tolerance =
                (r, c) -> {
                    double sizes = Oracle.absSum(cols, i -> x.get(r, i)) / cols;
                    double meanError = (cols + 1) * Oracle.U * sizes;
                    double centred = meanError / deviations[(int) r];
                    double relative = (cols / 2.0 + 6) * Oracle.U + centred * centred;
                    double error = centred + (Math.abs(normal.at(r, c)) + centred) * relative;
                    return error * Math.abs(weight.get(0, c))
                            + 2 * Oracle.U * Math.abs(shift.at(r, c));
                };
        long ldo = cols + 2;
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new LayerNorm(
                                x.address(first),
                                x.ld(),
                                weight.address(),
                                Operands.address(bias),
                                out,
                                ldo,
                                count,
                                rowCount,
                                cols,
                                EPS);
        Trial.InPlace inPlace =
                new Trial.InPlace(
                        x,
                        out ->
                                new LayerNorm(
                                        out,
                                        x.ld(),
                                        weight.address(),
                                        Operands.address(bias),
                                        out,
                                        x.ld(),
                                        rows,
                                        0,
                                        cols,
                                        EPS));
        String name =
                "LayerNorm rows %d cols %d bias %b mean %s".formatted(rows, cols, withBias, offset);
        return new Trial(name, rows, 1, cols, ldo, call, expected, tolerance, List.of(inPlace));
    }

    private static double square(double v) {
        return v * v;
    }
}
