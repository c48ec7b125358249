package dev.ocellus.graph.draw;

import java.util.Locale;

/**
 * A diagram in the DOT language of Graphviz: a cluster for each section, a node for each step, with
 * its work as attributes {@code flops}, {@code weight_bytes} and {@code activation_bytes}.
 */
public final class GraphDot {
    private final Diagram diagram;
    private final StringBuilder out = new StringBuilder();

    private GraphDot(Diagram diagram) {
        this.diagram = diagram;
    }

    public static String text(Diagram diagram) {
        return new GraphDot(diagram).write();
    }

    private String write() {
        out.append("digraph ").append(quoted(diagram.title())).append(" {\n");
        out.append("  label=").append(quoted(heading())).append(";\n");
        out.append("  labelloc=t;\n  fontname=\"Helvetica\";\n");
        out.append("  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\"];\n");
        for (int lane = 0; lane < diagram.lanes().size(); lane++) {
            cluster(lane);
        }
        for (Diagram.Edge e : diagram.edges()) {
            out.append("  n%d -> n%d;\n".formatted(e.from(), e.to()));
        }
        return out.append("}\n").toString();
    }

    private String heading() {
        return diagram.common().isEmpty()
                ? diagram.title()
                : diagram.title()
                        + "\nread in several places: "
                        + String.join(", ", diagram.common());
    }

    private void cluster(int index) {
        Diagram.Lane lane = diagram.lanes().get(index);
        String label = lane.label() + (lane.times() == 1 ? "" : " × " + lane.times());
        out.append("  subgraph cluster_%d {\n".formatted(index));
        out.append("    label=").append(quoted(label)).append(";\n");
        out.append("    style=\"rounded,filled\";\n    fillcolor=\"#f8fafc\";\n");
        for (Diagram.Box b : diagram.boxes()) {
            if (b.lane() == index) {
                node(b);
            }
        }
        out.append("  }\n");
    }

    private void node(Diagram.Box b) {
        String label = b.title() + "\n" + String.join("\n", b.lines());
        out.append(
                String.format(
                        Locale.ROOT,
                        "    n%d [label=%s, tooltip=%s, fillcolor=\"%s\", color=\"%s\"",
                        b.id(),
                        quoted(label),
                        quoted(b.tooltip()),
                        b.kind().fill,
                        b.kind().stroke));
        out.append(
                b.kind() == Kind.PORT
                        ? ", shape=oval"
                        : ", flops=%d, weight_bytes=%d, activation_bytes=%d"
                                .formatted(
                                        b.cost().flops(),
                                        b.cost().weightBytes(),
                                        b.cost().activationBytes()));
        out.append("];\n");
    }

    private static String quoted(String s) {
        return "\"" + s.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
    }
}
