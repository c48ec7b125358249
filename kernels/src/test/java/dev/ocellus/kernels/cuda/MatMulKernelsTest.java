package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.util.List;

/** Which kernels and products a linear layer becomes; nothing is run. */
class MatMulKernelsTest {
    private static final long WORKSPACE = 1 << 12;
    private static final long N = 48;
    private static final long K = 70;
    private static final long COUNTED = 8;

    private Gpu gpu;
    private Blas cublasLt;

    @BeforeEach
    void open() {
        SoftGpu.require();
        gpu = Gpu.open(0);
        cublasLt = CublasLtBlas.open(gpu, WORKSPACE);
    }

    @AfterEach
    void close() {
        if (gpu != null) {
            cublasLt.close();
            gpu.close();
        }
    }

    @Test
    void fewRowsAreForOwnKernels() {
        assertThat(work(cublasLt, call(8, DType.BF16, ComputeType.BF16, Activation.NONE, 0, 0)))
                .containsExactly("matmul_few.matmul_few_mma");
        assertThat(work(cublasLt, call(8, DType.F16, ComputeType.F32, Activation.NONE, 0, 0)))
                .containsExactly("matmul_few.matmul_few_f16");
        assertThat(work(cublasLt, call(1, DType.Q4, ComputeType.INT8, Activation.NONE, 0, 1)))
                .containsExactly("blockmatmul.blockmatmul_one_q4");
        assertThat(work(cublasLt, call(8, DType.Q8, ComputeType.INT8, Activation.NONE, 0, 1)))
                .containsExactly("blockmatmul.blockmatmul_few_q8");
        assertThat(work(cublasLt, call(1, DType.F8, ComputeType.F16, Activation.NONE, 0, 1)))
                .containsExactly("blockmatmul.blockmatmul_one_f8");
    }

    @Test
    void withoutALibraryManyRowsAreTiles() {
        assertThat(work(null, call(9, DType.BF16, ComputeType.BF16, Activation.NONE, 0, 0)))
                .containsExactly("matmul.matmul_round", "matmul.matmul_tile_mma");
        assertThat(work(null, call(9, DType.F32, ComputeType.F32, Activation.NONE, 0, 0)))
                .containsExactly("matmul.matmul_tile_f32");
    }

    @Test
    void aLibraryMultipliesFactorsOfOneType() {
        assertThat(work(cublasLt, call(9, DType.BF16, ComputeType.BF16, Activation.RELU, 0, 0)))
                .containsExactly("matmul.matmul_round", "cublasLt BF16 9 x 48 x 70");
        assertThat(work(cublasLt, call(9, DType.F32, ComputeType.F32, Activation.NONE, 0, 0)))
                .containsExactly("cublasLt F32 9 x 48 x 70");
        assertThat(work(cublasLt, call(9, DType.BF16, ComputeType.F32, Activation.NONE, 0, 0)))
                .containsExactly("matmul.matmul_tile_bf16");
        assertThat(work(cublasLt, call(9, DType.Q8, ComputeType.INT8, Activation.NONE, 0, 0)))
                .containsExactly(
                        "blockmatmul.blockmatmul_round", "blockmatmul.blockmatmul_narrow_q8");
        assertThat(work(cublasLt, call(9, DType.F8, ComputeType.F16, Activation.NONE, 0, 0)))
                .containsExactly(
                        "blockmatmul.blockmatmul_round_f8", "blockmatmul.blockmatmul_narrow_f8");
    }

    @Test
    void whatALibraryLacksFollowsItsProduct() {
        assertThat(work(cublasLt, call(9, DType.BF16, ComputeType.BF16, Activation.SILU, 0, 1)))
                .containsExactly(
                        "matmul.matmul_round", "cublasLt BF16 9 x 96 x 70", "matmul.matmul_finish");
        assertThat(work(cublasLt, call(9, DType.F32, ComputeType.F32, Activation.GELU, 0, 0)))
                .containsExactly("cublasLt F32 9 x 48 x 70", "matmul.matmul_finish");
    }

    @Test
    void rowsThatMayNotCountStayInTheScratchMemory() {
        assertThat(work(cublasLt, call(9, DType.F32, ComputeType.F32, Activation.NONE, COUNTED, 0)))
                .containsExactly(
                        "matmul.matmul_copy", "cublasLt F32 9 x 48 x 70", "matmul.matmul_finish");
    }

    @Test
    void rowsThatMayBeOverwrittenAreTheLibrarysToo() {
        Conditions spare = new Conditions(true, false, false);
        MatMul f32 = call(9, DType.F32, ComputeType.F32, Activation.NONE, COUNTED, 0);
        assertThat(work(cublasLt, f32, spare)).containsExactly("cublasLt F32 9 x 48 x 70");
        MatMul bf16 = call(9, DType.BF16, ComputeType.BF16, Activation.GELU_TANH, COUNTED, 0);
        assertThat(work(cublasLt, bf16, spare))
                .containsExactly("matmul.matmul_round", "cublasLt BF16 9 x 48 x 70");
        MatMul gated = call(9, DType.F32, ComputeType.F32, Activation.SILU, COUNTED, 1);
        assertThat(work(cublasLt, gated, spare))
                .containsExactly("cublasLt F32 9 x 96 x 70", "matmul.matmul_finish");
    }

    @Test
    void theWorkspaceOfALibraryIsPartOfTheScratchMemory() {
        MatMul many = call(64, DType.BF16, ComputeType.BF16, Activation.NONE, 0, 0);
        long rounded = 64 * 72 * 2;
        long sums = 64 * N * 4;
        assertThat(new MatMulKernels(gpu, null).scratchBytes(many)).isEqualTo(rounded);
        assertThat(new MatMulKernels(gpu, cublasLt).scratchBytes(many))
                .isEqualTo(rounded + sums + WORKSPACE);
        MatMul few = call(1, DType.BF16, ComputeType.BF16, Activation.NONE, 0, 0);
        assertThat(new MatMulKernels(gpu, cublasLt).scratchBytes(few)).isZero();
    }

    private List<String> work(Blas blas, MatMul call) {
        return work(blas, call, Conditions.NONE);
    }

    private List<String> work(Blas blas, MatMul call, Conditions conditions) {
        try (Arena arena = Arena.ofConfined()) {
            return new MatMulKernels(gpu, blas)
                    .matMul(call, conditions, 1 << 20, arena).stream().map(GpuWork::name).toList();
        }
    }

    private static MatMul call(
            long rows,
            DType type,
            ComputeType compute,
            Activation activation,
            long rowCount,
            long gated) {
        long x = 1 << 12;
        long w = 2 << 12;
        long out = 3 << 12;
        return new MatMul(
                x,
                K,
                w,
                type,
                0,
                0,
                0,
                0,
                out,
                N,
                rows,
                rowCount,
                N,
                K,
                compute,
                activation,
                gated);
    }
}
