package dev.ocellus.plan;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Value;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds nodes that one kernel can do: activation, layer scale and residual after a linear layer;
 * activation and residual after a convolution; gate and up of a gated unit; linear layers side by
 * side on the same input (q, k, v); the activation after a group norm.
 */
final class Fusion {

    /** Nodes of one product. {@code anchor} is the node in whose place it runs. */
    sealed interface Group {
        Node anchor();

        List<Node> nodes();

        /**
         * linear or convolution, then optionally activation, scale (after linear), residual add;
         * {@code residual} may be null.
         */
        record Chain(List<Node> nodes, Value residual) implements Group {
            @Override
            public Node anchor() {
                return nodes.getLast();
            }
        }

        /** Gate and up products and the gated activation. */
        record Gated(Node gate, Node up, Node activation) implements Group {
            @Override
            public Node anchor() {
                return activation;
            }

            @Override
            public List<Node> nodes() {
                return List.of(gate, up, activation);
            }
        }

        /** Group norm and its activation. */
        record Normed(Node norm, Node activation) implements Group {
            @Override
            public Node anchor() {
                return activation;
            }

            @Override
            public List<Node> nodes() {
                return List.of(norm, activation);
            }
        }

        /** Linear layers of one input. */
        record Siblings(List<Node> nodes) implements Group {
            @Override
            public Node anchor() {
                return nodes.getFirst();
            }
        }
    }

    private final Map<Value, List<Node>> users = new HashMap<>();
    private final Set<Value> kept;
    private final Set<Node> taken = new HashSet<>();
    private final Map<Node, Group> groups = new HashMap<>();

    private Fusion(Graph graph) {
        kept = new HashSet<>(graph.outputs().values());
        for (Node n : graph.nodes()) {
            n.inputs().forEach(v -> users.computeIfAbsent(v, x -> new ArrayList<>()).add(n));
        }
        for (Node n : graph.nodes()) {
            if (n.op() instanceof Op.GatedActivate) {
                gated(n);
            }
        }
        Map<Value, List<Node>> plain = new LinkedHashMap<>();
        for (Node n : graph.nodes()) {
            if (n.op() instanceof Op.Linear && !taken.contains(n)) {
                List<Node> chain = chain(n);
                if (chain.size() == 1) {
                    plain.computeIfAbsent(n.input(0), x -> new ArrayList<>()).add(n);
                }
            } else if (n.op() instanceof Op.Conv2d && chain(n).size() == 1) {
                add(new Group.Chain(List.of(n), null));
            } else if (n.op() instanceof Op.GroupNorm) {
                normed(n);
            }
        }
        plain.values().forEach(this::siblings);
    }

    /** Groups by anchor. Nodes of a group other than its anchor are in {@link #absorbed}. */
    static Fusion of(Graph graph) {
        return new Fusion(graph);
    }

    Group group(Node anchor) {
        return groups.get(anchor);
    }

    boolean absorbed(Node n) {
        return taken.contains(n) && !groups.containsKey(n);
    }

    private void add(Group g) {
        taken.addAll(g.nodes());
        groups.put(g.anchor(), g);
    }

    private void gated(Node activation) {
        Node gate = activation.input(0).node();
        Node up = activation.input(1).node();
        if (gate.op() instanceof Op.Linear g
                && up.op() instanceof Op.Linear u
                && gate != up
                && g.bias() == null
                && u.bias() == null
                && gate.input(0) == up.input(0)
                && g.weight().kernelType() == u.weight().kernelType()
                && soleUser(gate.value()) == activation
                && soleUser(up.value()) == activation) {
            add(new Group.Gated(gate, up, activation));
        }
    }

    private void normed(Node norm) {
        Node next = soleUser(norm.value());
        if (next != null && next.op() instanceof Op.Activate) {
            add(new Group.Normed(norm, next));
        }
    }

    private List<Node> chain(Node product) {
        List<Node> nodes = new ArrayList<>(List.of(product));
        Node next = soleUser(product.value());
        if (next != null && next.op() instanceof Op.Activate) {
            nodes.add(next);
            next = soleUser(next.value());
        }
        boolean scaled = product.op() instanceof Op.Linear;
        if (scaled && next != null && next.op() instanceof Op.Scale) {
            nodes.add(next);
            next = soleUser(next.value());
        }
        Value residual = null;
        if (next != null && next.op() instanceof Op.Add && !taken.contains(next)) {
            Value last = nodes.getLast().value();
            residual = next.input(0) == last ? next.input(1) : next.input(0);
            nodes.add(next);
        }
        if (nodes.size() > 1) {
            add(new Group.Chain(List.copyOf(nodes), residual));
        }
        return nodes;
    }

    private void siblings(List<Node> linears) {
        Op.Linear first = (Op.Linear) linears.getFirst().op();
        List<Node> same = new ArrayList<>();
        for (Node n : linears) {
            Op.Linear l = (Op.Linear) n.op();
            boolean fits =
                    l.weight().kernelType() == first.weight().kernelType()
                            && (l.bias() == null) == (first.bias() == null);
            if (fits && !kept.contains(n.value())) {
                same.add(n);
            }
        }
        if (same.size() > 1) {
            add(new Group.Siblings(List.copyOf(same)));
        }
        for (Node n : linears) {
            if (!taken.contains(n)) {
                add(new Group.Chain(List.of(n), null));
            }
        }
    }

    /** The one node that uses a value which nobody else needs, or null. */
    private Node soleUser(Value v) {
        List<Node> all = users.getOrDefault(v, List.of());
        return all.size() == 1 && !kept.contains(v) ? all.getFirst() : null;
    }
}
