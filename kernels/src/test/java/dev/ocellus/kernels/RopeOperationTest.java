package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.Rope;
import dev.ocellus.kernels.KernelCall.RopeTable;
import dev.ocellus.kernels.OperationCheck.Setting;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.random.RandomGenerator;

class RopeOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void ropeTable(Setting setting) {
        // Rows, half.
        long[][] sizes = {{1, 1}, {3, 5}, {7, 16}, {40, 32}, {9, 33}};
        int[] lastPositions = {10, 40_000, 1 << 22};
        for (long[] s : sizes) {
            for (int last : lastPositions) {
                OperationCheck.check(
                        setting, last, (ops, rnd) -> table(s[0], s[1], last, ops, rnd));
            }
        }
    }

    static Trial table(long rows, long half, int last, Operands operands, RandomGenerator random) {
        int sequences = 3;
        int[] positions = random.ints(rows, 0, last + 1).toArray();
        positions[0] = last;
        int[] owners = random.ints(rows, 0, sequences).toArray();
        Matrix invFreq = operands.matrix(sequences, half, half);
        for (long s = 0; s < sequences; s++) {
            for (long j = 0; j < half; j++) {
                invFreq.set(s, j, (float) Math.pow(10_000, -(double) j / half) / (s + 1));
            }
        }
        Matrix scale = operands.dense(1, sequences, random);
        long position = operands.ints(positions).address();
        long sequence = operands.ints(owners).address();
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new RopeTable(
                                position + first * 4,
                                sequence + first * 4,
                                invFreq.address(),
                                scale.address(),
                                out,
                                count,
                                rowCount,
                                half);
        Trial.Cell wave =
                (r, c) -> {
                    int row = (int) r;
                    float angle = (float) positions[row] * invFreq.get(owners[row], c % half);
                    return c < half ? Math.cos(angle) : Math.sin(angle);
                };
        Trial.Cell factor = (r, c) -> scale.get(0, owners[(int) r]);
        Trial.Cell expected = (r, c) -> wave.at(r, c) * factor.at(r, c);
        // Two units in the last place of the wave, and the rounding of the product.
        Trial.Cell tolerance =
                (r, c) ->
                        2 * Math.ulp((float) wave.at(r, c)) * Math.abs(factor.at(r, c))
                                + Math.ulp((float) expected.at(r, c));
        String name = "RopeTable rows %d half %d positions to %d".formatted(rows, half, last);
        return new Trial(name, rows, 1, 2 * half, 2 * half, call, expected, tolerance, List.of());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void rope(Setting setting) {
        // Rows, heads, headDim, half.
        long[][] sizes = {
            {1, 1, 2, 1},
            {3, 2, 7, 2},
            {5, 3, 32, 16},
            {4, 2, 40, 17},
            {9, 4, 64, 32},
            {6, 2, 80, 16}
        };
        for (long[] s : sizes) {
            OperationCheck.check(setting, 6, (ops, rnd) -> rope(s[0], s[1], s[2], s[3], ops, rnd));
        }
    }

    static Trial rope(
            long rows,
            long heads,
            long headDim,
            long half,
            Operands operands,
            RandomGenerator random) {
        long cols = heads * headDim;
        Matrix x = operands.random(rows, cols, random);
        Matrix table = operands.dense(rows, 2 * half, random);
        long ldo = cols + 5;
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new Rope(
                                x.address(first),
                                x.ld(),
                                table.address(first),
                                out,
                                ldo,
                                count,
                                rowCount,
                                heads,
                                headDim,
                                half);
        Trial.InPlace inPlace =
                new Trial.InPlace(
                        x,
                        out ->
                                new Rope(
                                        out,
                                        x.ld(),
                                        table.address(),
                                        out,
                                        x.ld(),
                                        rows,
                                        0,
                                        heads,
                                        headDim,
                                        half));
        // out = a * cos + b * sin, where b is the partner in the other half, negated in the first.
        Trial.Cell straight =
                (r, c) -> {
                    long i = c % headDim;
                    return i < 2 * half
                            ? (double) x.get(r, c) * table.get(r, i % half)
                            : x.get(r, c);
                };
        Trial.Cell crossed =
                (r, c) -> {
                    long i = c % headDim;
                    if (i >= 2 * half) {
                        return 0;
                    }
                    double sin = table.get(r, half + i % half);
                    return i < half ? -x.get(r, c + half) * sin : x.get(r, c - half) * sin;
                };
        Trial.Cell tolerance =
                (r, c) ->
                        c % headDim >= 2 * half
                                ? 0
                                : 2
                                        * Oracle.U
                                        * (Math.abs(straight.at(r, c))
                                                + Math.abs(crossed.at(r, c)));
        return new Trial(
                "Rope rows %d heads %d headDim %d half %d".formatted(rows, heads, headDim, half),
                rows,
                1,
                cols,
                ldo,
                call,
                (r, c) -> straight.at(r, c) + crossed.at(r, c),
                tolerance,
                List.of(inPlace));
    }
}
