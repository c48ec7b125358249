package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.Gather;
import dev.ocellus.kernels.KernelCall.SelectRows;
import dev.ocellus.kernels.OperationCheck.Setting;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.random.RandomGenerator;

class RowOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void gather(Setting setting) {
        // Rows, rows of the table, columns.
        long[][] sizes = {
            {1, 1, 1}, {3, 5, 3}, {7, 16, 16}, {5, 33, 17}, {20, 50, 67}, {4, 20, 129}
        };
        List<DType> types = List.of(DType.F32, DType.F16, DType.BF16, DType.Q8, DType.Q4, DType.F8);
        for (DType type : types) {
            for (long[] s : sizes) {
                OperationCheck.check(setting, 8, (ops, rnd) -> gather(type, true, s, ops, rnd));
                if (!type.isBlock()) {
                    OperationCheck.check(
                            setting, 8, (ops, rnd) -> gather(type, false, s, ops, rnd));
                }
            }
        }
    }

    static Trial gather(
            DType type, boolean packed, long[] size, Operands operands, RandomGenerator random) {
        long rows = size[0];
        long tableRows = size[1];
        long cols = size[2];
        Weights table =
                packed
                        ? Weights.random(operands, type, tableRows, cols, random)
                        : Weights.plain(operands, type, tableRows, cols, random);
        int[] ids = random.ints(rows, 0, (int) tableRows).toArray();
        ids[0] = (int) tableRows - 1;
        long idsAt = operands.ints(ids).address();
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new Gather(
                                table.address(),
                                type,
                                packed ? 1 : 0,
                                tableRows,
                                idsAt + first * 4,
                                out,
                                cols + 1,
                                count,
                                rowCount,
                                cols);
        return new Trial(
                "Gather %s packed %b rows %d of %d cols %d"
                        .formatted(type, packed, rows, tableRows, cols),
                rows,
                1,
                cols,
                cols + 1,
                call,
                (r, c) -> table.get(ids[(int) r], c),
                Trial.EXACT,
                List.of());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void selectRows(Setting setting) {
        // Rows, rows of y, columns.
        int[][] sizes = {{1, 1, 1}, {2, 3, 3}, {7, 4, 17}, {20, 31, 33}};
        for (int[] s : sizes) {
            for (boolean withX : new boolean[] {true, false}) {
                OperationCheck.check(
                        setting, 9, (ops, rnd) -> selectRows(s[0], s[1], s[2], withX, ops, rnd));
            }
        }
    }

    /**
     * @param withX whether some indices are negative; else x is left out
     */
    static Trial selectRows(
            int rows,
            int yRows,
            int cols,
            boolean withX,
            Operands operands,
            RandomGenerator random) {
        Matrix x = operands.optional(withX, rows, cols, random);
        Matrix y = operands.random(yRows, cols, random);
        int[] index = random.ints(rows, withX ? -yRows : 0, yRows).toArray();
        MemorySegment indexAt = operands.ints(index);
        long ldo = cols + 2;
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new SelectRows(
                                Operands.address(x, first),
                                Operands.ld(x),
                                y.address(),
                                y.ld(),
                                indexAt.address() + first * 4,
                                out,
                                ldo,
                                count,
                                rowCount,
                                cols);
        List<Trial.InPlace> inPlace =
                x == null
                        ? List.of()
                        : List.of(
                                new Trial.InPlace(
                                        x,
                                        out ->
                                                new SelectRows(
                                                        out,
                                                        x.ld(),
                                                        y.address(),
                                                        y.ld(),
                                                        indexAt.address(),
                                                        out,
                                                        x.ld(),
                                                        rows,
                                                        0,
                                                        cols)));
        Trial.Cell expected = (r, c) -> index[(int) r] < 0 ? x.get(r, c) : y.get(index[(int) r], c);
        String name = "SelectRows rows %d of %d cols %d x %b".formatted(rows, yRows, cols, withX);
        return new Trial(name, rows, 1, cols, ldo, call, expected, Trial.EXACT, inPlace);
    }
}
