package dev.ocellus.bench.gpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ocellus.device.GpuLaunch;
import dev.ocellus.graph.Cost;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.cuda.Grid;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

import java.util.List;

class LaunchTimeTest {
    private static final GpuSpec H100 = GpuSpec.of("NVIDIA H100 80GB HBM3").get();
    private static final Registers REGISTERS =
            Registers.parse(
                    List.of(
                            "| pointwise | add | 40 / 32 | 0 | 0 / 0 | 0 / 0 |",
                            "| matmul_few | matmul_few_mma | 128 / 128 | 10240 | 0 / 0 | 0 / 0 |"));
    private static final int HELD = 8;
    private static final KernelCall CALL = new KernelCall.SelectRows(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    private static LaunchTime time(String kernel, long blocks, Cost cost) {
        GpuLaunch launch = new GpuLaunch(0, CALL, kernel, Grid.of(blocks), 256, 0);
        return LaunchTime.of(new LaunchWork(launch, cost, 0, blocks), H100, REGISTERS);
    }

    private static Offset<Double> oneIn(double seconds) {
        return within(seconds * 1e-9);
    }

    @Test
    void theTableOfRegistersKnowsBothArchitectures() {
        GpuSpec a100 = GpuSpec.of("A100").get();
        assertThat(REGISTERS.of("pointwise.add", a100).registers()).isEqualTo(40);
        assertThat(REGISTERS.of("pointwise.add", H100).registers()).isEqualTo(32);
        assertThat(REGISTERS.of("matmul_few.matmul_few_mma", H100).sharedBytes()).isEqualTo(10240);
        assertThatThrownBy(() -> REGISTERS.of("norm.rms_norm", H100))
                .hasMessageContaining("norm.rms_norm")
                .hasMessageContaining("ptx.sh");
    }

    @Test
    void aKernelThatDoesNothingTakesRoundTripsAndTheGap() {
        LaunchTime t = time("pointwise.add", 1, Cost.NONE);
        assertThat(t.bound()).isEqualTo(LaunchTime.Bound.LATENCY);
        assertThat(t.seconds()).isEqualTo(2 * 479 / 1.83e9 + 1.3e-6, oneIn(1e-6));
    }

    @Test
    void fewLoadsUnderWayAreSlowerThanMemory() {
        // One block of 256 threads with 16 bytes each under way.
        long bytes = 1 << 20;
        LaunchTime t = time("pointwise.add", 1, new Cost(0, 0, bytes));
        assertThat(t.bound()).isEqualTo(LaunchTime.Bound.MEMORY);
        double latency = 2 * 479 / 1.83e9;
        assertThat(t.seconds()).isEqualTo(bytes / (4096 / latency) + 1.3e-6, oneIn(1e-3));
    }

    @Test
    void fullWavesOfManyLoadsHaveTheRateOfMemory() {
        long bytes = 1L << 30;
        long wave = 2L * H100.processors();
        LaunchTime t = time("matmul_few.matmul_few_mma", 3 * wave, new Cost(0, bytes, 0));
        assertThat(t.blocksHeld()).isEqualTo(2);
        assertThat(t.seconds()).isEqualTo(bytes / (0.92 * 3350e9) + 1.3e-6, oneIn(1e-3));
    }

    @Test
    void theLastWaveKeepsFewerMultiprocessorsBusy() {
        long wave = (long) HELD * H100.processors();
        Cost one = new Cost(wave * 1_000_000_000L, 0, 0);
        Cost andOneBlock = new Cost((wave + 1) * 1_000_000_000L, 0, 0);
        double full = time("pointwise.add", wave, one).seconds();
        LaunchTime more = time("pointwise.add", wave + 1, andOneBlock);
        assertThat(more.bound()).isEqualTo(LaunchTime.Bound.ARITHMETIC);
        assertThat(more.blocksHeld()).isEqualTo(HELD);
        double alone = 1e9 / (H100.f32() * 0.5 / H100.processors());
        assertThat(more.seconds() - full).isEqualTo(alone, oneIn(1));
    }
}
