package dev.ocellus.kernels;

import dev.ocellus.kernels.BlockProductOperationTest.BlockRows;
import dev.ocellus.kernels.MatMulOperationTest.Size;
import dev.ocellus.kernels.OperationCheck.Setting;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Products with weights of block types in every shape into which they are cut on a GPU: each is the
 * one chain over blocks, also with the rows that are run alone by another kernel.
 */
class BlockShapesOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#cudaSettings";

    /** Weights as streams: of several panels a block, round the ring, and of too many columns. */
    private static final List<Size> FEW =
            List.of(
                    new Size(1, 1100, 70),
                    new Size(1, 20, 6000),
                    new Size(2, 700, 33),
                    new Size(3, 37, 5985),
                    new Size(4, 33, 191),
                    new Size(5, 529, 161),
                    new Size(7, 31, 95),
                    new Size(8, 560, 129),
                    new Size(8, 20, 27001));

    /** Tiles of rows: of one warp along the rows, of several and of the last few alone. */
    private static final List<Size> MANY =
            List.of(
                    new Size(9, 33, 65),
                    new Size(16, 40, 577),
                    new Size(17, 601, 95),
                    new Size(32, 100, 640),
                    new Size(40, 33, 191),
                    new Size(100, 48, 64),
                    new Size(129, 17, 97),
                    new Size(130, 1009, 33));

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void fewRows(Setting setting) {
        FEW.forEach(size -> check(setting, size));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void manyRows(Setting setting) {
        MANY.forEach(size -> check(setting, size));
    }

    private static void check(Setting setting, Size size) {
        for (DType type : BlockMatrix.types(setting.provider())) {
            OperationCheck.check(
                    setting,
                    8,
                    (ops, rnd) -> BlockProductOperationTest.chain(type, size, 1, ops, rnd));
            OperationCheck.check(setting, 9, (ops, rnd) -> gated(type, size, ops, rnd));
        }
    }

    private static Trial gated(DType type, Size size, Operands operands, RandomGenerator random) {
        Matrix x = operands.random(size.rows(), size.k(), random);
        long panels = Panels.count(size.n()) * 2;
        BlockMatrix w =
                BlockMatrix.random(
                        type, Math.toIntExact(panels * Panels.ROWS), (int) size.k(), random);
        BlockRows rounded = BlockRows.of(x, type);
        Trial.Cell expected =
                (r, j) -> {
                    long gate = gateRow(j);
                    return rounded.chain(r, w, gate) * rounded.chain(r, w, gate + Panels.ROWS);
                };
        Trial.Cell tolerance =
                (r, j) -> {
                    long gate = gateRow(j);
                    long up = gate + Panels.ROWS;
                    double gateError = rounded.chainError(r, w, gate);
                    double upError = rounded.chainError(r, w, up);
                    return gateError * Math.abs(rounded.chain(r, w, up))
                            + upError * Math.abs(rounded.chain(r, w, gate))
                            + gateError * upError;
                };
        return MatMulOperationTest.trial(
                "MatMul gated chain %s %s".formatted(type, size),
                BlockProductOperationTest.call(
                        type, x, w.packed(operands).address(), 0, size.n(), size, 1),
                null,
                expected,
                tolerance);
    }

    private static long gateRow(long output) {
        return output / Panels.ROWS * 2 * Panels.ROWS + output % Panels.ROWS;
    }
}
