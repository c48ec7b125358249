package dev.ocellus.kernels.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

class HugeMemoryTest {
    private static boolean linux() {
        return System.getProperty("os.name").equals("Linux");
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 4096, 65537, (2 << 20) - 1, 2 << 20, (5 << 20) + 3})
    void blocksAreZeroAndWritableToTheLastByte(long bytes) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = HugeMemory.allocate(bytes, arena);
            assertThat(block.byteSize()).isEqualTo(bytes);
            assertThat(block.address() % 4096).isZero();
            for (long i = 0; i < bytes; i += 4095) {
                assertThat(block.get(JAVA_BYTE, i)).isZero();
            }
            block.fill((byte) 7);
            assertThat(bytes == 0 || block.get(JAVA_BYTE, bytes - 1) == 7).isTrue();
        }
    }

    @Test
    void theBlockEndsWithItsArena() throws IOException {
        assumeTrue(linux());
        MemorySegment block;
        try (Arena arena = Arena.ofConfined()) {
            block = HugeMemory.allocate(64 << 20, arena);
            assertThat(mapped(block.address())).isTrue();
        }
        assertThat(mapped(block.address())).isFalse();
        assertThatThrownBy(() -> block.get(JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    /** Whether an address is inside a mapping of this process. */
    private static boolean mapped(long address) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            String[] range = line.split(" ")[0].split("-");
            if (Long.parseUnsignedLong(range[0], 16) <= address
                    && address < Long.parseUnsignedLong(range[1], 16)) {
                return true;
            }
        }
        return false;
    }

    @Test
    void discardedMemoryReadsAsZero() {
        assumeTrue(linux());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = HugeMemory.allocate(4 << 20, arena);
            block.fill((byte) 1);
            HugeMemory.discard(block.asSlice(1 << 20, 1 << 20));
            assertThat(block.get(JAVA_BYTE, (1 << 20) - 1)).isEqualTo((byte) 1);
            assertThat(block.get(JAVA_BYTE, 1 << 20)).isZero();
            assertThat(block.get(JAVA_BYTE, (2 << 20) - 1)).isZero();
            assertThat(block.get(JAVA_BYTE, 2 << 20)).isEqualTo((byte) 1);
        }
    }

    @Test
    void lessThanAPageIsNeverDiscarded() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = HugeMemory.allocate(1 << 20, arena);
            block.fill((byte) 1);
            HugeMemory.discard(block.asSlice(100, 1000));
            assertThat(block.get(JAVA_BYTE, 100)).isEqualTo((byte) 1);
        }
    }

    @Test
    void aNegativeSizeIsRefused() {
        assertThatThrownBy(() -> HugeMemory.allocate(-1, Arena.global()))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatTheSystemHasNotIsAnError() {
        assumeTrue(linux());
        assertThatThrownBy(() -> HugeMemory.allocate(1L << 60, Arena.global()))
                .isInstanceOf(OutOfMemoryError.class);
    }
}
