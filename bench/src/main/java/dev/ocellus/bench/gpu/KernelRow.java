package dev.ocellus.bench.gpu;

import dev.ocellus.device.CudaExecutable;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Workload;
import dev.ocellus.graph.draw.Detail;
import dev.ocellus.graph.draw.Outline;
import dev.ocellus.graph.draw.StepLabel;
import dev.ocellus.kernels.ComputeType;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The time of a step of a plan on the GPU, or of several that run as one. The same step of all
 * layers is timed together, in a graph of its own, so that each comes with its own weights and
 * caches, which no cache of the GPU still has from the last launch.
 *
 * @param operations as in "linear + add"
 * @param shape of the results
 * @param weights the matrix and its type; empty for none
 * @param layers of which the time is the mean
 * @param seconds of one, with the gaps before its launches
 * @param cost of one
 * @param flopsPerSecond the ceiling of its arithmetic
 * @param share of the nearer ceiling
 * @param attention whether it is attention
 */
record KernelRow(
        String operations,
        String shape,
        String weights,
        int layers,
        double seconds,
        Cost cost,
        double flopsPerSecond,
        double share,
        boolean attention) {

    /**
     * All steps of a plan that has run, on the inputs of that run.
     *
     * @param launches of each graph
     */
    static List<KernelRow> of(
            CudaExecutable executable,
            Workload work,
            GpuLimits limits,
            ComputeType compute,
            int launches) {
        List<List<Node>> nodes = executable.groups();
        List<Cost> costs = executable.costs(work);
        List<KernelRow> rows = new ArrayList<>();
        for (Outline.Section section : Outline.of(nodes, Detail.FOLDED).sections()) {
            for (List<Integer> same : section.steps()) {
                Set<Integer> steps = new HashSet<>(same);
                double seconds = executable.seconds(steps::contains, launches) / same.size();
                List<Node> step = nodes.get(same.getFirst());
                Cost cost = costs.get(same.getFirst());
                rows.add(
                        new KernelRow(
                                StepLabel.operations(step),
                                StepLabel.shapes(step),
                                StepLabel.weights(step),
                                same.size(),
                                seconds,
                                cost,
                                limits.rate(step, compute),
                                limits.seconds(step, cost, compute) / seconds,
                                StepLabel.operations(step).contains("attention")));
            }
        }
        return rows;
    }
}
