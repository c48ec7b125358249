package dev.ocellus.verify;

import dev.ocellus.device.Executable;
import dev.ocellus.device.Run;
import dev.ocellus.device.WeightStore;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.model.Models;
import dev.ocellus.model.VisionTower;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** {@code vision.forward}: a vision tower on pixel values. */
final class VisionForward implements Verifier.Task {

    @Override
    public void run(
            Verifier.Context c, NamedTensors inputs, NamedTensors expected, NamedTensors outputs) {
        Tensor pixels = inputs.get("pixel_values");
        long images = pixels.shape().dim(0);
        try (Checkpoint checkpoint = c.checkpoint();
                WeightStore store = c.device().newWeightStore()) {
            VisionTower tower = Models.vision(checkpoint);
            Graph g = new Graph("vision");
            Value x = g.input("pixel_values", DType.F32, null, pixels.shape().toArray());
            Value classRows = g.input("class_rows", DType.I32, null, images);
            List<Value> states = tower.states(g, x, tower.config().numHiddenLayers());
            Value last = tower.lastHiddenState(g, states.getLast());
            for (String name : expected.names()) {
                g.output(
                        name,
                        switch (name) {
                            case "last_hidden_state" -> last;
                            case "pooler_output" -> tower.pooled(g, last, classRows);
                            default -> states.get(index(name));
                        });
            }
            long tokens = last.shape().dim(1);
            try (Executable e =
                            c.device()
                                    .prepare(
                                            c.device().plan(g, new PlanOptions(c.compute())),
                                            store);
                    Run run = e.begin()) {
                MemorySegment.copy(
                        pixels.segment(),
                        0,
                        run.input("pixel_values"),
                        0,
                        pixels.segment().byteSize());
                for (long i = 0; i < images; i++) {
                    run.input("class_rows").setAtIndex(ValueLayout.JAVA_INT, i, (int) (i * tokens));
                }
                run.execute(() -> false);
                for (String name : expected.names()) {
                    Value v = g.outputs().get(name);
                    outputs.make(name, DType.F32, v.shape().toArray())
                            .segment()
                            .copyFrom(run.output(name));
                }
            }
        }
    }

    private static int index(String name) {
        return Integer.parseInt(name.substring(name.lastIndexOf('.') + 1));
    }
}
