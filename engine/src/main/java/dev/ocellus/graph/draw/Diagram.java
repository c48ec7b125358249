package dev.ocellus.graph.draw;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Workload;
import dev.ocellus.plan.Plan;

import java.util.Collections;
import java.util.List;
import java.util.Set;

/**
 * What a drawing of a graph or plan shows, without places: boxes in the order of execution, edges
 * between them, and lanes, one for each section of the model. Immutable.
 */
public final class Diagram {
    private final String title;
    private final List<Lane> lanes;
    private final List<Box> boxes;
    private final Set<Edge> edges;
    private final List<String> common;
    private final Cost total;

    Diagram(
            String title,
            List<Lane> lanes,
            List<Box> boxes,
            Set<Edge> edges,
            List<String> common,
            Cost total) {
        this.title = title;
        this.lanes = List.copyOf(lanes);
        this.boxes = List.copyOf(boxes);
        this.edges = Collections.unmodifiableSet(edges);
        this.common = List.copyOf(common);
        this.total = total;
    }

    /**
     * @param label as in "layers.0 … layers.23"
     * @param times number of layers that the lane stands for
     * @param cost of all those layers
     */
    record Lane(String label, int times, Cost cost) {}

    /**
     * A step, an input or an output.
     *
     * @param lines what is written under the title
     * @param tooltip the rest, for those who ask
     * @param cost of all layers that the box stands for
     */
    record Box(
            int id,
            int lane,
            Kind kind,
            String title,
            List<String> lines,
            String tooltip,
            Cost cost) {}

    /** Data that goes from a box to another. */
    record Edge(int from, int to) {}

    /** Every operation of a graph. */
    public static Diagram of(Graph graph, Workload work, Detail detail) {
        var steps = CostTable.steps(graph);
        var costs = steps.stream().map(s -> Cost.of(s, work)).toList();
        return new DiagramBuilder(graph, steps, costs, detail).build();
    }

    /** The steps of a plan, in which operations are fused. */
    public static Diagram of(Plan plan, Workload work, Detail detail) {
        return new DiagramBuilder(plan.graph(), plan.fusedNodes(), plan.costs(work), detail)
                .build();
    }

    String title() {
        return title;
    }

    List<Lane> lanes() {
        return lanes;
    }

    /** In an order in which each box comes after those it reads. */
    List<Box> boxes() {
        return boxes;
    }

    Set<Edge> edges() {
        return edges;
    }

    /** Inputs that operations of several sections read; boxes name them instead of having edges. */
    List<String> common() {
        return common;
    }

    /** Cost of everything, all layers. */
    Cost total() {
        return total;
    }
}
