package dev.ocellus.graph.draw;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.SmallModels;
import dev.ocellus.graph.Value;
import dev.ocellus.kernels.Activation;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

class OutlineTest {
    private final Graph g = new Graph("test");
    private final Value x = g.input("x", DType.F32, null, 2, 4);

    private List<Outline.Section> sections() {
        return Outline.of(CostTable.steps(g), Detail.FOLDED).sections();
    }

    private Value layer(int i, Value v, Activation activation) {
        g.scope("layers." + i);
        return g.add(v, g.activate(v, activation));
    }

    @Test
    void equalLayersAreOne() {
        Value v = x;
        for (int i = 0; i < 12; i++) {
            v = layer(i, v, Activation.GELU);
        }
        g.scope("head");
        g.activate(v, Activation.RELU);
        assertThat(sections()).hasSize(2);
        Outline.Section layers = sections().getFirst();
        assertThat(layers.label()).isEqualTo("layers.0 … layers.11");
        assertThat(layers.times()).isEqualTo(12);
        assertThat(layers.steps())
                .containsExactly(
                        List.of(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22),
                        List.of(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23));
        assertThat(sections().getLast().label()).isEqualTo("head");
    }

    @Test
    void onDemandAllLayersStayApart() {
        layer(1, layer(0, x, Activation.GELU), Activation.GELU);
        assertThat(Outline.of(CostTable.steps(g), Detail.EVERY_LAYER).sections())
                .extracting(Outline.Section::label)
                .containsExactly("layers.0", "layers.1");
    }

    @Test
    void aLayerThatDoesSomethingElseStaysApart() {
        Value v = layer(0, x, Activation.GELU);
        v = layer(1, v, Activation.GELU);
        v = layer(2, v, Activation.RELU);
        layer(3, v, Activation.RELU);
        assertThat(sections())
                .extracting(Outline.Section::label)
                .containsExactly("layers.0 … layers.1", "layers.2 … layers.3");
    }

    @Test
    void aLayerThatIsJoinedOtherwiseStaysApart() {
        Value first = layer(0, x, Activation.GELU);
        g.scope("layers.1");
        g.add(x, g.activate(first, Activation.GELU));
        assertThat(sections()).extracting(Outline.Section::times).containsExactly(1, 1);
    }

    @Test
    void aLayerThatTakesAnotherValueOfTheOneBeforeStaysApart() {
        Value v = layer(1, layer(0, x, Activation.GELU), Activation.GELU);
        g.scope("layers.2");
        Value inner = v.node().input(1);
        g.add(inner, g.activate(inner, Activation.GELU));
        assertThat(sections()).extracting(Outline.Section::times).containsExactly(2, 1);
    }

    @Test
    void gapsInTheNumbersAreNotFolded() {
        layer(2, layer(0, x, Activation.GELU), Activation.GELU);
        assertThat(sections()).hasSize(2);
    }

    @Test
    void layersOfRealModelsFold(@TempDir Path folder) throws IOException {
        Graph vit = SmallModels.vit(new SmallModels.Vit(5, 16, 24, 2, 28, true), folder);
        assertThat(Outline.of(CostTable.steps(vit), Detail.FOLDED).sections())
                .extracting(Outline.Section::times)
                .containsExactly(1, 5);
        StepCapacity capacity = new StepCapacity(4, 1, 2, 1, true, true, false);
        Graph step = SmallModels.step(6, capacity, folder);
        assertThat(Outline.of(CostTable.steps(step), Detail.FOLDED).sections())
                .extracting(Outline.Section::times)
                .containsExactly(1, 6, 1);
    }
}
