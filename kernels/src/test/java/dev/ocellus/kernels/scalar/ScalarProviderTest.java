package dev.ocellus.kernels.scalar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

class ScalarProviderTest {
    private final ScalarProvider provider = new ScalarProvider();

    private List<Launch> bind(KernelCall call) {
        return provider.bind(call, 0, Arena.ofAuto());
    }

    private static KernelCall.MatMul matMul(
            DType type, ComputeType compute, long bias, long gated) {
        return new KernelCall.MatMul(
                64, 1, 64, type, bias, 0, 0, 0, 64, 1, 1, 0, 1, 1, compute, Activation.NONE, gated);
    }

    @Test
    void refusesTypesThatNoKernelComputesOn() {
        assertThatThrownBy(() -> bind(matMul(DType.I8, ComputeType.F32, 0, 0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("MatMul: weights of type I8");
        assertThatThrownBy(() -> bind(matMul(DType.F16, ComputeType.BF16, 0, 0)))
                .hasMessageContaining("BF16 weights, not F16");
        assertThatThrownBy(() -> bind(matMul(DType.Q8, ComputeType.F32, 0, 0)))
                .hasMessageContaining("got F32 with Q8");
        assertThatThrownBy(() -> bind(matMul(DType.F32, ComputeType.INT8, 0, 0)))
                .hasMessageContaining("got INT8 with F32");
        assertThatThrownBy(() -> bind(matMul(DType.F8, ComputeType.F16, 0, 0)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no products with F8");
        assertThatThrownBy(() -> bind(matMul(DType.F32, ComputeType.F32, 64, 1)))
                .hasMessageContaining("gated");
        assertThatThrownBy(
                        () -> bind(new KernelCall.Gather(64, DType.I32, 0, 1, 64, 64, 1, 1, 0, 1)))
                .hasMessageContaining("Gather")
                .hasMessageContaining("I32");
        assertThatThrownBy(
                        () ->
                                bind(
                                        new KernelCall.PackPanels(
                                                64, DType.F64, 64, DType.F64, 0, 1, 1, 0, 1)))
                .hasMessageContaining("PackPanels");
    }

    @Test
    void refusesRunTimeCountsOutsideTheCapacity() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(8);
            Launch launch =
                    bind(new KernelCall.Activate(
                                    64, 1, 64, 1, 5, count.address(), 1, Activation.RELU))
                            .getFirst();
            for (long wrong : new long[] {-1, 6}) {
                count.set(ValueLayout.JAVA_LONG, 0, wrong);
                assertThatThrownBy(launch::units)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessage(
                                "Activate: run-time row count %d is outside the capacity 0 to 5",
                                wrong);
            }
        }
    }

    @Test
    void erfc() {
        double[][] known = {
            {0, 1},
            {0.1, 0.8875370839817152},
            {0.5, 0.4795001221869535},
            {1, 0.15729920705028513},
            {1.9921875, 0.004841741752687067},
            {2, 0.004677734981047266},
            {3.3, 3.0577097964381654e-06},
            {5, 1.5374597944280351e-12},
            {9.9, 1.5431200214053075e-44},
        };
        for (double[] k : known) {
            assertThat(ErrorFunction.erfc(k[0]) / k[1])
                    .as("erfc(%s)", k[0])
                    .isEqualTo(1, within(1e-12));
            assertThat(ErrorFunction.erfc(-k[0])).isEqualTo(2 - k[1], within(1e-15));
        }
        assertThat(ErrorFunction.erfc(Double.POSITIVE_INFINITY)).isZero();
        assertThat(ErrorFunction.erfc(Double.NEGATIVE_INFINITY)).isEqualTo(2);
        assertThat(ErrorFunction.erfc(Double.NaN)).isNaN();
    }

    @Test
    void erfcHasNoStepsBetweenThePointsOfItsTable() {
        // Near a midpoint two expansions meet.
        for (int i = 1; i < 600; i++) {
            double middle = (i + 0.5) / 64;
            double below = ErrorFunction.erfc(Math.nextDown(middle));
            double above = ErrorFunction.erfc(middle);
            assertThat(above / below).as("at %s", middle).isEqualTo(1, within(1e-12));
        }
    }
}
