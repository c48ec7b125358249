package dev.ocellus.bench.gpu;

import dev.ocellus.LoadedModel;
import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.bench.table.Outcome;
import dev.ocellus.device.CudaDevice;
import dev.ocellus.device.CudaExecutable;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Workload;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.measure.Medians;
import dev.ocellus.measure.SessionsWork;
import dev.ocellus.measure.Stopwatch;
import dev.ocellus.measure.TextWork;
import dev.ocellus.measure.Work;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.plan.Plan;
import dev.ocellus.tensor.DType;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Cases of one opening of a language model. Closed by its user. */
final class LanguageCases implements AutoCloseable {
    private static final int WARM_UP = 2;

    /** Of the GPU's free memory, caches may take this share. */
    private static final double CACHE_SHARE = 0.4;

    private final Ocellus model;
    private final GpuTable.Output output;
    private final GpuLimits limits;
    private final ComputeType compute;
    private final Effort effort;

    LanguageCases(
            CudaDevice device,
            Path folder,
            DType weights,
            GpuLimits limits,
            Effort effort,
            GpuTable.Output output) {
        this.limits = limits;
        this.effort = effort;
        this.output = output;
        long cache = (long) (device.freeBytes() * CACHE_SHARE);
        model =
                Ocellus.open(
                        folder,
                        OpenOptions.DEFAULT
                                .withDevice(device)
                                .withWeights(weights)
                                .withCacheBytes(cache));
        compute = model.model().planOptions().compute();
    }

    void measure(GpuCase c) {
        LoadedModel parts = model.model();
        Work work =
                c.kind() == GpuCase.Kind.DECODE
                        ? new SessionsWork(
                                parts,
                                c.count(),
                                c.contextTokens() - effort.newTokens() / 2,
                                effort.newTokens())
                        : new TextWork(parts, c.count(), 1).prefill();
        try (work) {
            double seconds = seconds(work);
            boolean decode = c.kind() == GpuCase.Kind.DECODE;
            List<Integer> pieces = parts.runner().chunks().cut(c.count());
            int rows = decode ? c.count() : pieces.getFirst();
            StepCapacity capacity = parts.runner().capacity(rows, decode ? c.count() : 1, false);
            CudaExecutable executable = (CudaExecutable) parts.runner().executable(capacity);
            Workload last = Workload.full(c.contextTokens());
            double least = least(c, executable.plan(), work.cost());
            double gpu = executable.seconds(step -> true, effort.rounds());
            long steps = decode ? effort.newTokens() : pieces.size();
            double units = work.units();
            output.put(
                    c.id(),
                    new Outcome(
                            units / seconds,
                            units / least,
                            least / seconds,
                            String.format(
                                    Locale.ROOT,
                                    "%.2f ms a step, %.2f of the last one on the GPU",
                                    1e3 * seconds / steps,
                                    1e3 * gpu)));
            List<KernelRow> kernels =
                    KernelRow.of(executable, last, limits, compute, effort.launches());
            output.put(c, kernels);
            attention(c, kernels);
        }
    }

    /** The median of some rounds after two that warm up. */
    private double seconds(Work work) {
        double[] seconds = new double[effort.rounds()];
        for (int i = -WARM_UP; i < effort.rounds(); i++) {
            work.prepare();
            double s = Stopwatch.time(Ceilings.DEVICE, work::run).seconds();
            if (i >= 0) {
                seconds[i] = s;
            }
        }
        return Medians.of(seconds);
    }

    /** Seconds of the whole work at the GPU's ceilings. */
    private double least(GpuCase c, Plan plan, Cost cost) {
        if (c.kind() == GpuCase.Kind.PREFILL) {
            return cost.flops() / limits.rate(List.of(product(plan)), compute);
        }
        if (c.count() == 1) {
            return cost.bytes() / limits.bytesPerSecond();
        }
        List<Cost> costs = plan.costs(Workload.full(c.contextTokens()));
        double step = 0;
        for (int i = 0; i < costs.size(); i++) {
            step += limits.seconds(plan.fusedNodes().get(i), costs.get(i), compute);
        }
        return effort.newTokens() * step;
    }

    /** The first product; all of a model's layers multiply in the same type. */
    private static Node product(Plan plan) {
        return plan.fusedNodes().stream()
                .flatMap(List::stream)
                .filter(n -> n.op() instanceof Op.Linear)
                .findFirst()
                .orElseThrow();
    }

    private void attention(GpuCase c, List<KernelRow> kernels) {
        if (!c.id().equals("prefill-" + GpuRows.LARGE)) {
            return;
        }
        for (KernelRow r : kernels) {
            if (r.attention()) {
                double rate = r.cost().flops() / r.seconds();
                output.put(
                        GpuRows.ATTENTION,
                        new Outcome(
                                rate / 1e12,
                                r.flopsPerSecond() / 1e12,
                                rate / r.flopsPerSecond(),
                                ""));
            }
        }
    }

    @Override
    public void close() {
        model.close();
    }
}
