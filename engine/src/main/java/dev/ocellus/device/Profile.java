package dev.ocellus.device;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Node;
import dev.ocellus.plan.Plan;

import java.util.ArrayList;
import java.util.List;

/** Time of each step of a plan, summed over runs. Not thread-safe; belongs to the run under way. */
public final class Profile {

    /** A step: its nodes, its work at full capacity in one run, and the time of all runs. */
    public record Row(List<Node> nodes, Cost cost, long nanos, long runs) {

        /** Operations joined by plus signs, as in "linear + add". */
        public String operations() {
            return String.join(" + ", nodes.stream().map(n -> n.op().name()).toList());
        }
    }

    private final Plan plan;
    private final long[] nanos;
    private long runs;

    public Profile(Plan plan) {
        this.plan = plan;
        nanos = new long[plan.fusedNodes().size()];
    }

    void add(int step, long time) {
        nanos[step] += time;
    }

    void ranOnce() {
        runs++;
    }

    public Plan plan() {
        return plan;
    }

    /**
     * One row for each step, in order.
     *
     * @param cachedTokens cache slots that a row of paged attention reads
     */
    public List<Row> rows(long cachedTokens) {
        List<Row> rows = new ArrayList<>();
        for (int i = 0; i < nanos.length; i++) {
            List<Node> nodes = plan.fusedNodes().get(i);
            Cost cost =
                    nodes.stream().map(n -> Cost.of(n, cachedTokens)).reduce(Cost.NONE, Cost::plus);
            rows.add(new Row(nodes, cost, nanos[i], runs));
        }
        return rows;
    }
}
