package dev.ocellus.graph.draw;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Value;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;

/** Makes a diagram of steps. */
final class DiagramBuilder {
    private final Graph graph;
    private final List<List<Node>> steps;
    private final List<Cost> costs;
    private final List<Outline.Section> sections;
    private final Map<Node, Integer> sectionOf = new HashMap<>();
    private final Map<Value, Set<Integer>> readers = new LinkedHashMap<>();
    private final Map<Node, Integer> boxOf = new HashMap<>();
    private final List<Diagram.Box> boxes = new ArrayList<>();
    private final Set<Diagram.Edge> edges = new LinkedHashSet<>();

    DiagramBuilder(Graph graph, List<List<Node>> steps, List<Cost> costs, Detail detail) {
        this.graph = graph;
        this.steps = steps;
        this.costs = costs;
        sections = Outline.of(steps, detail).sections();
    }

    Diagram build() {
        graph.inputs().values().forEach(v -> readers.put(v, new LinkedHashSet<>()));
        for (int s = 0; s < sections.size(); s++) {
            for (List<Integer> same : sections.get(s).steps()) {
                for (int step : same) {
                    enter(steps.get(step), s);
                }
            }
        }
        List<Diagram.Lane> lanes = new ArrayList<>();
        for (int s = 0; s < sections.size(); s++) {
            lanes.add(lane(s));
        }
        if (outputs(s -> sections.get(s).times() > 1, lanes.size())) {
            lanes.add(new Diagram.Lane("outputs", 1, Cost.NONE));
        }
        return new Diagram(
                graph.name(),
                lanes,
                boxes,
                edges,
                readers.keySet().stream().filter(this::common).map(this::describe).toList(),
                costs.stream().reduce(Cost.NONE, Cost::plus));
    }

    private void enter(List<Node> step, int section) {
        for (Node n : step) {
            sectionOf.put(n, section);
            for (Value v : n.inputs()) {
                if (readers.containsKey(v)) {
                    readers.get(v).add(section);
                }
            }
        }
    }

    /** An input that is not drawn where it is read: several layers read it, or nobody. */
    private boolean common(Value input) {
        Set<Integer> places = readers.get(input);
        return places.size() != 1 || sections.get(places.iterator().next()).times() > 1;
    }

    private Diagram.Lane lane(int index) {
        Outline.Section section = sections.get(index);
        Cost sum = Cost.NONE;
        readers.forEach(
                (v, places) -> {
                    if (!common(v) && places.contains(index)) {
                        String label = ((Op.Input) v.node().op()).label();
                        boxOf.put(v.node(), port(index, label, v));
                    }
                });
        for (List<Integer> same : section.steps()) {
            Cost cost = same.stream().map(costs::get).reduce(Cost.NONE, Cost::plus);
            sum = sum.plus(cost);
            box(index, same, cost);
        }
        // An output inside a lane of many layers would look like one of each.
        outputs(s -> s == index && section.times() == 1, index);
        return new Diagram.Lane(section.label(), section.times(), sum);
    }

    private int port(int lane, String title, Value v) {
        List<String> lines = List.of(v.shape() + " " + v.dtype().lowerName());
        boxes.add(
                new Diagram.Box(
                        boxes.size(), lane, Kind.PORT, title, lines, lines.getFirst(), Cost.NONE));
        return boxes.size() - 1;
    }

    private void box(int lane, List<Integer> same, Cost cost) {
        List<Node> step = steps.get(same.getFirst());
        List<String> lines = new ArrayList<>();
        lines.add(StepLabel.weights(step));
        step.forEach(n -> lines.add(StepLabel.attributes(n.op())));
        lines.removeIf(String::isEmpty);
        String common =
                step.stream()
                        .flatMap(n -> n.inputs().stream())
                        .filter(v -> readers.containsKey(v) && common(v))
                        .map(v -> ((Op.Input) v.node().op()).label())
                        .distinct()
                        .collect(Collectors.joining(", "));
        if (!common.isEmpty()) {
            lines.add("reads " + common);
        }
        lines.add("→ " + StepLabel.shapes(step));
        int id = boxes.size();
        boxes.add(
                new Diagram.Box(
                        id,
                        lane,
                        Kind.of(step),
                        StepLabel.operations(step),
                        lines.stream().distinct().toList(),
                        tooltip(step, cost, same.size()),
                        cost));
        for (Node n : step) {
            for (Value v : n.inputs()) {
                Integer from = boxOf.get(v.node());
                if (from != null) {
                    edges.add(new Diagram.Edge(from, id));
                }
            }
        }
        for (int s : same) {
            steps.get(s).forEach(n -> boxOf.put(n, id));
        }
    }

    private static String tooltip(List<Node> step, Cost cost, int times) {
        String nodes = step.stream().map(Node::toString).collect(Collectors.joining("\n"));
        String weights =
                step.stream()
                        .flatMap(n -> StepLabel.weights(n.op()))
                        .map(Object::toString)
                        .collect(Collectors.joining("\n"));
        return nodes
                + (weights.isEmpty() ? "" : "\n" + weights)
                + "\n"
                + Units.si(cost.flops(), "FLOP")
                + ", weights "
                + Units.si(cost.weightBytes(), "B")
                + ", activations "
                + Units.si(cost.activationBytes(), "B")
                + (times == 1 ? "" : " in " + times + " layers");
    }

    /**
     * Draws outputs of some sections in a lane; those of one step are one box, since with all
     * hidden states there are as many as layers.
     */
    private boolean outputs(IntPredicate of, int lane) {
        Map<Integer, List<String>> labels = new TreeMap<>();
        Map<Integer, Value> values = new HashMap<>();
        graph.outputs()
                .forEach(
                        (label, v) -> {
                            Integer section = sectionOf.get(v.node());
                            if (section != null && of.test(section)) {
                                int from = boxOf.get(v.node());
                                labels.computeIfAbsent(from, b -> new ArrayList<>()).add(label);
                                values.put(from, v);
                            }
                        });
        labels.forEach(
                (from, names) -> {
                    String title =
                            names.size() < 3
                                    ? String.join(", ", names)
                                    : names.getFirst() + " … " + names.getLast();
                    edges.add(new Diagram.Edge(from, port(lane, title, values.get(from))));
                });
        return !labels.isEmpty();
    }

    private String describe(Value input) {
        return ((Op.Input) input.node().op()).label()
                + " "
                + input.shape()
                + " "
                + input.dtype().lowerName();
    }
}
