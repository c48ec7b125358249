package dev.ocellus.device;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Workload;
import dev.ocellus.graph.draw.Detail;
import dev.ocellus.graph.draw.Outline;
import dev.ocellus.graph.draw.StepLabel;
import dev.ocellus.graph.draw.TextTable;
import dev.ocellus.graph.draw.Units;

import java.util.ArrayList;
import java.util.List;

/**
 * A profile as a table: time of each step in a mean run, its share of the whole, and the rates that
 * it reached. A row speaks of all layers that are folded into it together. Immutable.
 */
public final class ProfileTable {
    private final String title;
    private final List<Row> rows;

    private ProfileTable(String title, List<Row> rows) {
        this.title = title;
        this.rows = List.copyOf(rows);
    }

    /**
     * @param section place in the model, as in "layers.0 … layers.23"
     * @param times number of layers that the row stands for
     * @param operations as in "linear + gelu"
     * @param cost work of those layers in one run
     * @param seconds time of those layers in a mean run
     */
    public record Row(String section, int times, String operations, Cost cost, double seconds) {

        /** Operations a second; 0 for a step that took no time. */
        public double flopsPerSecond() {
            return seconds == 0 ? 0 : cost.flops() / seconds;
        }

        /** Bytes a second, each operand counted once; 0 for a step that took no time. */
        public double bytesPerSecond() {
            return seconds == 0 ? 0 : cost.bytes() / seconds;
        }
    }

    /**
     * @param work what one run had to do
     * @throws IllegalArgumentException if no run came to its end
     */
    public static ProfileTable of(Profile profile, Workload work, Detail detail) {
        String name = profile.plan().graph().name();
        if (profile.runs() == 0) {
            throw new IllegalArgumentException(
                    "the profile of " + name + " is empty: turn profiling on before a run");
        }
        List<Profile.Row> steps = profile.rows(work);
        List<List<Node>> nodes = steps.stream().map(Profile.Row::nodes).toList();
        List<Row> rows = new ArrayList<>();
        for (Outline.Section s : Outline.of(nodes, detail).sections()) {
            for (List<Integer> same : s.steps()) {
                long nanos = same.stream().mapToLong(i -> steps.get(i).nanos()).sum();
                rows.add(
                        new Row(
                                s.label(),
                                s.times(),
                                StepLabel.operations(nodes.get(same.getFirst())),
                                same.stream()
                                        .map(i -> steps.get(i).cost())
                                        .reduce(Cost.NONE, Cost::plus),
                                nanos * 1e-9 / profile.runs()));
            }
        }
        return new ProfileTable(
                name
                        + (profile.runs() == 1
                                ? ", one run"
                                : ", mean of " + profile.runs() + " runs"),
                rows);
    }

    public List<Row> rows() {
        return rows;
    }

    /** All rows together. */
    public Row total() {
        return new Row(
                "total",
                1,
                "",
                rows.stream().map(Row::cost).reduce(Cost.NONE, Cost::plus),
                rows.stream().mapToDouble(Row::seconds).sum());
    }

    /** The table for people. */
    public String text() {
        return text(0, 0);
    }

    /**
     * The table for people, with the share that each step reached of what the machine can do.
     *
     * @param flopsPerSecond measured ceiling of arithmetic, or 0 if it is not known
     * @param bytesPerSecond measured ceiling of memory, or 0 if it is not known
     */
    public String text(double flopsPerSecond, double bytesPerSecond) {
        TextTable table =
                new TextTable(
                        2,
                        "section",
                        "operations",
                        "layers",
                        "time",
                        "share",
                        "arithmetic",
                        "of peak",
                        "memory",
                        "of peak");
        Row total = total();
        String section = "";
        for (Row r : rows) {
            String place = r.section().equals(section) ? "" : r.section();
            add(table, place, r, total.seconds(), flopsPerSecond, bytesPerSecond);
            section = r.section();
        }
        add(table, "total", total, total.seconds(), flopsPerSecond, bytesPerSecond);
        return title + "\n" + table;
    }

    private static void add(
            TextTable table, String place, Row r, double whole, double flops, double bytes) {
        table.add(
                place,
                r.operations(),
                r.times() == 1 ? "" : "× " + r.times(),
                time(r.seconds()),
                Units.percent(r.seconds(), whole),
                Units.si(r.flopsPerSecond(), "FLOP/s"),
                Units.percent(r.flopsPerSecond(), flops),
                Units.si(r.bytesPerSecond(), "B/s"),
                Units.percent(r.bytesPerSecond(), bytes));
    }

    private static String time(double seconds) {
        return seconds < 1e-3
                ? Units.si(seconds * 1e6, "µs")
                : seconds < 1 ? Units.si(seconds * 1e3, "ms") : Units.si(seconds, "s");
    }
}
