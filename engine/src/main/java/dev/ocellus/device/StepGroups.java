package dev.ocellus.device;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Workload;
import dev.ocellus.plan.Plan;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The steps of a plan as a device runs and times them: each on its own, or neighbouring ones as one
 * where a kernel does them together. A group is known by its index. Immutable.
 */
final class StepGroups {
    private final Plan plan;
    private final List<List<Node>> nodes = new ArrayList<>();

    /**
     * @param sizes steps of each group, in order
     */
    StepGroups(Plan plan, List<Integer> sizes) {
        this.plan = plan;
        List<List<Node>> steps = plan.fusedNodes();
        int at = 0;
        for (int size : sizes) {
            nodes.add(steps.subList(at, at + size).stream().flatMap(List::stream).toList());
            at += size;
        }
        if (at != steps.size()) {
            throw new IllegalArgumentException(
                    "groups of %d steps for a plan of %d".formatted(at, steps.size()));
        }
    }

    /** Each step on its own. */
    static StepGroups single(Plan plan) {
        return new StepGroups(plan, Collections.nCopies(plan.fusedNodes().size(), 1));
    }

    Plan plan() {
        return plan;
    }

    /** Nodes of each group, in graph order. */
    List<List<Node>> nodes() {
        return Collections.unmodifiableList(nodes);
    }

    /** Cost of each group: what its steps hand to one another does not count. */
    List<Cost> costs(Workload work) {
        return nodes.stream().map(n -> Cost.of(n, work)).toList();
    }
}
