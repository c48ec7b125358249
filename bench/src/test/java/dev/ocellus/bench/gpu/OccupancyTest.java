package dev.ocellus.bench.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OccupancyTest {
    private static final Occupancy.Limits A100 = GpuSpec.of("NVIDIA A100-SXM4-80GB").get().holds();
    private static final Occupancy.Limits ADA = GpuSpec.of("NVIDIA L40S").get().holds();

    /** What NVIDIA's occupancy calculator says. */
    @ParameterizedTest
    @CsvSource({
        // Threads fill it.
        "256, 32, 0, 8, 6",
        "1024, 32, 0, 2, 1",
        // The number of blocks does.
        "32, 16, 0, 32, 24",
        // Registers do, in pieces of 256 for a warp and whole fours of warps.
        "256, 128, 0, 2, 2",
        "256, 65, 0, 3, 3",
        "128, 255, 0, 2, 2",
        "32, 254, 0, 8, 8",
        "96, 168, 0, 4, 4",
        // Shared memory does, with the system's KiB.
        "128, 32, 49152, 3, 2",
        "128, 32, 166912, 1, 0",
        "128, 32, 167936, 0, 0"
    })
    void blocksAreWhatTheScarcestResourceAllows(
            int threads, int registers, int shared, int onA100, int onAda) {
        assertThat(Occupancy.blocks(A100, threads, registers, shared)).isEqualTo(onA100);
        assertThat(Occupancy.blocks(ADA, threads, registers, shared)).isEqualTo(onAda);
    }
}
