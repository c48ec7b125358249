package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;

import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

class StepEventTest {
    @Test
    void aRecordingThatAsksForThemGetsTheSteps(@TempDir Path folder) throws IOException {
        Graph g = new Graph("small");
        g.scope("layers.7");
        Value x = g.input("x", DType.F32, null, 2, 4);
        g.output("y", g.add(g.activate(x, Activation.RELU), x));
        Path file = folder.resolve("steps.jfr");
        try (CpuDevice device = new CpuDevice(new ScalarProvider(), new WorkerPool(1));
                WeightStore store = device.newWeightStore();
                Executable e =
                        device.prepare(device.plan(g, new PlanOptions(ComputeType.F32)), store);
                Run run = e.begin();
                Recording recording = new Recording()) {
            run.execute(() -> false);
            assertThat(StepEvent.isOn()).isFalse();
            recording.enable(StepEvent.NAME);
            recording.start();
            run.execute(() -> false);
            recording.stop();
            run.execute(() -> false);
            recording.dump(file);
        }
        List<RecordedEvent> steps =
                RecordingFile.readAllEvents(file).stream()
                        .filter(event -> event.getEventType().getName().equals(StepEvent.NAME))
                        .toList();
        assertThat(steps)
                .extracting(event -> event.getString("operations"))
                .containsExactlyInAnyOrder("relu", "add");
        assertThat(steps).allMatch(event -> event.getString("graph").equals("small"));
        assertThat(steps).allMatch(event -> event.getString("scope").equals("layers.7"));
        assertThat(steps).allMatch(event -> event.getString("result").equals("[2, 4]"));
    }
}
