package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

class GpuStreamTest {
    private static final int LENGTH = 100;

    private Gpu gpu;
    private GpuStream stream;
    private Arena arena;
    private ScaleWork work;

    @BeforeEach
    void open() {
        CudaProvider.requireKernels();
        if (!SoftGpu.isReal()) {
            // What was not waited for has not happened.
            SoftGpu.deferred(true);
        }
        gpu = Gpu.open(0);
        stream = gpu.newStream();
        arena = Arena.ofConfined();
        work = new ScaleWork(gpu, arena, LENGTH);
    }

    @AfterEach
    void close() {
        if (gpu == null) {
            return;
        }
        arena.close();
        gpu.close();
        if (!SoftGpu.isReal()) {
            SoftGpu.deferred(false);
        }
    }

    @Test
    void copiesBothWaysAndOnTheDevice() {
        MemorySegment host = arena.allocate(1000);
        for (int i = 0; i < 1000; i++) {
            host.set(JAVA_BYTE, i, (byte) (i * 7));
        }
        MemorySegment a = gpu.memory().allocate(1000, arena);
        MemorySegment b = gpu.memory().allocate(1000, arena);
        stream.copyIn(a, host);
        stream.fill(b, (byte) 1);
        stream.copy(b.asSlice(500, 300), a.asSlice(100, 300));
        MemorySegment back = arena.allocate(1000);
        stream.copyOut(back, b);
        stream.synchronize();
        assertThat(back.asSlice(500, 300).mismatch(host.asSlice(100, 300))).isEqualTo(-1);
        assertThat(back.asSlice(0, 500).toArray(JAVA_BYTE)).containsOnly(1);
        assertThat(back.asSlice(800, 200).toArray(JAVA_BYTE)).containsOnly(1);
    }

    @Test
    void copiesFromAndToPinnedMemory() {
        try (PinnedBuffer buffer = PinnedBuffer.allocate(gpu, 4 * LENGTH)) {
            buffer.segment().fill((byte) 5);
            MemorySegment device = gpu.memory().allocate(4 * LENGTH, arena);
            stream.copyIn(device, buffer.segment());
            stream.synchronize();
            buffer.segment().fill((byte) 0);
            stream.copyOut(buffer.segment(), device);
            stream.synchronize();
            assertThat(buffer.segment().toArray(JAVA_BYTE)).containsOnly(5);
        }
    }

