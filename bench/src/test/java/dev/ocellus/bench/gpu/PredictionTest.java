package dev.ocellus.bench.gpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Cost;
import dev.ocellus.kernels.cuda.SoftGpu;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

class PredictionTest {
    /** The software GPU launches what these would. */
    private static final List<GpuSpec> HOPPERS =
            GpuSpec.ALL.stream().filter(GpuSpec::isHopper).toList();

    @TempDir private Path folder;

    @BeforeEach
    void gpu() {
        SoftGpu.require();
    }

    private Map<GpuCase, Prediction.Launches> launches() {
        return GpuModel.launches(new Shapes(folder, true), GpuCase.ALL);
    }

    @Test
    void theLaunchesDoTheWorkOfThePlans() {
        launches()
                .forEach(
                        (work, l) -> {
                            Cost sum =
                                    l.all().stream()
                                            .map(LaunchWork::cost)
                                            .reduce(Cost.NONE, Cost::plus);
                            assertThat(sum).as(work.id()).isEqualTo(l.cost());
                            assertThat(l.all())
                                    .as(work.id())
                                    .allMatch(w -> w.cost().bytes() >= 0 && w.cost().flops() >= 0);
                        });
    }

    @Test
    void everyKernelIsInTheTableOfRegistersAndHasRoomOnEveryGpu() {
        Registers registers = Registers.read(Path.of("..", Registers.FILE));
        for (Prediction.Launches l : launches().values()) {
            for (GpuSpec gpu : HOPPERS) {
                Prediction p = Prediction.of(l, gpu, registers);
                assertThat(p.rows())
                        .allMatch(r -> r.kernel().startsWith("cublas") || r.blocksHeld() > 0);
                double launched = p.rows().stream().mapToDouble(Prediction.Row::seconds).sum();
                assertThat(p.seconds()).isGreaterThan(launched).isLessThan(1);
            }
        }
    }

    @Test
    void moreBandwidthIsFaster() {
        Registers registers = Registers.read(Path.of("..", Registers.FILE));
        GpuSpec h100 = GpuSpec.of("H100").get();
        GpuSpec h200 = GpuSpec.of("H200").get();
        for (Prediction.Launches l : launches().values()) {
            assertThat(Prediction.of(l, h200, registers).seconds())
                    .isLessThanOrEqualTo(Prediction.of(l, h100, registers).seconds());
        }
    }

    @Test
    void aPageSaysThatItPredicts() {
        Registers registers = Registers.read(Path.of("..", Registers.FILE));
        Map<GpuCase, Prediction.Launches> all = launches();
        List<Prediction> predictions =
                HOPPERS.stream()
                        .flatMap(
                                g -> all.values().stream().map(l -> Prediction.of(l, g, registers)))
                        .toList();
        ModelPage page = new ModelPage(all, predictions, new Measurements(Map.of()));
        assertThat(page.markdown())
                .contains("**Predictions, not measurements**", "error is not known", "H200 SXM");
        assertThat(page.json().path("predictions")).hasSize(predictions.size());
    }
}
