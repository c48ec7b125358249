package dev.ocellus.kernels.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

class HugePagesTest {
    private static MemorySegment block(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    @Test
    void hugePagesOfTheBlocksMappingsAreCounted() {
        List<String> smaps =
                List.of(
                        "00100000-00200000 rw-p 00000000 00:00 0 ",
                        "Size:               1024 kB",
                        "AnonHugePages:       512 kB",
                        "00400000-00c00000 rw-p 00000000 00:00 0    [anon]",
                        "AnonHugePages:      6144 kB",
                        "VmFlags: rd wr mr mw me ac hg ",
                        "7f00000000-7f00200000 r-xp 00000000 fe:00 260131  /usr/lib/a-b c",
                        "AnonHugePages:      2048 kB");

        assertThat(HugePages.hugeBytes(List.of(block(0x400000, 8 << 20)), smaps.iterator()))
                .isEqualTo(6 << 20);
        assertThat(
                        HugePages.hugeBytes(
                                List.of(block(0x400000, 4096), block(0x100000, 100)),
                                smaps.iterator()))
                .isEqualTo(4196);
        assertThat(HugePages.hugeBytes(List.of(block(0x10, 16)), smaps.iterator())).isZero();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void blocksGetHugePagesWhereTheSystemGivesThem() {
        HugePages offered = HugePages.offered();
        HugePages.Share got = HugePages.trial();

        assertThat(got.bytes()).isEqualTo(64 << 20);
        if (offered.mode().isEmpty() || offered.mode().equals("never")) {
            assertThat(got.hugeBytes()).isZero();
        } else {
            assertThat(offered.bytes()).isGreaterThanOrEqualTo(1 << 20);
            assertThat(got.ofHugePages()).isPositive().isLessThanOrEqualTo(1);
        }
    }

    @Test
    void rangesOfNodes() {
        assertThat(NumaNodes.parse("0")).containsExactly(0);
        assertThat(NumaNodes.parse("0-2,5,7-8")).containsExactly(0, 1, 2, 5, 7, 8);
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void pagesAreInterleavedOverNodes() throws IOException {
        Path maps = Path.of("/proc/self/numa_maps");
        assumeTrue(Files.isReadable(maps) && !NumaNodes.allowed().isEmpty());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = HugeMemory.allocate(8 << 20, arena);
            List<Integer> first = NumaNodes.allowed().subList(0, 1);
            assumeTrue(NumaNodes.interleave(block.address(), block.byteSize(), first));
            String begin = Long.toHexString(block.address());
            assertThat(Files.readAllLines(maps))
                    .anyMatch(l -> l.startsWith(begin + " interleave:" + first.getFirst()));
        }
    }
}
