package dev.ocellus.graph.draw;

import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Steps in sections: a section is a run of steps of one scope. Sections that follow each other, are
 * numbered like "layers.0", "layers.1" and differ only in their weights are one folded section.
 * Immutable.
 */
public final class Outline {
    private static final Pattern NUMBERED = Pattern.compile("(.*?)(\\d{1,9})");

    private final List<Section> sections;

    private Outline(List<Section> sections) {
        this.sections = List.copyOf(sections);
    }

    /**
     * @param first scope of the first of the folded sections
     * @param last scope of the last one; the same if there is only one
     * @param times number of sections folded into this one
     * @param steps for each step of the section, the indices of that step in all folded sections
     */
    public record Section(String first, String last, int times, List<List<Integer>> steps) {

        public Section {
            steps = steps.stream().map(List::copyOf).toList();
        }

        /** As in "layers.0 … layers.23"; "model" for steps outside all scopes. */
        public String label() {
            String name = first.isEmpty() ? "model" : first;
            return times == 1 ? name : name + " … " + last;
        }
    }

    /** Where a node stands: its section, and its step and index in it. */
    private record Place(int section, int step, int index) {
        boolean isAt(Place o) {
            return step == o.step && index == o.index;
        }
    }

    /**
     * @param steps nodes of each step, as {@code Plan.fusedNodes} gives them
     */
    public static Outline of(List<List<Node>> steps, Detail detail) {
        List<List<Integer>> runs = runs(steps);
        Map<Node, Place> places = new HashMap<>();
        for (int s = 0; s < runs.size(); s++) {
            for (int i = 0; i < runs.get(s).size(); i++) {
                List<Node> nodes = steps.get(runs.get(s).get(i));
                for (int k = 0; k < nodes.size(); k++) {
                    places.put(nodes.get(k), new Place(s, i, k));
                }
            }
        }
        List<Section> sections = new ArrayList<>();
        for (int s = 0; s < runs.size(); ) {
            int end = s + 1;
            while (detail == Detail.FOLDED
                    && end < runs.size()
                    && new Repetition(places, end, end > s + 1)
                            .holds(at(steps, runs.get(end - 1)), at(steps, runs.get(end)))) {
                end++;
            }
            sections.add(section(steps, runs.subList(s, end)));
            s = end;
        }
        return new Outline(sections);
    }

    private static List<List<Node>> at(List<List<Node>> steps, List<Integer> indices) {
        return indices.stream().map(steps::get).toList();
    }

    public List<Section> sections() {
        return sections;
    }

    private static String scope(List<Node> step) {
        return step.getLast().scope();
    }

    private static List<List<Integer>> runs(List<List<Node>> steps) {
        List<List<Integer>> runs = new ArrayList<>();
        for (int i = 0; i < steps.size(); i++) {
            if (i == 0 || !scope(steps.get(i)).equals(scope(steps.get(i - 1)))) {
                runs.add(new ArrayList<>());
            }
            runs.getLast().add(i);
        }
        return runs;
    }

    private static Section section(List<List<Node>> steps, List<List<Integer>> folded) {
        List<List<Integer>> rows = new ArrayList<>();
        for (int i = 0; i < folded.getFirst().size(); i++) {
            int at = i;
            rows.add(folded.stream().map(run -> run.get(at)).toList());
        }
        return new Section(
                scope(steps.get(folded.getFirst().getFirst())),
                scope(steps.get(folded.getLast().getFirst())),
                folded.size(),
                rows);
    }

    /** Whether a section does what the one before it did. */
    private static final class Repetition {
        private final Map<Node, Place> places;
        private final int section;
        private final boolean chained;
        private final Map<Value, Value> counterparts = new HashMap<>();

        /**
         * @param section index of the later section
         * @param chained whether the earlier one is a repetition itself
         */
        Repetition(Map<Node, Place> places, int section, boolean chained) {
            this.places = places;
            this.section = section;
            this.chained = chained;
        }

        boolean holds(List<List<Node>> a, List<List<Node>> b) {
            if (a.size() != b.size() || !follows(scope(a.getFirst()), scope(b.getFirst()))) {
                return false;
            }
            for (int i = 0; i < a.size(); i++) {
                if (a.get(i).size() != b.get(i).size()) {
                    return false;
                }
                for (int k = 0; k < a.get(i).size(); k++) {
                    if (!alike(a.get(i).get(k), b.get(i).get(k))) {
                        return false;
                    }
                }
            }
            return true;
        }

        private boolean alike(Node a, Node b) {
            if (!signature(a.op()).equals(signature(b.op()))
                    || !a.value().shape().equals(b.value().shape())
                    || a.inputs().size() != b.inputs().size()) {
                return false;
            }
            for (int i = 0; i < a.inputs().size(); i++) {
                Value known = counterparts.putIfAbsent(a.input(i), b.input(i));
                if (known == null ? !alike(a.input(i), b.input(i)) : known != b.input(i)) {
                    return false;
                }
            }
            return true;
        }

        /**
         * Operands correspond when both are made at the same place of their sections, when they are
         * the same value from outside, or when the later section takes from the earlier one what
         * that took from the one before, or if it is the first, from anywhere.
         */
        private boolean alike(Value a, Value b) {
            Place from = places.get(a.node());
            Place to = places.get(b.node());
            if (from != null && from.section() == section - 1) {
                return to != null && to.section() == section && from.isAt(to);
            }
            if (to == null || to.section() < section - 1) {
                return a == b;
            }
            return to.section() == section - 1
                    && (!chained || from != null && from.section() == section - 2 && from.isAt(to));
        }
    }

    private static boolean follows(String a, String b) {
        Matcher before = NUMBERED.matcher(a);
        Matcher after = NUMBERED.matcher(b);
        return before.matches()
                && after.matches()
                && before.group(1).equals(after.group(1))
                && Long.parseLong(before.group(2)) + 1 == Long.parseLong(after.group(2));
    }

    /** The operation without what may differ between layers: names of weights, number of layer. */
    private static String signature(Op op) {
        return switch (op) {
            case Op.Linear o -> "linear " + signature(o.weight()) + signature(o.bias());
            case Op.Conv2d o ->
                    "conv2d " + o.window() + signature(o.weight()) + signature(o.bias());
            case Op.GroupNorm o ->
                    "groupNorm " + o.groups() + " " + o.eps() + signature(o.weight());
            case Op.RmsNorm o ->
                    "rmsNorm " + signature(o.weight()) + o.eps() + " in " + o.groups() + " groups";
            case Op.LayerNorm o ->
                    "layerNorm " + signature(o.weight()) + signature(o.bias()) + o.eps();
            case Op.Scale o -> "scale " + signature(o.weight());
            case Op.KvAppend o -> "kvAppend " + o.cache();
            case Op.PagedAttention o ->
                    "pagedAttention "
                            + o.heads()
                            + " heads, "
                            + o.scale()
                            + ", window "
                            + o.window()
                            + ", "
                            + o.cache();
            default -> op.toString();
        };
    }

    private static String signature(Weight w) {
        return w == null ? "none " : w.rows() + " x " + w.cols() + " " + w.kernelType() + " ";
    }
}
