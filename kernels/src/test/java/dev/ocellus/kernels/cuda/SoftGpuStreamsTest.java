package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Streams, events and graphs of the software GPU, whose order is only what the calls say. */
class SoftGpuStreamsTest {
    private static final int N = 128;
    private static final int CAPTURE_GLOBAL = 0;
    private static final int CAPTURE_RELAXED = 2;

    private DriverCalls driver;
    private long context;
    private long in;
    private long out;
    private long stream;
    private long other;
    private long axpy;

    @BeforeEach
    void open() {
        SoftGpu.requireSoftware();
        driver = new DriverCalls();
        context = driver.context();
        float[] ones = new float[N];
        Arrays.fill(ones, 1);
        axpy = driver.kernel("axpy");
        in = driver.floats(ones);
        out = driver.floats(new float[N]);
        stream = driver.create("cuStreamCreate", 1);
        other = driver.create("cuStreamCreate", 1);
    }

    @AfterEach
    void close() {
        if (driver != null) {
            driver.call("cuCtxDestroy_v2", context);
            driver.close();
            SoftGpu.defaults();
        }
    }

    @Test
    void deferredWorkWaitsForTheEventOfAnotherStream() {
        SoftGpu.deferred(true);
        long event = driver.create("cuEventCreate", 0);
        fill(3, stream);
        driver.call("cuEventRecord", event, stream);
        driver.call("cuStreamWaitEvent", other, event, 0);
        axpy(other);
        assertThat(driver.status("cuEventQuery", event)).isIn(0, DriverCalls.NOT_READY);
        driver.call("cuStreamSynchronize", other);
        assertThat(result()).isEqualTo(5);
        assertThat(driver.status("cuEventQuery", event)).isEqualTo(0);
    }

    @Test
    void withoutTheEventOneOrderShowsIt() {
        SoftGpu.deferred(true);
        fill(3, stream);
        axpy(other);
        driver.call("cuStreamSynchronize", other);
        driver.call("cuStreamSynchronize", stream);
        assertThat(result()).isEqualTo(3);
    }

    @Test
    void elapsedTimeNeedsBothEvents() {
        long from = driver.create("cuEventCreate", 0);
        long to = driver.create("cuEventCreate", 0);
        MemorySegment milliseconds = driver.arena.allocate(4);
        SoftGpu.deferred(true);
        driver.call("cuEventRecord", from, stream);
        axpy(stream);
        driver.call("cuEventRecord", to, stream);
        assertThat(driver.status("cuEventElapsedTime", milliseconds, from, to))
                .isEqualTo(DriverCalls.NOT_READY);
        driver.call("cuEventSynchronize", to);
        driver.call("cuEventElapsedTime", milliseconds, from, to);
        assertThat(milliseconds.get(ValueLayout.JAVA_FLOAT, 0)).isNotNegative();
        long untimed = driver.create("cuEventCreate", 2);
        driver.call("cuEventRecord", untimed, stream);
        assertThat(driver.status("cuEventElapsedTime", milliseconds, from, untimed))
                .isEqualTo(DriverCalls.INVALID_HANDLE);
    }

    @ParameterizedTest
    @EnumSource
    void graphKeepsTheOrderOfItsForkAndJoin(SoftGpu.Order order) {
        SoftGpu.order(order);
        long graph = capture(true);
        SoftGpu.Counters before = SoftGpu.counters();
        for (int i = 0; i < 3; i++) {
            driver.call("cuGraphLaunch", graph, stream);
            driver.call("cuStreamSynchronize", stream);
            assertThat(result()).isEqualTo(9);
        }
        SoftGpu.Counters done = SoftGpu.counters().since(before);
        assertThat(done.graphLaunches()).isEqualTo(3);
        assertThat(done.launches()).isEqualTo(9);
    }

    @Test
    void branchesOfAGraphRunInTheOtherOrderToo() {
        long graph = capture(false);
        driver.call("cuGraphLaunch", graph, stream);
        assertThat(result()).isEqualTo(9);
        SoftGpu.order(SoftGpu.Order.REVERSE);
        driver.call("cuGraphLaunch", graph, stream);
        assertThat(result()).isNotEqualTo(9);
    }

    @Test
    void branchThatIsNotJoinedIsRefused() {
        long event = driver.create("cuEventCreate", 2);
        driver.call("cuStreamBeginCapture_v2", stream, CAPTURE_GLOBAL);
        driver.call("cuEventRecord", event, stream);
        driver.call("cuStreamWaitEvent", other, event, 0);
        axpy(other);
        assertThat(driver.status("cuStreamEndCapture", stream, driver.arena.allocate(8)))
                .isEqualTo(DriverCalls.CAPTURE_UNJOINED);
    }

    @Test
    void callsThatMayWaitBreakACapture() {
        driver.call("cuStreamBeginCapture_v2", stream, CAPTURE_GLOBAL);
        axpy(stream);
        assertThat(driver.status("cuMemAlloc_v2", driver.arena.allocate(8), 4L))
                .isEqualTo(DriverCalls.CAPTURE_UNSUPPORTED);
        assertThat(driver.status("cuStreamEndCapture", stream, driver.arena.allocate(8)))
                .isEqualTo(DriverCalls.CAPTURE_INVALIDATED);
        driver.call("cuStreamBeginCapture_v2", stream, CAPTURE_RELAXED);
        driver.call("cuMemFree_v2", driver.allocate(4));
        driver.create("cuGraphInstantiateWithFlags", end(stream), 0L);
    }

    /**
     * A graph that stores 9: a fill with 3, then 2 + 3 on one branch and a fill with 7 of the input
     * for the last kernel on the other; joined by the second branch's event, or by nothing but
     * luck.
     */
    private long capture(boolean ordered) {
        long forked = driver.create("cuEventCreate", 2);
        long joined = driver.create("cuEventCreate", 2);
        driver.call("cuStreamBeginCapture_v2", stream, CAPTURE_GLOBAL);
        fill(3, stream);
        driver.call("cuEventRecord", forked, stream);
        driver.call("cuStreamWaitEvent", other, forked, 0);
        axpy(other);
        driver.call("cuEventRecord", joined, other);
        if (ordered) {
            driver.call("cuStreamWaitEvent", stream, joined, 0);
        }
        axpy(stream);
        axpy(stream);
        if (!ordered) {
            fill(9, stream);
            driver.call("cuStreamWaitEvent", stream, joined, 0);
        }
        long graph = end(stream);
        long executable = driver.create("cuGraphInstantiateWithFlags", graph, 0L);
        driver.call("cuGraphDestroy", graph);
        return executable;
    }

    private long end(long captured) {
        MemorySegment graph = driver.arena.allocate(8);
        driver.call("cuStreamEndCapture", captured, graph);
        return graph.get(ValueLayout.JAVA_LONG, 0);
    }

    private void fill(float value, long on) {
        driver.call("cuMemsetD32Async", out, Float.floatToRawIntBits(value), (long) N, on);
    }

    private void axpy(long on) {
        assertThat(driver.launch(axpy, 1, 0, on, out, in, N)).isZero();
    }

    private float result() {
        return driver.read(out, 1)[0];
    }
}
