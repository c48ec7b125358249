package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.kernels.KernelCall.Activate;
import dev.ocellus.kernels.cuda.CudaProvider;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.SplittableRandom;

/** The operation tests see it when a CUDA kernel leaves its operands. */
class CudaProviderTest {
    private static final int COLS = 1024; // of floats: a page

    private final CudaProvider cuda = new CudaProvider();

    @ParameterizedTest
    @EnumSource(names = {"ENDS_AT_GUARD", "STARTS_AT_GUARD"})
    void anAccessPastAGuardIsFoundAndTheNextCallRuns(Placement placement) {
        try (Operands operands = new Operands(cuda, placement)) {
            Matrix x = operands.random(2, COLS, new SplittableRandom(1));
            Matrix out = operands.matrix(2, COLS, COLS);
            long outside = placement == Placement.ENDS_AT_GUARD ? 4 : -4;
            assertThatThrownBy(() -> run(operands, call(x, out, outside)))
                    .isInstanceOf(AssertionError.class)
                    .hasMessageContaining("pointwise.activate");
        }
        try (Operands operands = new Operands(cuda, placement)) {
            Matrix x = operands.random(2, COLS, new SplittableRandom(1));
            Matrix out = operands.matrix(2, COLS, COLS);
            run(operands, call(x, out, 0));
            assertThat(out.get(1, COLS - 1)).isEqualTo(Math.max(0, x.get(1, COLS - 1)));
        }
    }

    private void run(Operands operands, KernelCall call) {
        OperationCheck.run(cuda, operands, call, new SplittableRandom(1));
    }

    /**
     * @param shift bytes by which the call misses its input
     */
    private static Activate call(Matrix x, Matrix out, long shift) {
        return new Activate(
                x.address() + shift, x.ld(), out.address(), out.ld(), 2, 0, COLS, Activation.RELU);
    }
}
