package dev.ocellus.kernels.nativelib;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;

/**
 * The transparent huge pages of Linux: what the system offers, and what blocks of memory got.
 *
 * @param mode always, madvise (where asked for, which {@link HugeMemory} does) or never; empty
 *     where the system has none
 * @param bytes of a huge page; 0 where the system has none
 */
public record HugePages(String mode, long bytes) {
    private static final Path FOLDER = Path.of("/sys/kernel/mm/transparent_hugepage");
    private static final long TRIAL_BYTES = 64L << 20;

    /**
     * What blocks of memory got.
     *
     * @param bytes of the blocks
     * @param hugeBytes of them in huge pages
     */
    public record Share(long bytes, long hugeBytes) {
        /** From 0 to 1. */
        public double ofHugePages() {
            return bytes == 0 ? 0 : (double) hugeBytes / bytes;
        }
    }

    /** Asks the system. */
    public static HugePages offered() {
        try {
            String modes = Files.readString(FOLDER.resolve("enabled"));
            String size = Files.readString(FOLDER.resolve("hpage_pmd_size"));
            return new HugePages(
                    modes.substring(modes.indexOf('[') + 1, modes.indexOf(']')),
                    Long.parseLong(size.strip()));
        } catch (IOException | RuntimeException e) {
            return new HugePages("", 0);
        }
    }

    /** Takes and frees a block of 64 MiB to see what the system gives at this moment. */
    public static Share trial() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment block = HugeMemory.allocate(TRIAL_BYTES, arena);
            for (long at = 0; at < TRIAL_BYTES; at += 4096) {
                block.set(ValueLayout.JAVA_BYTE, at, (byte) 1);
            }
            return of(List.of(block));
        }
    }

    /**
     * Counts the huge pages of blocks. The system counts for whole mappings: where a block shares
     * one with other memory, the block gets the benefit of the doubt.
     */
    public static Share of(List<MemorySegment> blocks) {
        long bytes = blocks.stream().mapToLong(MemorySegment::byteSize).sum();
        try {
            List<String> smaps = Files.readAllLines(Path.of("/proc/self/smaps"));
            return new Share(bytes, hugeBytes(blocks, smaps.iterator()));
        } catch (IOException e) {
            return new Share(bytes, 0);
        }
    }

    /**
     * @param smaps for each mapping a line "begin-end flags ...", then lines such as
     *     "AnonHugePages: 2048 kB"
     */
    static long hugeBytes(List<MemorySegment> blocks, Iterator<String> smaps) {
        long sum = 0;
        long inBlocks = 0;
        while (smaps.hasNext()) {
            String line = smaps.next();
            int space = line.indexOf(' ');
            int dash = line.indexOf('-');
            if (dash > 0 && dash < space) {
                long begin = Long.parseUnsignedLong(line.substring(0, dash), 16);
                long end = Long.parseUnsignedLong(line.substring(dash + 1, space), 16);
                inBlocks = blocks.stream().mapToLong(b -> overlap(b, begin, end)).sum();
            } else if (inBlocks > 0 && line.startsWith("AnonHugePages:")) {
                sum += Math.min(inBlocks, Long.parseLong(line.replaceAll("\\D", "")) << 10);
            }
        }
        return sum;
    }

    private static long overlap(MemorySegment block, long begin, long end) {
        long last = block.address() + block.byteSize();
        return Math.max(0, Math.min(last, end) - Math.max(block.address(), begin));
    }
}
