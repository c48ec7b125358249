package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.Activate;
import dev.ocellus.kernels.KernelCall.Add;
import dev.ocellus.kernels.KernelCall.GatedActivate;
import dev.ocellus.kernels.KernelCall.Scale;
import dev.ocellus.kernels.OperationCheck.Setting;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.random.RandomGenerator;

class PointwiseOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";

    /** Rows, columns. */
    private static final long[][] SIZES = {{1, 1}, {2, 3}, {4, 16}, {6, 17}, {12, 31}, {3, 257}};

    /** Where activations saturate, underflow or are tiny. */
    private static final float[] EDGES = {
        0f, -0f, 1e-30f, -1e-30f, 6f, -6f, 14f, -14f, 88.9f, -88.9f, 104f, -104f, 1e6f, -1e6f
    };

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void add(Setting setting) {
        for (long[] s : SIZES) {
            for (long bRows = 1; bRows <= s[0]; bRows++) {
                long b = bRows;
                OperationCheck.check(setting, b, (ops, rnd) -> add(s[0], s[1], b, ops, rnd));
            }
        }
    }

    static Trial add(long rows, long cols, long bRows, Operands operands, RandomGenerator random) {
        Matrix a = operands.random(rows, cols, random);
        Matrix b = operands.random(bRows, cols, random);
        // Twice over, for calls that begin in the middle of b.
        Matrix twice = operands.matrix(2 * bRows, cols, b.ld());
        for (long r = 0; r < 2 * bRows; r++) {
            for (long c = 0; c < cols; c++) {
                twice.set(r, c, b.get(r % bRows, c));
            }
        }
        long ldo = cols + 1;
        Add add = new Add(a.address(), a.ld(), b.address(), b.ld(), bRows, 0, ldo, rows, 0, cols);
        Trial.Call call =
                (first, count, rowCount, out) -> {
                    long phase = first % bRows;
                    long bAt = phase == 0 ? b.address() : twice.address(phase);
                    return with(add, a.address(first), bAt, out, ldo, count, rowCount);
                };
        List<Trial.InPlace> inPlace =
                bRows < rows
                        ? List.of()
                        : List.of(
                                new Trial.InPlace(
                                        a,
                                        out -> with(add, out, b.address(), out, a.ld(), rows, 0)),
                                new Trial.InPlace(
                                        b,
                                        out -> with(add, a.address(), out, out, b.ld(), rows, 0)));
        return new Trial(
                "Add rows %d cols %d bRows %d".formatted(rows, cols, bRows),
                rows,
                1,
                cols,
                ldo,
                call,
                (r, c) -> a.get(r, c) + b.get(r % bRows, c),
                Trial.EXACT,
                inPlace);
    }

    private static Add with(Add c, long a, long b, long out, long ldo, long rows, long rowCount) {
        return new Add(a, c.lda(), b, c.ldb(), c.bRows(), out, ldo, rows, rowCount, c.cols());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void scale(Setting setting) {
        for (long[] s : SIZES) {
            for (boolean residual : new boolean[] {true, false}) {
                OperationCheck.check(
                        setting, 3, (ops, rnd) -> scale(s[0], s[1], residual, ops, rnd));
            }
        }
    }

    static Trial scale(
            long rows, long cols, boolean withResidual, Operands operands, RandomGenerator random) {
        Matrix x = operands.random(rows, cols, random);
        Matrix factors = operands.dense(1, cols, random);
        Matrix residual = operands.optional(withResidual, rows, cols, random);
        Scale scale =
                new Scale(
                        x.address(),
                        x.ld(),
                        factors.address(),
                        Operands.address(residual),
                        Operands.ld(residual),
                        0,
                        cols + 3,
                        rows,
                        0,
                        cols);
        Trial.Call call =
                (first, count, rowCount, out) ->
                        with(
                                scale,
                                x.address(first),
                                Operands.address(residual, first),
                                out,
                                cols + 3,
                                count,
                                rowCount);
        Trial.InPlace onX =
                new Trial.InPlace(
                        x, out -> with(scale, out, scale.residual(), out, x.ld(), rows, 0));
        List<Trial.InPlace> inPlace =
                withResidual
                        ? List.of(
                                onX,
                                new Trial.InPlace(
                                        residual,
                                        out ->
                                                with(
                                                        scale,
                                                        x.address(),
                                                        out,
                                                        out,
                                                        residual.ld(),
                                                        rows,
                                                        0)))
                        : List.of(onX);
        Trial.Cell product = (r, c) -> (double) x.get(r, c) * factors.get(0, c);
        Trial.Cell added = (r, c) -> withResidual ? residual.get(r, c) : 0;
        return new Trial(
                "Scale rows %d cols %d residual %b".formatted(rows, cols, withResidual),
                rows,
                1,
                cols,
                cols + 3,
                call,
                (r, c) -> added.at(r, c) + product.at(r, c),
                (r, c) -> 2 * Oracle.U * (Math.abs(added.at(r, c)) + Math.abs(product.at(r, c))),
                inPlace);
    }

    private static Scale with(
            Scale c, long x, long residual, long out, long ldo, long rows, long rowCount) {
        return new Scale(
                x, c.ldx(), c.scale(), residual, c.ldr(), out, ldo, rows, rowCount, c.cols());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void activate(Setting setting) {
        for (Activation act : Activation.values()) {
            for (long[] s : SIZES) {
                OperationCheck.check(setting, 4, (ops, rnd) -> activate(act, s, ops, rnd));
            }
        }
    }

    static Trial activate(Activation act, long[] size, Operands operands, RandomGenerator random) {
        long rows = size[0];
        long cols = size[1];
        Matrix x = withEdges(operands.random(rows, cols, random));
        long ldo = cols + 2;
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new Activate(
                                x.address(first), x.ld(), out, ldo, count, rowCount, cols, act);
        Trial.InPlace inPlace =
                new Trial.InPlace(
                        x, out -> new Activate(out, x.ld(), out, x.ld(), rows, 0, cols, act));
        return new Trial(
                "Activate %s rows %d cols %d".formatted(act, rows, cols),
                rows,
                1,
                cols,
                ldo,
                call,
                (r, c) -> Oracle.activation(act, x.get(r, c)),
                (r, c) -> Oracle.activationError(act, x.get(r, c), 0),
                List.of(inPlace));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void gatedActivate(Setting setting) {
        for (Activation act : Activation.values()) {
            for (long[] s : SIZES) {
                OperationCheck.check(setting, 5, (ops, rnd) -> gatedActivate(act, s, ops, rnd));
            }
        }
    }

    static Trial gatedActivate(
            Activation act, long[] size, Operands operands, RandomGenerator random) {
        long rows = size[0];
        long cols = size[1];
        Matrix gate = withEdges(operands.random(rows, cols, random));
        Matrix up = operands.random(rows, cols, random);
        long ldo = cols + 1;
        Trial.Call call =
                (first, count, rowCount, out) ->
                        gated(
                                gate,
                                up,
                                gate.address(first),
                                up.address(first),
                                out,
                                ldo,
                                count,
                                rowCount,
                                act);
        List<Trial.InPlace> inPlace =
                List.of(
                        new Trial.InPlace(
                                gate,
                                out ->
                                        gated(
                                                gate,
                                                up,
                                                out,
                                                up.address(),
                                                out,
                                                gate.ld(),
                                                rows,
                                                0,
                                                act)),
                        new Trial.InPlace(
                                up,
                                out ->
                                        gated(
                                                gate,
                                                up,
                                                gate.address(),
                                                out,
                                                out,
                                                up.ld(),
                                                rows,
                                                0,
                                                act)));
        Trial.Cell expected = (r, c) -> Oracle.activation(act, gate.get(r, c)) * up.get(r, c);
        Trial.Cell tolerance =
                (r, c) -> {
                    double error = Oracle.activationError(act, gate.get(r, c), 0);
                    return error * Math.abs(up.get(r, c)) + Oracle.U * Math.abs(expected.at(r, c));
                };
        return new Trial(
                "GatedActivate %s rows %d cols %d".formatted(act, rows, cols),
                rows,
                1,
                cols,
                ldo,
                call,
                expected,
                tolerance,
                inPlace);
    }

    private static GatedActivate gated(
            Matrix gate,
            Matrix up,
            long gateAt,
            long upAt,
            long out,
            long ldo,
            long rows,
            long rowCount,
            Activation act) {
        return new GatedActivate(
                gateAt, gate.ld(), upAt, up.ld(), out, ldo, rows, rowCount, gate.cols(), act);
    }

    private static Matrix withEdges(Matrix m) {
        for (long r = 0; r < m.rows(); r++) {
            for (long c = 0; c < m.cols(); c++) {
                long i = r * m.cols() + c;
                m.set(r, c, i % 3 == 2 ? EDGES[(int) (i / 3 % EDGES.length)] : 3 * m.get(r, c));
            }
        }
        return m;
    }
}
