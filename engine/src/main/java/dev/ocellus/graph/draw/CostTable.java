package dev.ocellus.graph.draw;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Workload;
import dev.ocellus.plan.Plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What each step of a graph or plan costs, counted from shapes. Each row speaks of all layers that
 * are folded into it together, so that columns add up to the total. Immutable.
 */
public final class CostTable {
    private final String title;
    private final List<Row> rows;

    private CostTable(String title, List<Row> rows) {
        this.title = title;
        this.rows = List.copyOf(rows);
    }

    /**
     * @param section place in the model, as in "layers.0 … layers.23"
     * @param times number of layers that the row stands for
     * @param operations as in "linear + gelu"
     * @param shape of one layer's result
     * @param cost of all layers that the row stands for
     */
    public record Row(String section, int times, String operations, String shape, Cost cost) {}

    /** Costs of a graph whose operations run one by one. */
    public static CostTable of(Graph graph, Workload work, Detail detail) {
        List<List<Node>> steps = steps(graph);
        List<Cost> costs = steps.stream().map(s -> Cost.of(s, work)).toList();
        return new CostTable(graph.name(), rows(steps, costs, detail));
    }

    /** Costs of a plan: values inside a fused step take no memory traffic. */
    public static CostTable of(Plan plan, Workload work, Detail detail) {
        return new CostTable(
                plan.graph().name(), rows(plan.fusedNodes(), plan.costs(work), detail));
    }

    /** Operations of a graph, each a step of its own, without its inputs. */
    static List<List<Node>> steps(Graph graph) {
        return graph.nodes().stream()
                .filter(n -> !(n.op() instanceof Op.Input))
                .map(List::of)
                .toList();
    }

    private static List<Row> rows(List<List<Node>> steps, List<Cost> costs, Detail detail) {
        List<Row> rows = new ArrayList<>();
        for (Outline.Section s : Outline.of(steps, detail).sections()) {
            for (List<Integer> same : s.steps()) {
                List<Node> step = steps.get(same.getFirst());
                rows.add(
                        new Row(
                                s.label(),
                                s.times(),
                                StepLabel.operations(step),
                                StepLabel.shapes(step),
                                same.stream().map(costs::get).reduce(Cost.NONE, Cost::plus)));
            }
        }
        return rows;
    }

    public List<Row> rows() {
        return rows;
    }

    public Cost total() {
        return rows.stream().map(Row::cost).reduce(Cost.NONE, Cost::plus);
    }

    /** The table for people, with one line for each row and one for the total. */
    public String text() {
        Cost total = total();
        TextTable table =
                new TextTable(
                        3,
                        "section",
                        "operations",
                        "result",
                        "layers",
                        "FLOPs",
                        "share",
                        "weights",
                        "activations",
                        "FLOP/byte");
        String section = "";
        for (Row r : rows) {
            table.add(
                    r.section().equals(section) ? "" : r.section(),
                    r.operations(),
                    r.shape(),
                    r.times() == 1 ? "" : "× " + r.times(),
                    Units.si(r.cost().flops(), "FLOP"),
                    Units.percent(r.cost().flops(), total.flops()),
                    Units.si(r.cost().weightBytes(), "B"),
                    Units.si(r.cost().activationBytes(), "B"),
                    intensity(r.cost()));
            section = r.section();
        }
        table.add(
                "total",
                "",
                "",
                "",
                Units.si(total.flops(), "FLOP"),
                Units.percent(total.flops(), total.flops()),
                Units.si(total.weightBytes(), "B"),
                Units.si(total.activationBytes(), "B"),
                intensity(total));
        return title + "\n" + table;
    }

    private static String intensity(Cost cost) {
        return String.format(Locale.ROOT, "%.1f", cost.intensity());
    }

    /** The table as JSON: title, rows and total; numbers are exact. */
    public ObjectNode json() {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.put("title", title);
        ArrayNode array = root.putArray("rows");
        for (Row r : rows) {
            ObjectNode row = array.addObject();
            row.put("section", r.section());
            row.put("layers", r.times());
            row.put("operations", r.operations());
            row.put("result", r.shape());
            put(row, r.cost());
        }
        put(root.putObject("total"), total());
        return root;
    }

    private static void put(ObjectNode node, Cost cost) {
        node.put("flops", cost.flops());
        node.put("weight_bytes", cost.weightBytes());
        node.put("activation_bytes", cost.activationBytes());
        node.put("flops_per_byte", cost.intensity());
    }
}