    @Test
    void copiesThatCannotBeAreRefused() {
        MemorySegment device = gpu.memory().allocate(8, arena);
        assertThatThrownBy(() -> stream.copyIn(device, MemorySegment.ofArray(new byte[8])))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Java heap");
        assertThatThrownBy(() -> stream.copyIn(device, arena.allocate(9)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("9 bytes to 8 bytes");
        assertThatThrownBy(() -> stream.copyOut(arena.allocate(7), device))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void kernelsRunInOrder() {
        MemorySegment two = work.filled(stream, 2);
        MemorySegment one = work.filled(stream, 1);
        MemorySegment x = work.zeros(stream);
        GpuWork scale = work.bind(x.address(), two, one);
        assertThat(scale.name()).isEqualTo("pointwise.scale");
        for (int i = 0; i < 5; i++) {
            scale.enqueue(stream);
        }
        assertThat(work.read(stream, x)).containsOnly(31);
    }

    /** Neither behind a copy nor behind a wait for another stream. */
    @Test
    void aKernelBehindAKernelMayComeIntoPlaceEarlier() {
        SoftGpu.requireSoftware();
        MemorySegment one = work.filled(stream, 1);
        MemorySegment x = work.filled(stream, 1);
        GpuWork scale = work.bind(x.address(), one, one);
        Runnable seven =
                () -> {
                    scale.enqueue(stream);
                    scale.enqueue(stream);
                    scale.enqueue(stream);
                    stream.copy(x, x);
                    scale.enqueue(stream);
                    scale.enqueue(stream);
                    try (GpuEvent event = gpu.newEvent()) {
                        stream.record(event);
                        stream.await(event);
                    }
                    scale.enqueue(stream);
                    scale.enqueue(stream);
                };
        assertThat(dependentLaunches(seven)).isEqualTo(4);
        assertThat(work.read(stream, x)).containsOnly(8);
        stream.beginCapture();
        seven.run();
        try (GpuGraph graph = stream.endCapture()) {
            assertThat(dependentLaunches(() -> graph.enqueue(stream))).isEqualTo(4);
            assertThat(work.read(stream, x)).containsOnly(15);
        }
    }

    private long dependentLaunches(Runnable work) {
        SoftGpu.Counters before = SoftGpu.counters();
        work.run();
        stream.synchronize();
        return SoftGpu.counters().since(before).dependentLaunches();
    }

    @Test
    void whatHasDependentLaunches() {
        assertThat(Launcher.hasDependentLaunch(info(8, 13000))).isFalse();
        assertThat(Launcher.hasDependentLaunch(info(9, 12020))).isFalse();
        assertThat(Launcher.hasDependentLaunch(info(9, 12030))).isTrue();
        System.setProperty(Launcher.DEPENDENT_LAUNCH_PROPERTY, "false");
        try {
            assertThat(Launcher.hasDependentLaunch(info(9, 12030))).isFalse();
        } finally {
            System.clearProperty(Launcher.DEPENDENT_LAUNCH_PROPERTY);
        }
    }

    private static GpuInfo info(int computeMajor, int driver) {
        return new GpuInfo(0, "", 1, computeMajor, 0, 1, 1, driver);
    }

    @Test
    void aLaunchNeedsItsArguments() {
        MemorySegment one = work.filled(stream, 1);
        GpuWork late;
        try (Arena closing = Arena.ofConfined()) {
            late = new ScaleWork(gpu, closing, LENGTH).bind(one.address(), one, one);
        }
        assertThatThrownBy(() -> late.enqueue(stream))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("pointwise.scale");
    }

    @Test
    void aStreamWaitsForAnotherOnes() {
        try (GpuStream other = gpu.newStream();
                GpuEvent begin = gpu.newEvent();
                GpuEvent filled = gpu.newEvent();
                GpuEvent end = gpu.newEvent()) {
            MemorySegment host = arena.allocate(JAVA_FLOAT, LENGTH);
            MemorySegment device = gpu.memory().allocate(4 * LENGTH, arena);
            other.record(begin);
            other.fill(device, (byte) 9);
            other.record(filled);
            stream.await(filled);
            stream.copyOut(host, device);
            stream.record(end);
            end.synchronize();
            assertThat(host.toArray(JAVA_BYTE)).containsOnly(9);
            assertThat(end.millisecondsSince(begin)).isNotNegative();
        }
    }

    @Test
    void aGraphRunsWhatWasCapturedAsOftenAsItIsLaunched() {
        MemorySegment two = work.filled(stream, 2);
        MemorySegment one = work.filled(stream, 1);
        MemorySegment x = work.zeros(stream);
        GpuGraph graph;
        try (Arena arguments = Arena.ofConfined()) {
            GpuWork scale = new ScaleWork(gpu, arguments, LENGTH).bind(x.address(), two, one);
            stream.synchronize();
            stream.beginCapture();
            scale.enqueue(stream);
            scale.enqueue(stream);
            graph = stream.endCapture();
        }
        assertThat(work.read(stream, x)).containsOnly(0);
        assertThat(graph.name()).isEqualTo("graph of pointwise.scale");
        for (int i = 0; i < 3; i++) {
            graph.enqueue(stream);
        }
        assertThat(work.read(stream, x)).containsOnly(63);
        graph.close();
        graph.close();
    }

    @Test
    void aCaptureTakesInStreamsThatWaitForIt() {
        MemorySegment one = work.filled(stream, 1);
        MemorySegment x = work.zeros(stream);
        MemorySegment y = work.zeros(stream);
        GpuWork addToX = work.bind(x.address(), one, one);
        GpuWork addToY = work.bind(y.address(), one, x);
        stream.synchronize();
        try (GpuStream side = gpu.newStream();
                GpuEvent fork = gpu.newEvent();
                GpuEvent join = gpu.newEvent()) {
            stream.beginCapture();
            addToX.enqueue(stream);
            stream.record(fork);
            side.await(fork);
            addToY.enqueue(side);
            side.record(join);
            stream.await(join);
            try (GpuGraph graph = stream.endCapture()) {
                graph.enqueue(stream);
                graph.enqueue(stream);
                assertThat(work.read(stream, y)).containsOnly(3);
            }
        }
    }

    @Test
    void aCaptureThatFailsLeavesTheStreamUsable() {
        MemorySegment x = work.filled(stream, 4);
        stream.synchronize();
        stream.beginCapture();
        assertThatThrownBy(stream::synchronize)
                .isInstanceOf(CudaException.class)
                .hasMessageContaining("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
        assertThatThrownBy(stream::endCapture)
                .isInstanceOf(CudaException.class)
                .hasMessageContaining("CUDA_ERROR_STREAM_CAPTURE_INVALIDATED");
        assertThatThrownBy(stream::endCapture).isInstanceOf(IllegalStateException.class);
        assertThat(work.read(stream, x)).containsOnly(4);
    }
}
