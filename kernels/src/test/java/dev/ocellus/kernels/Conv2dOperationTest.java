package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.Conv2d;
import dev.ocellus.kernels.MatMulOperationTest.Types;
import dev.ocellus.kernels.OperationCheck.Setting;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.random.RandomGenerator;

class Conv2dOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";
    private static final String CPU_SETTINGS = "dev.ocellus.kernels.OperationCheck#cpuSettings";

    /** Convolution takes no block types. */
    static final List<Types> PLAIN = List.of(Types.F32, Types.F16, Types.BF16, Types.BF16_PRODUCTS);

    /** Images, their size and channels, and the filter. */
    record Size(
            long rows,
            long height,
            long width,
            long inCols,
            long n,
            long kernelHeight,
            long kernelWidth,
            long stride,
            long dilation,
            long padTop,
            long padLeft,
            long outHeight,
            long outWidth) {

        /** The usual output size, for equal padding on all sides. */
        static Size square(
                long rows, long h, long w, long in, long n, long k, long s, long d, long p) {
            long reach = d * (k - 1) + 1;
            long outHeight = (h + 2 * p - reach) / s + 1;
            long outWidth = (w + 2 * p - reach) / s + 1;
            return new Size(rows, h, w, in, n, k, k, s, d, p, p, outHeight, outWidth);
        }

        long area() {
            return outHeight * outWidth;
        }

        long k() {
            return kernelHeight * kernelWidth * inCols;
        }
    }

    private static final List<Size> SIZES =
            List.of(
                    Size.square(1, 1, 1, 1, 1, 1, 1, 1, 0),
                    Size.square(2, 3, 2, 1, 17, 1, 1, 1, 0),
                    Size.square(3, 4, 5, 3, 7, 3, 1, 1, 1),
                    Size.square(2, 7, 6, 16, 33, 3, 1, 1, 1),
                    Size.square(2, 9, 7, 20, 5, 3, 2, 1, 1),
                    Size.square(1, 11, 8, 33, 16, 3, 1, 2, 2),
                    Size.square(2, 10, 9, 7, 70, 1, 2, 1, 0),
                    Size.square(1, 8, 9, 3, 6, 4, 4, 1, 0),
                    Size.square(3, 2, 3, 18, 4, 5, 1, 1, 4),
                    // Padded below and to the right only; a filter that is not square.
                    new Size(2, 6, 8, 16, 9, 3, 3, 2, 1, 0, 0, 3, 4),
                    new Size(2, 5, 7, 6, 20, 1, 4, 1, 1, 0, 3, 5, 8),
                    new Size(1, 13, 17, 9, 18, 3, 2, 1, 3, 1, 2, 12, 14));

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void conv2d(Setting setting) {
        for (Types types : PLAIN) {
            for (int i = 0; i < SIZES.size(); i++) {
                int choice = i;
                OperationCheck.check(
                        setting,
                        i,
                        (ops, rnd) -> conv2d(types, SIZES.get(choice), choice, ops, rnd));
            }
        }
    }

    /**
     * @param choice which of the optional operands are there, and which activation
     */
    static Trial conv2d(
            Types types, Size s, int choice, Operands operands, RandomGenerator random) {
        long pixels = s.rows * s.area();
        Matrix x = operands.random(s.rows * s.height * s.width, s.inCols, random);
        Weights w = Weights.random(operands, types.weights, s.n, s.k(), random);
        Matrix bias = operands.optional(choice % 2 == 0, 1, s.n, random);
        Matrix residual = operands.optional(choice % 3 < 2, pixels, s.n, random);
        Activation act = Activation.values()[choice % Activation.values().length];
        Conv2d call = call(s, types, x, w, bias, residual, act, choice);
        Trial.Cell shift = (p, j) -> bias == null ? 0 : bias.get(0, j);
        Trial.Cell added = (p, j) -> residual == null ? 0 : residual.get(p, j);
        Trial.Cell sum =
                (p, j) ->
                        shift.at(p, j)
                                + Oracle.sum(
                                        s.k(), i -> factor(types, input(s, x, p, i)) * w.get(j, i));
        Trial.Cell sumError =
                (p, j) -> {
                    double terms =
                            Oracle.absSum(
                                    s.k(), i -> factor(types, input(s, x, p, i)) * w.get(j, i));
                    return (s.k() + 1) * Oracle.U * (terms + Math.abs(shift.at(p, j)));
                };
        Trial.Cell expected = (p, j) -> added.at(p, j) + Oracle.activation(act, sum.at(p, j));
        Trial.Cell tolerance =
                (p, j) -> {
                    double z = sum.at(p, j);
                    double error = Oracle.activationError(act, z, sumError.at(p, j));
                    return error + 3 * Oracle.U * (Math.abs(z) + error + Math.abs(added.at(p, j)));
                };
        List<Trial.InPlace> inPlace =
                residual == null
                        ? List.of()
                        : List.of(
                                new Trial.InPlace(
                                        residual,
                                        out -> with(call, call.x(), out, out, s.rows, 0)));
        Trial.Call span =
                (first, rows, rowCount, out) ->
                        with(
                                call,
                                x.address(first * s.height * s.width),
                                Operands.address(residual, first * s.area()),
                                out,
                                rows,
                                rowCount);
        String name = "Conv2d %s %s %s".formatted(types, s, act);
        return new Trial(
                name, s.rows, s.area(), s.n, call.ldo(), span, expected, tolerance, inPlace);
    }

    /** Element i of the patch of an output pixel. */
    private static float input(Size s, Matrix x, long pixel, long i) {
        long tap = i / s.inCols;
        long cell = pixel % s.area();
        long y = cell / s.outWidth * s.stride - s.padTop + tap / s.kernelWidth * s.dilation;
        long column = cell % s.outWidth * s.stride - s.padLeft + tap % s.kernelWidth * s.dilation;
        if (y < 0 || y >= s.height || column < 0 || column >= s.width) {
            return 0;
        }
        long row = (pixel / s.area() * s.height + y) * s.width + column;
        return x.get(row, i % s.inCols);
    }

    @ParameterizedTest(name = "{0}", allowZeroInvocations = true)
    @MethodSource(CPU_SETTINGS)
    void sumIsOneChainOfFusedMultiplyAdds(Setting setting) {
        for (Types types : List.of(Types.F32, Types.F16, Types.BF16)) {
            for (Size size : SIZES) {
                OperationCheck.check(setting, 5, (ops, rnd) -> chain(types, size, ops, rnd));
            }
        }
    }

    private static double factor(Types types, float x) {
        return types.compute == ComputeType.BF16 ? Oracle.bf16(x) : x;
    }

    private static Trial chain(Types types, Size s, Operands operands, RandomGenerator random) {
        Matrix x = operands.random(s.rows * s.height * s.width, s.inCols, random);
        Weights w = Weights.random(operands, types.weights, s.n, s.k(), random);
        Conv2d call = call(s, types, x, w, null, null, Activation.NONE, 0);
        Trial.Cell expected =
                (p, j) -> {
                    float sum = 0;
                    for (long i = 0; i < s.k(); i++) {
                        sum = Math.fma(input(s, x, p, i), w.get(j, i), sum);
                    }
                    return sum;
                };
        Trial.Call span =
                (first, rows, rowCount, out) ->
                        with(call, x.address(first * s.height * s.width), 0, out, rows, rowCount);
        return new Trial(
                "Conv2d chain " + types + " " + s,
                s.rows,
                s.area(),
                s.n,
                call.ldo(),
                span,
                expected,
                Trial.EXACT,
                List.of());
    }

    private static Conv2d call(
            Size s,
            Types types,
            Matrix x,
            Weights w,
            Matrix bias,
            Matrix residual,
            Activation act,
            int choice) {
        return new Conv2d(
                x.address(),
                x.ld(),
                w.address(),
                types.weights,
                Operands.address(bias),
                Operands.address(residual),
                Operands.ld(residual),
                0,
                residual == null ? s.n + choice % 3 : residual.ld(),
                s.rows,
                0,
                s.height,
                s.width,
                s.inCols,
                s.outHeight,
                s.outWidth,
                s.n,
                s.kernelHeight,
                s.kernelWidth,
                s.stride,
                s.dilation,
                s.padTop,
                s.padLeft,
                types.compute,
                act);
    }

    private static Conv2d with(
            Conv2d c, long x, long residual, long out, long rows, long rowCount) {
        return new Conv2d(
                x,
                c.ldx(),
                c.w(),
                c.wType(),
                c.bias(),
                residual,
                c.ldr(),
                out,
                c.ldo(),
                rows,
                rowCount,
                c.height(),
                c.width(),
                c.inCols(),
                c.outHeight(),
                c.outWidth(),
                c.n(),
                c.kernelHeight(),
                c.kernelWidth(),
                c.stride(),
                c.dilation(),
                c.padTop(),
                c.padLeft(),
                c.compute(),
                c.activation());
    }
}
