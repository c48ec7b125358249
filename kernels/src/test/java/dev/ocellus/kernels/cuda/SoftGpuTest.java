package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;

/** The software GPU runs correct kernels right and answers what a driver answers. */
class SoftGpuTest extends SelfTestDevice {
    private static final int THREADS = 128;
    private static final int BLOCKS = 3;
    private static final int N = BLOCKS * THREADS;

    @BeforeEach
    void open() {
        float[] values = new float[N];
        for (int i = 0; i < N; i++) {
            values[i] = i % 5 - 2;
        }
        open(values, N);
    }

    @ParameterizedTest
    @MethodSource("ways")
    void runsKernelsInEveryOrder(SoftGpu.Order order, boolean sanitized) {
        SoftGpu.order(order);
        SoftGpu.sanitized(sanitized);
        float[] values = driver.read(in, N);
        float[] reversed = new float[N];
        float[] sums = new float[N];
        float[] positive = new float[N];
        for (int i = 0; i < N; i++) {
            reversed[i] = values[i / THREADS * THREADS + THREADS - 1 - i % THREADS];
            for (int j = 0; j < 32; j++) {
                sums[i] += values[i / 32 * 32 + j];
            }
            for (int j = 0; j < THREADS; j++) {
                positive[i] += values[i / THREADS * THREADS + j] > 0 ? 1 : 0;
            }
        }
        assertThat(run("reverse_blocks", 0)).containsExactly(reversed);
        assertThat(run("reverse_blocks_async", 4 * THREADS)).containsExactly(reversed);
        assertThat(run("warp_sums", 0)).containsExactly(sums);
        assertThat(run("count_positive", 0)).containsExactly(positive);
    }

    @Test
    void countsWhatItDoes() {
        SoftGpu.Counters before = SoftGpu.counters();
        long launched = SoftGpu.kernels().getOrDefault("axpy", 0L);
        long memory = driver.floats(new float[8]);
        driver.launch(driver.kernel("axpy"), BLOCKS, 0, 0, out, in, N);
        driver.read(out, 4);
        driver.call("cuMemcpyDtoD_v2", memory, in, 12L);
        driver.call("cuMemFree_v2", memory);
        assertThat(SoftGpu.counters().since(before))
                .isEqualTo(new SoftGpu.Counters(1, N, 0, 4, 1, 1, 1, 1, 1, 32, 16, 12, 0));
        assertThat(SoftGpu.kernels()).containsEntry("axpy", launched + 1);
    }

