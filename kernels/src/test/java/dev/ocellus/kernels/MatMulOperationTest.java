package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.OperationCheck.Setting;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

class MatMulOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";

    record Size(long rows, long n, long k) {
        @Override
        public String toString() {
            return "rows %d n %d k %d".formatted(rows, n, k);
        }
    }

    private static final List<Size> SIZES =
            List.of(
                    new Size(1, 1, 1),
                    new Size(1, 16, 2),
                    new Size(2, 17, 1),
                    new Size(3, 15, 3),
                    new Size(4, 31, 8),
                    new Size(5, 33, 7),
                    new Size(7, 48, 64),
                    new Size(13, 19, 31),
                    new Size(17, 65, 33),
                    new Size(37, 40, 129),
                    new Size(2, 5, 1031),
                    new Size(14, 21, 2051),
                    new Size(67, 131, 259));

    enum Types {
        F32(DType.F32, ComputeType.F32),
        F16(DType.F16, ComputeType.F32),
        BF16(DType.BF16, ComputeType.F32),
        BF16_PRODUCTS(DType.BF16, ComputeType.BF16),
        Q8(DType.Q8, ComputeType.INT8),
        Q4(DType.Q4, ComputeType.INT8),
        F8(DType.F8, ComputeType.F16);

        final DType weights;
        final ComputeType compute;

        Types(DType weights, ComputeType compute) {
            this.weights = weights;
            this.compute = compute;
        }

        /** The activations as they meet the weights. */
        Trial.Cell factors(Matrix x) {
            return switch (compute) {
                case F32 -> x::get;
                case BF16 -> (r, i) -> Oracle.bf16(x.get(r, i));
                case INT8, F16 -> BlockProductOperationTest.BlockRows.of(x, weights)::value;
            };
        }

        static List<Types> of(KernelProvider provider) {
            return Stream.of(values())
                    .filter(
                            t ->
                                    !t.weights.isBlock()
                                            || BlockMatrix.types(provider).contains(t.weights))
                    .toList();
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void linear(Setting setting) {
        for (Types types : Types.of(setting.provider())) {
            for (int i = 0; i < SIZES.size(); i++) {
                int choice = i;
                OperationCheck.check(
                        setting,
                        i,
                        (ops, rnd) -> linear(types, SIZES.get(choice), choice, ops, rnd));
            }
        }
    }

    /**
     * @param choice which of the optional operands are there, and which activation
     */
    static Trial linear(
            Types types, Size size, int choice, Operands operands, RandomGenerator random) {
        long rows = size.rows;
        long n = size.n;
        long k = size.k;
        Matrix x = operands.random(rows, k, random);
        Weights w = Weights.random(operands, types.weights, n, k, random);
        Matrix bias = operands.optional(choice % 2 == 0, 1, n, random);
        Matrix scale = operands.optional(choice % 3 == 0, 1, n, random);
        Matrix residual = operands.optional(choice % 4 < 2, rows, n, random);
        Activation act = Activation.values()[choice % Activation.values().length];
        MatMul call =
                new MatMul(
                        x.address(),
                        x.ld(),
                        w.address(),
                        types.weights,
                        Operands.address(bias),
                        Operands.address(scale),
                        Operands.address(residual),
                        Operands.ld(residual),
                        0,
                        residual == null ? n + choice % 3 : residual.ld(),
                        rows,
                        0,
                        n,
                        k,
                        types.compute,
                        act,
                        0);

        Trial.Cell factors = types.factors(x);
        Trial.Cell shift = (r, j) -> bias == null ? 0 : bias.get(0, j);
        Trial.Cell factor = (r, j) -> scale == null ? 1 : scale.get(0, j);
        Trial.Cell added = (r, j) -> residual == null ? 0 : residual.get(r, j);
        Trial.Cell sum =
                (r, j) -> shift.at(r, j) + Oracle.sum(k, i -> factors.at(r, i) * w.get(j, i));
        Trial.Cell sumError =
                (r, j) -> {
                    double terms = Oracle.absSum(k, i -> factors.at(r, i) * w.get(j, i));
                    return (k + 2) * Oracle.U * (terms + Math.abs(shift.at(r, j)));
                };
        Trial.Cell expected =
                (r, j) -> added.at(r, j) + factor.at(r, j) * Oracle.activation(act, sum.at(r, j));
        Trial.Cell tolerance =
                (r, j) -> {
                    double z = sum.at(r, j);
                    double error = Oracle.activationError(act, z, sumError.at(r, j));
                    double scaled = (Math.abs(z) + error) * Math.abs(factor.at(r, j));
                    double rounding = 3 * Oracle.U * (scaled + Math.abs(added.at(r, j)));
                    return error * Math.abs(factor.at(r, j)) + rounding;
                };
        String name =
                "MatMul %s %s %s bias %b scale %b residual %b"
                        .formatted(types, size, act, bias != null, scale != null, residual != null);
        return trial(name, call, residual, expected, tolerance);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void gated(Setting setting) {
        for (Types types : Types.of(setting.provider())) {
            for (int i = 0; i < SIZES.size(); i++) {
                int choice = i;
                OperationCheck.check(
                        setting,
                        i,
                        (ops, rnd) -> gated(types, SIZES.get(choice), choice, ops, rnd));
            }
        }
    }

    static Trial gated(
            Types types, Size size, int choice, Operands operands, RandomGenerator random) {
        long rows = size.rows;
        long n = size.n;
        long k = size.k;
        Matrix x = operands.random(rows, k, random);
        GatedWeights w = GatedWeights.random(operands, types.weights, n, k, random);
        Matrix residual = operands.optional(choice % 2 == 0, rows, n, random);
        Activation act = Activation.values()[(choice + 3) % Activation.values().length];
        MatMul call =
                new MatMul(
                        x.address(),
                        x.ld(),
                        w.address(),
                        types.weights,
                        0,
                        0,
                        Operands.address(residual),
                        Operands.ld(residual),
                        0,
                        residual == null ? n + 1 : residual.ld(),
                        rows,
                        0,
                        n,
                        k,
                        types.compute,
                        act,
                        1);

        Trial.Cell factors = types.factors(x);
        Trial.Cell product = (r, row) -> Oracle.sum(k, i -> factors.at(r, i) * w.get(row, i));
        Trial.Cell productError =
                (r, row) -> {
                    double sum = Oracle.absSum(k, i -> factors.at(r, i) * w.get(row, i));
                    return (k + 2) * Oracle.U * sum;
                };
        Trial.Cell added = (r, j) -> residual == null ? 0 : residual.get(r, j);
        Trial.Cell expected =
                (r, j) -> {
                    double gate = Oracle.activation(act, product.at(r, w.gateRow(j)));
                    return added.at(r, j) + gate * product.at(r, w.upRow(j));
                };
        Trial.Cell tolerance =
                (r, j) -> {
                    double z = product.at(r, w.gateRow(j));
                    double gate = Math.abs(Oracle.activation(act, z));
                    double zError = productError.at(r, w.gateRow(j));
                    double gateError = Oracle.activationError(act, z, zError);
                    double up = Math.abs(product.at(r, w.upRow(j)));
                    double upError = productError.at(r, w.upRow(j));
                    double rounding = 3 * Oracle.U * (gate * up + Math.abs(added.at(r, j)));
                    return gateError * up + (gate + gateError) * upError + rounding;
                };
        String name =
                "MatMul gated %s %s %s residual %b".formatted(types, size, act, residual != null);
        return trial(name, call, residual, expected, tolerance);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void sumIsOneChainOfFusedMultiplyAdds(Setting setting) {
        for (Types types : List.of(Types.F32, Types.F16, Types.BF16)) {
            for (Size size : SIZES) {
                OperationCheck.check(setting, 5, (ops, rnd) -> chain(types, size, ops, rnd));
            }
        }
    }

    static Trial chain(Types types, Size size, Operands operands, RandomGenerator random) {
        Matrix x = operands.random(size.rows, size.k, random);
        Weights w = Weights.random(operands, types.weights, size.n, size.k, random);
        MatMul call =
                new MatMul(
                        x.address(),
                        x.ld(),
                        w.address(),
                        types.weights,
                        0,
                        0,
                        0,
                        0,
                        0,
                        size.n,
                        size.rows,
                        0,
                        size.n,
                        size.k,
                        types.compute,
                        Activation.NONE,
                        0);
        Trial.Cell expected =
                (r, j) -> {
                    float sum = 0;
                    for (long i = 0; i < size.k; i++) {
                        sum = Math.fma(x.get(r, i), w.get(j, i), sum);
                    }
                    return sum;
                };
        return trial("MatMul chain " + types + " " + size, call, null, expected, Trial.EXACT);
    }

    static Trial trial(
            String name, MatMul c, Matrix residual, Trial.Cell expected, Trial.Cell tolerance) {
        List<Trial.InPlace> inPlace =
                residual == null
                        ? List.of()
                        : List.of(
                                new Trial.InPlace(
                                        residual, out -> with(c, c.x(), out, out, c.rows(), 0)));
        Trial.Call span =
                (first, rows, rowCount, out) -> {
                    long x = c.x() + first * c.ldx() * 4;
                    long added = c.residual() == 0 ? 0 : c.residual() + first * c.ldr() * 4;
                    return with(c, x, added, out, rows, rowCount);
                };
        return new Trial(name, c.rows(), 1, c.n(), c.ldo(), span, expected, tolerance, inPlace);
    }

    private static MatMul with(
            MatMul c, long x, long residual, long out, long rows, long rowCount) {
        return new MatMul(
                x,
                c.ldx(),
                c.w(),
                c.wType(),
                c.bias(),
                c.scale(),
                residual,
                c.ldr(),
                out,
                c.ldo(),
                rows,
                rowCount,
                c.n(),
                c.k(),
                c.compute(),
                c.activation(),
                c.gated());
    }
}
