package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.lang.foreign.Arena;

/** Which kernels attention is given, by GPU and size. */
class AttentionChoiceTest {
    private static final int HEADS = 4;
    private static final int KV_HEADS = 2;

    @BeforeEach
    void requireSoftwareGpu() {
        SoftGpu.requireSoftware();
        CudaProvider.requireKernels();
    }

    @AfterEach
    void restore() {
        SoftGpu.defaults();
    }

    @ParameterizedTest
    @CsvSource({
        "90, true, BF16, 65, 128, paged_attention_sm90a.paged_attention_wgmma_128",
        "90, true, BF16, 65, 72, paged_attention_sm90a.paged_attention_wgmma_80",
        "90, true, F32, 65, 128, paged_attention.paged_attention_plain_128",
        "90, true, BF16, 65, 136, paged_attention.paged_attention_plain_256",
        "90, false, BF16, 65, 128, paged_attention.paged_attention_matrix_128",
        "80, true, BF16, 65, 128, paged_attention.paged_attention_matrix_128",
        "100, true, BF16, 65, 128, paged_attention.paged_attention_matrix_128",
        "90, true, BF16, 64, 128, paged_attention_few.paged_attention_few_matrix_128"
    })
    void pages(
            int capability,
            boolean hopper,
            ComputeType compute,
            long rows,
            int headDim,
            String kernel) {
        DType type = compute == ComputeType.BF16 ? DType.BF16 : DType.F32;
        assertThat(
                        last(
                                capability,
                                hopper,
                                new KernelCall.PagedAttention(
                                        0, 0, 0, 0, 0, 4, 16, 0, 0, type, 0, 0, rows, 0, HEADS,
                                        KV_HEADS, headDim, 1, 0, compute)))
                .isEqualTo(kernel);
    }

    @ParameterizedTest
    @CsvSource({
        "90, true, 33, attention_sm90a.attention_wgmma_64",
        "90, true, 32, attention.attention_matrix_64",
        "90, false, 33, attention.attention_matrix_64",
        "80, true, 33, attention.attention_matrix_64"
    })
    void segments(int capability, boolean hopper, int queryLength, String kernel) {
        assertThat(
                        last(
                                capability,
                                hopper,
                                new KernelCall.Attention(
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        0,
                                        2,
                                        0,
                                        queryLength,
                                        50,
                                        HEADS,
                                        KV_HEADS,
                                        64,
                                        1,
                                        ComputeType.BF16)))
                .isEqualTo(kernel);
    }

    /** Name of the kernel that gives the result. */
    private static String last(int capability, boolean hopper, KernelCall call) {
        SoftGpu.capability(capability);
        try (Gpu gpu = Gpu.open(0);
                Arena arena = Arena.ofConfined()) {
            return new CudaKernels(gpu, null, hopper).bind(call, 0, arena).getLast().name();
        }
    }
}
