package dev.ocellus.graph.draw;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.SmallModels;
import dev.ocellus.graph.Workload;
import dev.ocellus.model.StepCapacity;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

class GraphDotTest {
    private static final String QUOTED = "\"(?:[^\"\\\\]|\\\\.)*\"";
    private static final String VALUE = "(?:" + QUOTED + "|[\\w.]+)";
    private static final Pattern NODE =
            Pattern.compile("n(\\d+) \\[(\\w+=" + VALUE + ")(, \\w+=" + VALUE + ")*\\];");
    private static final Pattern EDGE = Pattern.compile("n(\\d+) -> n(\\d+);");
    private static final Pattern ATTRIBUTE = Pattern.compile("\\w+=" + VALUE + ";");
    private static final Pattern DEFAULTS =
            Pattern.compile("node \\[\\w+=" + VALUE + "(, \\w+=" + VALUE + ")*\\];");

    /** Every line must be a statement of the language; gives the ids of the nodes. */
    private static Set<String> parse(String dot) {
        List<String> lines = dot.lines().toList();
        assertThat(lines.getFirst()).matches("digraph " + QUOTED + " \\{");
        Set<String> nodes = new HashSet<>();
        int depth = 1;
        for (String raw : lines.subList(1, lines.size())) {
            String line = raw.strip();
            Matcher node = NODE.matcher(line);
            Matcher edge = EDGE.matcher(line);
            if (node.matches()) {
                assertThat(nodes.add(node.group(1))).as(line).isTrue();
            } else if (edge.matches()) {
                assertThat(nodes).contains(edge.group(1), edge.group(2));
            } else if (line.matches("subgraph cluster_\\d+ \\{")) {
                depth++;
            } else if (line.equals("}")) {
                depth--;
            } else {
                assertThat(ATTRIBUTE.matcher(line).matches() || DEFAULTS.matcher(line).matches())
                        .as(line)
                        .isTrue();
            }
        }
        assertThat(depth).isZero();
        return nodes;
    }

    @Test
    void statementsAreWellFormed(@TempDir Path folder) throws IOException {
        Graph vit = SmallModels.vit(new SmallModels.Vit(3, 16, 24, 2, 28, true), folder);
        Diagram diagram = Diagram.of(vit, Workload.full(0), Detail.FOLDED);
        String dot = GraphDot.text(diagram);
        assertThat(parse(dot)).hasSize(diagram.boxes().size());
        assertThat(dot)
                .startsWith("digraph \"vision <3 layers> & \\\"more\\\"\" {")
                .contains("label=\"layers.0 … layers.2 × 3\";")
                .contains("attn.proj.weight [16, 16] bf16")
                .contains("→ [1, 5, 16]")
                .contains("\"last_state\\n[1, 5, 16] f32\"");
    }

    @Test
    void allLayersOnDemand(@TempDir Path folder) throws IOException {
        StepCapacity capacity = new StepCapacity(4, 1, 2, 1, true, true, false);
        Graph step = SmallModels.step(3, capacity, folder);
        String dot = GraphDot.text(Diagram.of(step, Workload.full(0), Detail.EVERY_LAYER));
        parse(dot);
        assertThat(dot)
                .contains("label=\"layers.0\";", "label=\"layers.1\";", "label=\"layers.2\";")
                .contains("read in several places: sequence [4] i32, slot [4] i32");
        long operations = CostTable.steps(step).size();
        assertThat(dot.lines().filter(line -> line.contains("flops="))).hasSize((int) operations);
    }
}
