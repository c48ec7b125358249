package dev.ocellus.kernels.cuda;

import static dev.ocellus.kernels.cuda.DriverCalls.LAUNCH_FAILED;
import static dev.ocellus.kernels.cuda.DriverCalls.SUCCESS;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.stream.Stream;

/**
 * The software GPU does what the PTX ISA says of the operations of compute capability 9.0, and
 * finds each planted mistake: {@code tests/softgpu/selftest/warpgroup.cu}.
 */
class SoftGpuWarpgroupTest extends SelfTestDevice {
    private static final int COLUMNS = 64;
    private static final int DEPTH = 16;
    private static final int ROWS = 64;
    private static final int SHARED_BYTES = 8192;
    private static final int TILE = 256;

    @BeforeEach
    void open() {
        float[] values = new float[5 * TILE];
        for (int i = 0; i < values.length; i++) {
            values[i] = i;
        }
        open(values, ROWS * COLUMNS);
    }

    /** Swizzling modes as a matrix descriptor has them. */
    private static final int NONE = 0;

    private static final int BYTES_128 = 1;
    private static final int BYTES_64 = 2;
    private static final int BYTES_32 = 3;

    /**
     * Where the element (k, n) lies that the hardware reads, worked out by hand from the canonical
     * layouts of the PTX ISA: the kernel, the mode, leading and stride byte offset, then k, n and
     * the index of the element in shared memory.
     */
    static Stream<Arguments> elements() {
        return Stream.of(
                // Core matrices of 8 n by 8 k: k + 8 in the next, n + 8 two further.
                Arguments.of("finds_k_major", NONE, 128, 256, 3, 5, 5 * 8 + 3),
                Arguments.of("finds_k_major", NONE, 128, 256, 11, 21, 2 * 128 + 64 + 5 * 8 + 3),
                // Rows of 16 k; rows 4 to 7 of each 8 have their two chunks exchanged.
                Arguments.of("finds_k_major", BYTES_32, 16, 256, 3, 3, 3 * 16 + 3),
                Arguments.of("finds_k_major", BYTES_32, 16, 256, 3, 4, 4 * 16 + 8 + 3),
                Arguments.of("finds_k_major", BYTES_32, 16, 256, 9, 15, 128 + 7 * 16 + 1),
                // Rows of 32 k, of which the first 16 are read; chunk ^ row / 2 % 4.
                Arguments.of("finds_k_major", BYTES_64, 16, 512, 9, 6, 6 * 32 + (1 ^ 3) * 8 + 1),
                Arguments.of("finds_k_major", BYTES_64, 16, 512, 2, 11, 256 + 3 * 32 + 8 + 2),
                // Rows of 64 k; chunk ^ row % 8.
                Arguments.of("finds_k_major", BYTES_128, 16, 1024, 9, 7, 7 * 64 + (1 ^ 7) * 8 + 1),
                Arguments.of("finds_k_major", BYTES_128, 16, 1024, 4, 26, 3 * 512 + 128 + 16 + 4),
                // Core matrices of 8 k by 8 n.
                Arguments.of("finds_n_major", NONE, 1024, 128, 5, 3, 5 * 8 + 3),
                Arguments.of("finds_n_major", NONE, 1024, 128, 13, 18, 512 + 2 * 64 + 5 * 8 + 2),
                // Rows of 16 n, the next 16 after 16 rows of k.
                Arguments.of("finds_n_major", BYTES_32, 512, 256, 3, 9, 3 * 16 + 8 + 1),
                Arguments.of("finds_n_major", BYTES_32, 512, 256, 5, 9, 5 * 16 + 1),
                Arguments.of(
                        "finds_n_major", BYTES_32, 512, 256, 12, 50, 3 * 256 + 12 * 16 + 8 + 2),
                // Rows of 32 n.
                Arguments.of("finds_n_major", BYTES_64, 1024, 512, 4, 25, 4 * 32 + (3 ^ 2) * 8 + 1),
                Arguments.of("finds_n_major", BYTES_64, 1024, 512, 10, 41, 512 + 10 * 32 + 1),
                // Rows of 64 n.
                Arguments.of(
                        "finds_n_major", BYTES_128, 2048, 1024, 6, 19, 6 * 64 + (2 ^ 6) * 8 + 3),
                Arguments.of("finds_n_major", BYTES_128, 2048, 1024, 15, 63, 512 + 7 * 64 + 7));
    }

    @ParameterizedTest
    @MethodSource("elements")
    void descriptorsMeanWhatThePtxIsaSays(
            String kernel, int mode, long leading, long stride, int k, int n, int index) {
        SoftGpu.sanitized(false);
        long descriptor = (long) mode << 62 | stride >> 4 << 32 | leading >> 4 << 16;
        assertThat(run(kernel, descriptor)).as(SoftGpu.lastFault()).isEqualTo(SUCCESS);
        assertThat(driver.read(out, DEPTH * COLUMNS)[k * COLUMNS + n]).isEqualTo(index);
    }

    @ParameterizedTest
    @MethodSource("ways")
    void runsKernelsInEveryOrder(SoftGpu.Order order, boolean sanitized) {
        SoftGpu.order(order);
        SoftGpu.sanitized(sanitized);
        int tiles = 5;
        assertThat(run("passes_by_mbarriers", tiles * TILE))
                .as(SoftGpu.lastFault())
                .isEqualTo(SUCCESS);
        float[] found = driver.read(out, tiles * TILE);
        for (int i = 0; i < found.length; i++) {
            assertThat(found[i]).isEqualTo(i / TILE * TILE + TILE - 1 - i % TILE);
        }
        assertThat(run("accumulates", 0)).as(SoftGpu.lastFault()).isEqualTo(SUCCESS);
        float[] sums = driver.read(out, ROWS * COLUMNS);
        for (int i = 0; i < sums.length; i++) {
            assertThat(sums[i]).isEqualTo(3 + 2 * (i / COLUMNS / 16 + 1) * 120);
        }
    }

    /** Where not all of the copying warps come first. */
    @Test
    void dataBeforeTheirMbarrierHaveNotArrived() {
        SoftGpu.sanitized(false);
        SoftGpu.order(SoftGpu.Order.REVERSE);
        assertThat(run("forgets_mbarrier_wait", TILE)).as(SoftGpu.lastFault()).isEqualTo(SUCCESS);
        assertThat(driver.read(out, TILE)).contains(Float.NaN);
    }

    @ParameterizedTest
    @CsvSource({
        "uses_mbarrier_without_init, not been initialised",
        "waits_forever_at_mbarrier, at an mbarrier",
        "forgets_wgmma_fence, without wgmma.fence",
        "forgets_wgmma_wait, under way",
        "forgets_proxy_fence, fence.proxy.async",
        "changes_accumulators, accumulators of wgmma were changed",
        "changes_operand, shared memory that wgmma reads was changed",
        "warps_differ, differ"
    })
    void mistakesAreFound(String kernel, String text) {
        SoftGpu.sanitized(false);
        assertThat(run(kernel, 0)).isEqualTo(LAUNCH_FAILED);
        assertThat(SoftGpu.lastFault()).contains(text).contains("kernel " + kernel);
    }

    private int run(String kernel, long n) {
        return driver.launch(driver.kernel(kernel), 1, SHARED_BYTES, 0, out, in, n);
    }
}
