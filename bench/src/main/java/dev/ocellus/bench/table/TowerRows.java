package dev.ocellus.bench.table;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.ModelPlans;
import dev.ocellus.OpenOptions;
import dev.ocellus.bench.peers.JsonScript;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.device.Executable;
import dev.ocellus.device.Run;
import dev.ocellus.device.WeightStore;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.measure.Medians;
import dev.ocellus.measure.Stopwatch;
import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/**
 * Vision towers on one image and one thread, beside PyTorch. The peer is a process of its own that
 * measures several rounds; ours are measured before and after it.
 */
final class TowerRows {
    static final List<String> TOWERS = List.of("vit-300m", "clip-l-336");
    static final List<String> TYPES = List.of("bf16", "f32");

    private final Setup setup;
    private final Results results;

    TowerRows(Setup setup, Results results) {
        this.setup = setup;
        this.results = results;
    }

    void measure() {
        for (String tower : TOWERS) {
            for (String type : TYPES) {
                String id = tower + "-" + type;
                if (Table.wanted(setup, results, Section.TOWERS, id)) {
                    Table.guarded(results, List.of(id), () -> measure(id, tower, type));
                }
            }
        }
    }

    private void measure(String id, String tower, String type) {
        OpenOptions.Compute compute = OpenOptions.Compute.valueOf(type.toUpperCase(Locale.ROOT));
        DType weights = compute == OpenOptions.Compute.BF16 ? DType.BF16 : null;
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(1));
                ModelPlans plans =
                        ModelPlans.open(
                                setup.model(tower),
                                OpenOptions.DEFAULT
                                        .withDevice(device)
                                        .withCompute(compute)
                                        .withWeights(weights));
                WeightStore store = device.newWeightStore();
                Executable e = device.prepare(plans.vision(1), store)) {
            seconds(e);
            double before = rounds(e);
            JsonNode torch = torch(tower, type);
            double after = rounds(e);
            double ours = (before + after) / 2;
            if (torch == null) {
                results.put(
                        id,
                        new Outcome(1 / ours, 0, 0, "no Python with PyTorch was given (--python)"));
            } else {
                double theirs = torch.path("median_seconds").doubleValue();
                results.put(
                        id,
                        new Outcome(
                                1 / ours,
                                1 / theirs,
                                theirs / ours,
                                torch.path("engine").asText()));
            }
        }
    }

    private JsonNode torch(String tower, String type) {
        return setup.python() == null
                ? null
                : JsonScript.run(
                        "PyTorch",
                        List.of(
                                setup.python(),
                                setup.home().resolve("tools/reference/towers_torch.py").toString(),
                                tower,
                                "--dtype",
                                type,
                                "--rounds",
                                String.valueOf(setup.rounds())));
    }

    private double rounds(Executable e) {
        double[] seconds = new double[setup.rounds()];
        for (int i = 0; i < seconds.length; i++) {
            seconds[i] = seconds(e);
        }
        return Medians.of(seconds);
    }

    private static double seconds(Executable e) {
        try (Run run = e.begin()) {
            MemorySegment pixels = run.input("pixel_values");
            Random random = new Random(1);
            for (long i = 0; i < pixels.byteSize() / 4; i++) {
                pixels.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
            }
            return Stopwatch.time(1, () -> run.execute(() -> false)).seconds();
        }
    }
}
