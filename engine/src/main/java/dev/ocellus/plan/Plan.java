package dev.ocellus.plan;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Workload;
import dev.ocellus.kernels.KernelCall;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;

/**
 * What becomes of a graph on a device: fused kernel calls in order, the weights they need and one
 * workspace in which everything else has its place. Immutable; holds no memory and loads nothing,
 * so that the needs of a model of any size can be asked before it is opened.
 */
public final class Plan {
    private final Graph graph;
    private final List<Step> steps;
    private final Workspace workspace;
    private final Set<Packing> packings;

    private Plan(Graph graph, List<Step> steps, Workspace workspace, Set<Packing> packings) {
        this.graph = graph;
        this.steps = steps;
        this.workspace = workspace;
        this.packings = packings;
    }

    /**
     * Plans a graph for a device's kernels.
     *
     * @param scratchBytes bytes of scratch memory that the kernels of a call need; operands of the
     *     calls it is asked about have no place yet
     */
    public static Plan of(
            Graph graph, PlanOptions options, ToLongFunction<KernelCall> scratchBytes) {
        List<Step> steps = Lowering.steps(graph, options);
        Probe probe = new Probe();
        Map<Step, Long> scratch = new HashMap<>();
        for (Step s : steps) {
            scratch.put(s, scratchBytes.applyAsLong(s.call().apply(probe)));
        }
        return new Plan(graph, steps, Workspace.of(graph, steps, scratch), probe.packings);
    }

    public Graph graph() {
        return graph;
    }

    /** Bytes that a run of the plan needs beside weights and state. */
    public long workspaceBytes() {
        return workspace.bytes();
    }

    /** Bytes of all packed weights that the plan reads. */
    public long weightBytes() {
        return packings.stream().mapToLong(Packing::bytes).sum();
    }

    public Set<Packing> packings() {
        return packings;
    }

    /** Nodes of each step, in the order of execution. */
    public List<List<Node>> fusedNodes() {
        return steps.stream().map(Step::nodes).toList();
    }

    /** Cost of each step, in the order of execution. */
    public List<Cost> costs(Workload work) {
        return steps.stream().map(s -> Cost.of(s.nodes(), work)).toList();
    }

    /**
     * Byte offset in the workspace of a graph input or output. Counters come first, then the inputs
     * in the order of their sizes, so that small ones can be filled with one copy.
     */
    public long offset(Value v) {
        return workspace.offset(v);
    }

    /**
     * Byte offsets of the int64 counters that kernels read, each with the multiple of the count
     * that it holds.
     */
    public Map<Long, Long> counters(Count count) {
        Map<Long, Long> offsets = new HashMap<>();
        workspace
                .counters()
                .forEach(
                        (c, offset) -> {
                            if (c.count().equals(count)) {
                                offsets.put(offset, c.multiple());
                            }
                        });
        return offsets;
    }

    /** All run-time counts. */
    public Set<Count> counts() {
        Set<Count> all = new LinkedHashSet<>();
        workspace.counters().keySet().forEach(c -> all.add(c.count()));
        return all;
    }

    /**
     * A kernel call with all its operands in place.
     *
     * @param scratch address of its scratch memory, or 0
     * @param onlyNextReads whether the next call alone reads what this one writes
     */
    public record BoundCall(int step, KernelCall call, long scratch, boolean onlyNextReads) {}

    /**
     * Gives every operand its address.
     *
     * @param base address of {@link #workspaceBytes} bytes, at least 64-byte aligned
     * @param weights addresses of the packings
     */
    public List<BoundCall> bind(long base, ToLongFunction<Packing> weights) {
        Binding binding = new Placed(base, weights);
        List<BoundCall> calls = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            Step s = steps.get(i);
            long scratch = workspace.scratchOffset(s);
            calls.add(
                    new BoundCall(
                            i,
                            s.call().apply(binding),
                            scratch < 0 ? 0 : base + scratch,
                            onlyNextReads(i)));
        }
        return calls;
    }

    private boolean onlyNextReads(int step) {
        Set<Value> written = Set.copyOf(steps.get(step).writes());
        boolean wanted = graph.outputs().values().stream().anyMatch(written::contains);
        return !wanted
                && steps.subList(Math.min(step + 2, steps.size()), steps.size()).stream()
                        .noneMatch(s -> s.reads().stream().anyMatch(written::contains));
    }

    /** Learns which weights the calls ask for; operands have no place yet. */
    private static final class Probe implements Binding {
        final Set<Packing> packings = new LinkedHashSet<>();

        @Override
        public long address(Value v) {
            return 0;
        }

        @Override
        public long ld(Value v) {
            return v.cols();
        }

        @Override
        public long count(Value v, long multiple) {
            return 0;
        }

        @Override
        public long weight(Packing packing) {
            packings.add(packing);
            return 0;
        }
    }

    private final class Placed implements Binding {
        private final long base;
        private final ToLongFunction<Packing> weights;

        Placed(long base, ToLongFunction<Packing> weights) {
            this.base = base;
            this.weights = weights;
        }

        @Override
        public long address(Value v) {
            return base + workspace.offset(v);
        }

        @Override
        public long ld(Value v) {
            return workspace.ld(v);
        }

        @Override
        public long count(Value v, long multiple) {
            return v.count() == null
                    ? 0
                    : base + workspace.counters().get(new Workspace.Counter(v.count(), multiple));
        }

        @Override
        public long weight(Packing packing) {
            return weights.applyAsLong(packing);
        }
    }
}
