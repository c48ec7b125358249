package dev.ocellus.graph.draw;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.SmallModels;
import dev.ocellus.graph.Workload;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import javax.xml.parsers.DocumentBuilderFactory;

class GraphSvgTest {
    @TempDir Path folder;

    private static Document parse(String svg) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        return factory.newDocumentBuilder()
                .parse(new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8)));
    }

    private static List<String> texts(Document svg) {
        NodeList all = svg.getElementsByTagName("text");
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < all.getLength(); i++) {
            texts.add(all.item(i).getTextContent());
        }
        return texts;
    }

    private static List<Layout.Rect> boxes(Document svg) {
        NodeList all = svg.getElementsByTagName("rect");
        List<Layout.Rect> boxes = new ArrayList<>();
        for (int i = 0; i < all.getLength(); i++) {
            Element e = (Element) all.item(i);
            if (e.getAttribute("class").equals("box")) {
                boxes.add(
                        new Layout.Rect(
                                Double.parseDouble(e.getAttribute("x")),
                                Double.parseDouble(e.getAttribute("y")),
                                Double.parseDouble(e.getAttribute("width")),
                                Double.parseDouble(e.getAttribute("height"))));
            }
        }
        return boxes;
    }

    @Test
    void aVisionTowerIsDrawnOnceForAllItsLayers() throws Exception {
        Graph vit = SmallModels.vit(new SmallModels.Vit(45, 16, 24, 2, 28, true), folder);
        Diagram diagram = Diagram.of(vit, Workload.full(0), Detail.FOLDED);
        Document svg = parse(GraphSvg.text(diagram));
        assertThat(texts(svg))
                .contains("vision <45 layers> & \"more\"", "layers.0 …", "layers.44", "× 45")
                .contains("last_state", "attention", "mlp.fc1.weight [24, 16] bf16")
                .contains("matrix product", "norm", "memory move");
        assertThat(boxes(svg)).hasSize(diagram.boxes().size());
    }

    @Test
    void boxesOfAPlanDoNotOverlap() throws Exception {
        StepCapacity capacity = new StepCapacity(4, 2, 2, 1, true, true, false);
        Graph step = SmallModels.step(4, capacity, folder);
        Plan plan =
                Plan.of(step, new PlanOptions(ComputeType.F32), new ScalarProvider()::scratchBytes);
        for (Detail detail : Detail.values()) {
            Document svg = parse(GraphSvg.text(Diagram.of(plan, Workload.full(9), detail)));
            List<Layout.Rect> boxes = boxes(svg);
            assertThat(boxes).isNotEmpty();
            for (int i = 0; i < boxes.size(); i++) {
                for (int k = 0; k < i; k++) {
                    assertThat(boxes.get(i).meets(boxes.get(k))).isFalse();
                }
            }
            assertThat(texts(svg)).contains("2 × linear + gated silu");
        }
    }

    @Test
    void whatEveryLayerReadsIsNamedInsteadOfJoined() throws Exception {
        Graph step = SmallModels.step(4, new StepCapacity(4, 1, 2, 1, false, false, false), folder);
        Document svg = parse(GraphSvg.text(Diagram.of(step, Workload.full(9), Detail.FOLDED)));
        assertThat(texts(svg))
                .contains("Read in several places:", "sequence [4] i32", "slot [4] i32")
                .contains("reads sequence, slot, pages")
                .doesNotContain("sequence");
    }

    @Test
    void charactersThatXmlForbidsAreReplaced() {
        assertThat(GraphSvg.escape("a<b>&\"c'\u0001\uD800"))
                .isEqualTo("a&lt;b&gt;&amp;&quot;c&apos;��");
    }

    @Test
    void longTextIsCutInTheMiddle() {
        String cut = TextMetrics.fit("abcdefghijklmnopqrstuvwxyz", 10, 60);
        assertThat(cut).startsWith("ab").contains("…").endsWith("yz");
        assertThat(TextMetrics.width(cut, 10)).isLessThanOrEqualTo(60);
        assertThat(TextMetrics.fit("short", 10, 60)).isEqualTo("short");
    }
}
