package dev.ocellus.kernels.cuda;

import static dev.ocellus.kernels.cuda.DriverCalls.ILLEGAL_ADDRESS;
import static dev.ocellus.kernels.cuda.DriverCalls.LAUNCH_FAILED;
import static dev.ocellus.kernels.cuda.DriverCalls.SUCCESS;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;

/** Each planted mistake of {@code tests/softgpu/selftest/mistakes.cu} is found. */
class SoftGpuMistakesTest extends SelfTestDevice {
    private static final int THREADS = 128;
    private static final int N = 512;

    @BeforeEach
    void open() {
        float[] values = new float[N];
        for (int i = 0; i < N; i++) {
            values[i] = i;
        }
        open(values, N);
    }

    static Stream<Arguments> faults() {
        return Stream.of(
                        "reads_past_end, 700, access",
                        "writes_past_end, 700, access",
                        "parts_before_barrier, 719, barrier",
                        "names_other_lanes, 719, mask does not name it",
                        "loads_misaligned_vector, 700, misaligned",
                        "divides_by_zero, 700, division by zero")
                .map(line -> line.split(", "))
                .flatMap(
                        f ->
                                Arrays.stream(SoftGpu.Order.values())
                                        .map(
                                                o ->
                                                        Arguments.of(
                                                                f[0],
                                                                Integer.valueOf(f[1]),
                                                                f[2],
                                                                o)));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void faultIsAnsweredWithItsKernel(String kernel, int status, String text, SoftGpu.Order order) {
        SoftGpu.sanitized(false);
        SoftGpu.order(order);
        long n = kernel.equals("divides_by_zero") ? 0 : N;
        assertThat(run(kernel, 1, n)).isEqualTo(status);
        assertThat(SoftGpu.lastFault())
                .contains(text)
                .contains("kernel " + kernel + ", block (0,0,0), thread (");
    }

    @ParameterizedTest
    @CsvSource({
        "reads_past_end, 700, not in an allocation",
        "writes_past_end, 700, not in an allocation",
        "reads_just_before_begin, 700, not in an allocation",
        "forgets_barrier, 719, nobody has written",
        "forgets_warp_barrier, 719, race",
        "forgets_second_barrier, 719, race",
        "loads_misaligned_vector, 700, misaligned",
        "indexes_outside_array, 700, index outside its array",
        "reads_past_shared, 700, not in an allocation",
        "reads_unwritten_shared, 719, shared memory",
        "shifts_too_far, 700, a shift too far",
        "overflows, 700, an overflow"
    })
    void sanitizedBuildFinds(String kernel, int status, String text) {
        SoftGpu.sanitized(true);
        int found = driver.launch(driver.kernel(kernel), 1, 4 * THREADS, 0, out, in, N);
        assertThat(found).isEqualTo(status);
        assertThat(SoftGpu.lastFault()).contains(text).contains("kernel " + kernel);
    }

    @Test
    void sanitizedBuildFindsMemoryThatNobodyHasWritten() {
        SoftGpu.sanitized(true);
        long memory = driver.allocate(4 * N);
        driver.call("cuMemcpyDtoD_v2", memory, in, 4L * (N - 1));
        long kernel = driver.kernel("reads_unwritten_global");
        assertThat(driver.launch(kernel, 1, 0, 0, out, memory, N - 1)).isEqualTo(SUCCESS);
        assertThat(driver.read(out, 1)).containsExactly(N - 2);
        assertThat(driver.launch(kernel, 1, 0, 0, out, memory, N)).isEqualTo(LAUNCH_FAILED);
        assertThat(SoftGpu.lastFault()).contains("global memory", "where nobody has written");
    }

    @Test
    void copiesOfWhatNobodyHasWrittenAreNotWritten() {
        SoftGpu.sanitized(true);
        long memory = driver.allocate(4 * N);
        driver.call("cuMemcpyDtoD_v2", memory, driver.allocate(4 * N), 4L * N);
        long kernel = driver.kernel("reads_unwritten_global");
        assertThat(driver.launch(kernel, 1, 0, 0, out, memory, 1)).isEqualTo(LAUNCH_FAILED);
    }

    @Test
    void fillsKernelsAndCopiesWrite() {
        SoftGpu.sanitized(true);
        long filled = driver.allocate(4 * THREADS);
        driver.call("cuMemsetD32_v2", filled, Float.floatToRawIntBits(2), (long) THREADS);
        long copied = driver.floats(1, 2, 3);
        long written = driver.allocate(4 * THREADS);
        long kernel = driver.kernel("reads_unwritten_global");
        assertThat(driver.launch(kernel, 1, 0, 0, written, filled, THREADS)).isEqualTo(SUCCESS);
        assertThat(driver.launch(kernel, 1, 0, 0, out, copied, 3)).isEqualTo(SUCCESS);
        assertThat(driver.launch(kernel, 1, 0, 0, out, written, THREADS)).isEqualTo(SUCCESS);
        assertThat(driver.read(out, 1)).containsExactly(2);
    }

    @Test
    void sanitizedBuildFindsAtomicsOnWhatNobodyHasWritten() {
        SoftGpu.sanitized(true);
        long memory = driver.allocate(4);
        long kernel = driver.kernel("adds_to_unwritten_global");
        assertThat(driver.launch(kernel, 1, 0, 0, memory, in, N)).isEqualTo(LAUNCH_FAILED);
        assertThat(SoftGpu.lastFault()).contains("changes 4 bytes of global memory");
    }

    @Test
    void whatTestsCallUnwrittenIsFoundInMemoryOfTheHost() {
        SoftGpu.sanitized(true);
        long pinned = driver.create("cuMemAllocHost_v2", 4L * N);
        MemorySegment host = MemorySegment.ofAddress(pinned).reinterpret(4L * N);
        host.fill((byte) 0);
        long kernel = driver.kernel("reads_unwritten_global");
        assertThat(driver.launch(kernel, 1, 0, 0, out, pinned, N)).isEqualTo(SUCCESS);
        SoftGpu.unwritten(host.asSlice(4L * (N - 1)));
        assertThat(driver.launch(kernel, 1, 0, 0, out, pinned, N - 1)).isEqualTo(SUCCESS);
        assertThat(driver.launch(kernel, 1, 0, 0, out, pinned, N)).isEqualTo(LAUNCH_FAILED);
    }

    @Test
    void variableThatIsNotSetGivesWrongValuesInTheSanitizedBuild() {
        SoftGpu.sanitized(true);
        assertThat(run("reads_unwritten_local", 1, N)).isEqualTo(SUCCESS);
        assertThat(driver.read(out, 1)[0]).isLessThan(-1e38f);
    }

    @Test
    void sanitizedBuildFindsBlocksThatShareTheirOutput() {
        SoftGpu.sanitized(true);
        assertThat(run("blocks_share_output", 1, N)).isEqualTo(SUCCESS);
        assertThat(run("blocks_share_output", 2, N)).isEqualTo(LAUNCH_FAILED);
        assertThat(SoftGpu.lastFault()).contains("another block").contains("block (1,0,0)");
    }

    @Test
    void sanitizedBuildFindsHostMemory() {
        SoftGpu.sanitized(true);
        long host = driver.arena.allocate(4 * N).address();
        assertThat(driver.launch(driver.kernel("axpy"), 1, 0, 0, out, host, N))
                .isEqualTo(ILLEGAL_ADDRESS);
        assertThat(SoftGpu.lastFault()).contains("reads 4 bytes at 0x" + Long.toHexString(host));
    }

    @ParameterizedTest
    @EnumSource
    void dependentLaunchesWaitInEveryThread(SoftGpu.Order order) {
        SoftGpu.order(order);
        assertThat(dependent("waits_for_grid", "griddepcontrol.wait;")).isEqualTo(SUCCESS);
        assertThat(dependent("waits_for_grid_in_part", "griddepcontrol.wait;"))
                .isEqualTo(LAUNCH_FAILED);
        assertThat(SoftGpu.lastFault())
                .contains("without griddepcontrol.wait")
                .contains("block (0,0,0), thread (127,0,0)");
    }

    @Test
    void dependentLaunchesAreOfKernelsThatWaitOnGpusThatHaveThem() {
        assertThat(dependent("waits_for_grid", "ret;")).isEqualTo(DriverCalls.INVALID_VALUE);
        assertThat(SoftGpu.lastFault()).contains("PTX has no griddepcontrol.wait");
        SoftGpu.capability(89);
        assertThat(dependent("waits_for_grid", "griddepcontrol.wait;"))
                .isEqualTo(DriverCalls.NOT_SUPPORTED);
    }

    private int dependent(String kernel, String body) {
        long module = driver.module(DriverCalls.ptx("8.0", "sm_80", kernel, 24, body));
        long function =
                driver.create("cuModuleGetFunction", module, driver.arena.allocateFrom(kernel));
        return driver.launchDependent(function, 1, out, in, N);
    }

    @ParameterizedTest
    @EnumSource
    void missingBarrierGivesWrongValues(SoftGpu.Order order) {
        SoftGpu.sanitized(false);
        SoftGpu.order(order);
        assertThat(run("forgets_barrier", 1, N)).isEqualTo(SUCCESS);
        float[] found = driver.read(out, THREADS);
        int wrong = 0;
        for (int i = 0; i < THREADS; i++) {
            wrong += found[i] == THREADS - 1 - i ? 0 : 1;
        }
        assertThat(wrong).isPositive();
    }

    @Test
    void copyThatIsNotWaitedForHasNotHappened() {
        assertThat(run("forgets_copy_wait", 1, N)).isEqualTo(SUCCESS);
        assertThat(driver.read(out, THREADS)).containsOnly(Float.NaN);
    }

    @Test
    void sharedMemoryBeginsAsNaN() {
        assertThat(run("reads_unwritten_shared", 1, N)).isEqualTo(SUCCESS);
        float[] found = driver.read(out, THREADS);
        assertThat(found[0]).isEqualTo(1);
        assertThat(Arrays.copyOfRange(found, 1, THREADS)).containsOnly(Float.NaN);
    }

    @Test
    void deviceMemoryBeginsAsNaN() {
        assertThat(driver.read(driver.allocate(4 * N), N)).containsOnly(Float.NaN);
        long large = driver.allocate(64L << 20);
        assertThat(driver.read(large + (40L << 20), N)).containsOnly(Float.NaN);
    }

    @Test
    void freedMemoryCannotBeUsed() {
        driver.call("cuMemFree_v2", in);
        assertThat(driver.launch(driver.kernel("axpy"), 1, 0, 0, out, in, N))
                .isEqualTo(ILLEGAL_ADDRESS);
    }

    @Test
    void faultEndsItsContextAlone() {
        assertThat(run("writes_past_end", 1, N)).isEqualTo(ILLEGAL_ADDRESS);
        assertThat(driver.status("cuCtxSynchronize")).isEqualTo(ILLEGAL_ADDRESS);
        assertThat(driver.status("cuMemAlloc_v2", driver.arena.allocate(8), 16L))
                .isEqualTo(ILLEGAL_ADDRESS);
        long other = driver.context();
        long memory = driver.floats(1, 2, 3);
        assertThat(driver.read(memory, 3)).containsExactly(1, 2, 3);
        driver.call("cuCtxDestroy_v2", other);
    }

    @Test
    void hostReadsOldValuesBeforeItWaits() {
        SoftGpu.deferred(true);
        long stream = driver.create("cuStreamCreate", 1);
        long pinned = driver.create("cuMemAllocHost_v2", 4L * THREADS);
        MemorySegment host = MemorySegment.ofAddress(pinned).reinterpret(4L * THREADS);
        host.fill((byte) 0);
        driver.launch(driver.kernel("reverse_blocks"), 1, 0, stream, out, in, N);
        driver.call("cuMemcpyDtoHAsync_v2", host, out, 4L * THREADS, stream);
        assertThat(host.toArray(JAVA_FLOAT)).containsOnly(0);
        driver.call("cuStreamSynchronize", stream);
        assertThat(host.get(JAVA_FLOAT, 0)).isEqualTo(THREADS - 1);
    }

    private int run(String kernel, int blocks, long n) {
        return driver.launch(driver.kernel(kernel), blocks, 0, 0, out, in, n);
    }
}