    @Test
    void memoryEnds() {
        MemorySegment free = driver.arena.allocate(8);
        MemorySegment total = driver.arena.allocate(8);
        driver.call("cuMemGetInfo_v2", free, total);
        // Other tests of this process may hold some.
        long used = total.get(ValueLayout.JAVA_LONG, 0) - free.get(ValueLayout.JAVA_LONG, 0);
        SoftGpu.deviceBytes(used + (1 << 20));
        driver.call("cuMemGetInfo_v2", free, total);
        assertThat(total.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(used + (1 << 20));
        long left = free.get(ValueLayout.JAVA_LONG, 0);
        assertThat(left).isEqualTo(1 << 20);
        MemorySegment address = driver.arena.allocate(8);
        assertThat(driver.status("cuMemAlloc_v2", address, left + 1))
                .isEqualTo(DriverCalls.OUT_OF_MEMORY);
        assertThat(driver.status("cuMemAlloc_v2", address, left)).isEqualTo(DriverCalls.SUCCESS);
    }

    @Test
    void registeredHostMemoryIsDeviceMemory() {
        MemorySegment host = driver.arena.allocate(4L * N, 16);
        assertThat(driver.status("cuMemHostUnregister", host))
                .isEqualTo(DriverCalls.NOT_REGISTERED);
        driver.call("cuMemHostRegister_v2", host, 4L * N, 2);
        assertThat(driver.status("cuMemHostRegister_v2", host.asSlice(16), 16L, 2))
                .isEqualTo(DriverCalls.ALREADY_REGISTERED);
        long device = driver.create("cuMemHostGetDevicePointer_v2", host, 0);
        assertThat(device).isEqualTo(host.address());
        SoftGpu.sanitized(true);
        assertThat(driver.launch(driver.kernel("axpy"), BLOCKS, 0, 0, device, in, N))
                .isEqualTo(DriverCalls.SUCCESS);
        assertThat(host.get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(-4);
        driver.call("cuMemHostUnregister", host);
        assertThat(driver.launch(driver.kernel("axpy"), BLOCKS, 0, 0, device, in, N))
                .isEqualTo(DriverCalls.ILLEGAL_ADDRESS);
    }

    @Test
    void copiesEndWithTheirAllocation() {
        assertThat(
                        driver.status(
                                "cuMemcpyDtoH_v2",
                                driver.arena.allocate(4 * N + 4),
                                in,
                                4L * N + 4))
                .isEqualTo(DriverCalls.INVALID_VALUE);
    }

    @Test
    void modulesAreThoseOfTheSources() {
        assertThat(load(DriverCalls.ptx("8.0", "sm_80", "axpy", 24))).isEqualTo(0);
        assertThat(load("no module")).isEqualTo(DriverCalls.INVALID_IMAGE);
        assertThat(load(DriverCalls.ptx("8.0", "sm_80", "axpy", 32)))
                .isEqualTo(DriverCalls.INVALID_IMAGE);
        assertThat(SoftGpu.lastFault()).contains("kernel axpy has other parameters");
        assertThat(load(DriverCalls.ptx("8.0", "sm_80", "unknown", 24)))
                .isEqualTo(DriverCalls.INVALID_IMAGE);
        assertThat(SoftGpu.lastFault()).contains("kernel unknown is not in the sources");
        SoftGpu.driverVersion(12000);
        assertThat(load(DriverCalls.ptx("8.1", "sm_80", "axpy", 24)))
                .isEqualTo(DriverCalls.UNSUPPORTED_PTX_VERSION);
        assertThat(load(DriverCalls.ptx("8.0", "sm_90a", "axpy", 24))).isEqualTo(0);
        SoftGpu.capability(100);
        assertThat(load(DriverCalls.ptx("8.0", "sm_90", "axpy", 24))).isEqualTo(0);
        assertThat(load(DriverCalls.ptx("8.0", "sm_90a", "axpy", 24)))
                .isEqualTo(DriverCalls.NO_BINARY_FOR_GPU);
        SoftGpu.capability(75);
        assertThat(load(DriverCalls.ptx("8.0", "sm_80", "axpy", 24)))
                .isEqualTo(DriverCalls.NO_BINARY_FOR_GPU);
    }

    @Test
    void callsNeedACurrentContext() throws InterruptedException {
        AtomicInteger status = new AtomicInteger();
        Thread another =
                Thread.ofPlatform()
                        .start(
                                () -> {
                                    try (DriverCalls calls = new DriverCalls()) {
                                        status.set(calls.status("cuCtxSynchronize"));
                                    }
                                });
        another.join();
        assertThat(status).hasValue(DriverCalls.INVALID_CONTEXT);
    }

    @Test
    void handlesAreChecked() {
        assertThat(driver.status("cuStreamSynchronize", 12345L))
                .isEqualTo(DriverCalls.INVALID_HANDLE);
        long event = driver.create("cuEventCreate", 0);
        driver.call("cuEventDestroy_v2", event);
        assertThat(driver.status("cuEventSynchronize", event))
                .isEqualTo(DriverCalls.INVALID_HANDLE);
    }

    private int load(String ptx) {
        return driver.status(
                "cuModuleLoadData", driver.arena.allocate(8), driver.arena.allocateFrom(ptx));
    }

    private float[] run(String kernel, int sharedBytes) {
        assertThat(driver.launch(driver.kernel(kernel), BLOCKS, sharedBytes, 0, out, in, N))
                .as(SoftGpu.lastFault())
                .isEqualTo(DriverCalls.SUCCESS);
        return driver.read(out, N);
    }
}
