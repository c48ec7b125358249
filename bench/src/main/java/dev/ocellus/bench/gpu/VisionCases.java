package dev.ocellus.bench.gpu;

import dev.ocellus.ModelPlans;
import dev.ocellus.OpenOptions;
import dev.ocellus.bench.table.Outcome;
import dev.ocellus.device.CudaDevice;
import dev.ocellus.device.CudaExecutable;
import dev.ocellus.device.Run;
import dev.ocellus.device.WeightStore;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.measure.Stopwatch;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Random;

/**
 * Vision towers alone. The time is that of the GPU: a model's tower hands its result on to the
 * projector there, while this one's last states are copied to the host.
 */
final class VisionCases {
    private static final int RUNS = 3;

    private VisionCases() {}

    static void measure(
            GpuCase c,
            CudaDevice device,
            Path folder,
            GpuLimits limits,
            Effort effort,
            GpuTable.Output output) {
        try (ModelPlans plans = ModelPlans.open(folder, OpenOptions.DEFAULT.withDevice(device));
                WeightStore store = device.newWeightStore();
                CudaExecutable executable =
                        (CudaExecutable) device.prepare(plans.vision(c.count()), store)) {
            double wall = 0;
            for (int i = 0; i < RUNS; i++) {
                wall = run(executable);
            }
            GpuCase.PlanRun run = c.runs(plans).getFirst();
            ComputeType compute = plans.planOptions().compute();
            double seconds = executable.seconds(step -> true, effort.rounds());
            double rate = compute == ComputeType.BF16 ? limits.bf16() : limits.f32();
            double least = run.cost().flops() / rate;
            output.put(
                    c.id(),
                    new Outcome(
                            c.count() / seconds,
                            c.count() / least,
                            least / seconds,
                            String.format(
                                    Locale.ROOT,
                                    "%.1f ms on the GPU, %.1f with copies",
                                    1e3 * seconds,
                                    1e3 * wall)));
            output.put(c, KernelRow.of(executable, run.work(), limits, compute, effort.launches()));
        }
    }

    private static double run(CudaExecutable executable) {
        try (Run run = executable.begin()) {
            MemorySegment pixels = run.input("pixel_values");
            Random random = new Random(1);
            for (long i = 0; i < pixels.byteSize() / Float.BYTES; i++) {
                pixels.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
            }
            return Stopwatch.time(Ceilings.DEVICE, () -> run.execute(() -> false)).seconds();
        }
    }
}
