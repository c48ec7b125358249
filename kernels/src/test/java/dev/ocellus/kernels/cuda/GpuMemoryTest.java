package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

class GpuMemoryTest {
    private static final long SMALL_DEVICE = 256 << 20;

    private long deviceBytes;
    private Gpu gpu;
    private GpuMemory memory;

    @BeforeEach
    void open() {
        SoftGpu.require();
        deviceBytes = Gpu.list().getFirst().bytes();
        if (!SoftGpu.isReal()) {
            SoftGpu.deviceBytes(SMALL_DEVICE);
        }
        gpu = Gpu.open(0);
        memory = gpu.memory();
    }

    @AfterEach
    void close() {
        if (gpu == null) {
            return;
        }
        gpu.close();
        if (!SoftGpu.isReal()) {
            SoftGpu.deviceBytes(deviceBytes);
        }
    }

    @Test
    void countsWholeBlocks() {
        assertThat(memory.used()).isZero();
        try (Arena outer = Arena.ofConfined()) {
            MemorySegment a = memory.allocate(1, outer);
            assertThat(a.byteSize()).isEqualTo(1);
            assertThat(a.address() % GpuMemory.ALIGNMENT).isZero();
            assertThat(memory.used()).isEqualTo(256);
            try (Arena inner = Arena.ofConfined()) {
                memory.allocate(256, inner);
                memory.allocate(257, inner);
                assertThat(memory.used()).isEqualTo(1024);
            }
            assertThat(memory.used()).isEqualTo(256);
            assertThat(memory.peak()).isEqualTo(1024);
        }
        assertThat(memory.used()).isZero();
    }

    @Test
    void whatIsFreedIsFreeAgain() {
        long free = memory.free();
        assertThat(memory.total()).isGreaterThanOrEqualTo(free).isEqualTo(gpu.info().bytes());
        long size = 64 << 20;
        long address;
        try (Arena arena = Arena.ofConfined()) {
            address = memory.allocate(size, arena).address();
            assertThat(memory.free()).isLessThanOrEqualTo(free - size);
        }
        try (Arena arena = Arena.ofConfined()) {
            assertThat(memory.allocate(size, arena).address()).isEqualTo(address);
        }
        assertThat(memory.free()).isEqualTo(free);
        memory.trim();
        assertThat(memory.free()).isEqualTo(free);
    }

    @Test
    void tooLittleMemoryIsSaidWithNumbers() {
        long needed = 2 * memory.total();
        try (Arena arena = Arena.ofConfined()) {
            assertThatExceptionOfType(GpuOutOfMemoryException.class)
                    .isThrownBy(() -> memory.allocate(needed - 1, arena))
                    .satisfies(
                            e -> {
                                assertThat(e.needed()).isEqualTo(needed);
                                assertThat(e.free()).isBetween(1L, memory.total());
                                assertThat(e)
                                        .hasMessageContaining("GPU 0")
                                        .hasMessageContaining(needed + " bytes are needed")
                                        .hasMessageContaining(e.free() + " of " + memory.total());
                            });
            assertThat(memory.used()).isZero();
            memory.allocate(256, arena);
        }
        assertThatThrownBy(() -> memory.allocate(-1, Arena.global()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /** Memory that was freed in one size serves another when no more is left. */
    @Test
    void idleMemoryIsGivenBackWhenNeeded() {
        long most = memory.free() / 8 * 5 / 256 * 256;
        try (Arena arena = Arena.ofConfined()) {
            memory.allocate(most, arena);
        }
        try (Arena arena = Arena.ofConfined()) {
            memory.allocate(most + 256, arena);
            assertThat(memory.used()).isEqualTo(most + 256);
        }
    }

    @Test
    void anArenaThatIsClosedGetsNothing() {
        Arena arena = Arena.ofConfined();
        arena.close();
        assertThatThrownBy(() -> memory.allocate(8, arena))
                .isInstanceOf(IllegalStateException.class);
        assertThat(memory.used()).isZero();
    }

    @Test
    void anArenaMayOutliveTheGpu() {
        try (Arena arena = Arena.ofConfined()) {
            memory.allocate(100, arena);
            gpu.close();
            assertThat(memory.used()).isZero();
        }
        assertThat(memory.used()).isZero();
    }

    @Test
    void pinnedMemoryIsTheHosts() {
        PinnedBuffer buffer = PinnedBuffer.allocate(gpu, 1000);
        MemorySegment segment = buffer.segment();
        assertThat(segment.byteSize()).isEqualTo(1000);
        segment.fill((byte) 3);
        assertThat(segment.get(JAVA_BYTE, 999)).isEqualTo((byte) 3);
        buffer.close();
        buffer.close();
        assertThatThrownBy(() -> segment.get(JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
        MemorySegment forgotten = PinnedBuffer.allocate(gpu, 1000).segment();
        gpu.close();
        assertThatThrownBy(() -> forgotten.get(JAVA_BYTE, 0))
                .isInstanceOf(IllegalStateException.class);
    }
}
