package dev.ocellus.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.tensor.DType;
import dev.ocellus.testing.TestTensors;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.List;

class FusionTest {
    private static TestTensors weights;

    private final Graph g = new Graph("fusion");
    private final Value x = g.input("x", DType.F32, new Count("rows", 6), 6, 8);

    @BeforeAll
    static void write(@TempDir Path folder) {
        weights = RandomGraph.weights(folder);
    }

    @AfterAll
    static void close() {
        weights.close();
    }

    private static Weight m(DType type, int n, int k) {
        return weights.matrix("m.%s.%d.%d.0".formatted(type, n, k));
    }

    private static Weight m() {
        return m(DType.F32, 8, 8);
    }

    private static Weight v() {
        return weights.vector("v.8");
    }

    private Plan plan() {
        return Plan.of(g, new PlanOptions(ComputeType.F32), new ScalarProvider()::scratchBytes);
    }

    /** What the steps do, as in "linear + add". */
    private List<String> steps() {
        return plan().fusedNodes().stream()
                .map(nodes -> String.join(" + ", nodes.stream().map(n -> n.op().name()).toList()))
                .toList();
    }

    @Test
    void aLinearLayerTakesActivationScaleAndResidual() {
        Value y = g.activate(g.linear(x, m(), v()), Activation.GELU);
        g.output("y", g.add(x, g.scale(y, v())));
        assertThat(steps()).containsExactly("linear + activate + scale + add");
    }

    @Test
    void theSumMayHaveTheProductOnEitherSide() {
        Value y = g.add(g.linear(x, m()), x);
        g.output("y", g.add(x, g.linear(y, m())));
        assertThat(steps()).containsExactly("linear + add", "linear + add");
    }

    @Test
    void aScaleBeforeTheActivationStaysApart() {
        g.output("y", g.activate(g.scale(g.linear(x, m()), v()), Activation.RELU));
        assertThat(steps()).containsExactly("linear + scale", "activate");
    }

    @Test
    void theSumOfTwoProductsTakesOne() {
        Value h = g.rmsNorm(x, v(), 1e-6);
        g.output("y", g.add(g.linear(x, m()), g.linear(h, m())));
        assertThat(steps()).containsExactly("rmsNorm", "linear", "linear + add");
    }

    @Test
    void aProductAddedToItselfStaysApart() {
        Value y = g.linear(x, m());
        g.output("y", g.add(y, y));
        assertThat(steps()).containsExactly("linear", "add");
    }

    @Test
    void outputsAreNotFusedAway() {
        Value y = g.linear(x, m());
        g.output("product", y);
        Value a = g.activate(y, Activation.SILU);
        g.output("activated", a);
        g.output("sum", g.add(a, x));
        assertThat(steps()).containsExactly("linear", "activate", "add");
    }

    @Test
    void aValueUsedTwiceIsNotFusedAway() {
        Value y = g.linear(x, m());
        g.output("y", g.add(g.activate(y, Activation.SILU), y));
        assertThat(steps()).containsExactly("linear", "activate", "add");
    }

    @Test
    void gateAndUpBecomeOneProduct() {
        Value y =
                g.gatedActivate(
                        g.linear(x, m(DType.BF16, 20, 8)),
                        g.linear(x, m(DType.BF16, 20, 8)),
                        Activation.SILU);
        g.output("y", g.linear(y, m(DType.BF16, 8, 20)));
        Plan plan = plan();
        assertThat(steps()).containsExactly("linear + linear + gatedActivate", "linear");
        assertThat(plan.packings()).hasAtLeastOneElementOfType(Packing.GatedMatrix.class);
    }

    @Test
    void gateAndUpOfOtherKindsStayApart() {
        Value biased = g.linear(x, m(), v());
        Value half = g.linear(x, m(DType.BF16, 8, 8));
        Value other = g.linear(g.activate(x, Activation.RELU), m());
        Value kept = g.linear(x, m());
        g.output("kept", kept);
        g.output("a", g.gatedActivate(biased, g.linear(x, m(DType.F16, 8, 8)), Activation.SILU));
        g.output("b", g.gatedActivate(half, g.linear(x, m()), Activation.SILU));
        g.output("c", g.gatedActivate(other, kept, Activation.SILU));
        Value same = g.linear(x, m());
        g.output("d", g.gatedActivate(same, same, Activation.SILU));
        assertThat(steps()).contains("gatedActivate").noneMatch(s -> s.contains("+ gatedActivate"));
        assertThat(steps().stream().filter("gatedActivate"::equals)).hasSize(4);
    }

    @Test
    void productsOfOneInputLieSideBySide() {
        Value q = g.linear(x, m(DType.F32, 20, 8));
        Value k = g.linear(x, m(DType.F32, 4, 8));
        Value v = g.linear(x, m());
        Weight scale = weights.vector("v.20");
        g.output("q", g.rmsNorm(q, scale, 1e-6));
        g.output("k", g.rmsNorm(k, weights.vector("v.4"), 1e-6));
        g.output("v", g.rmsNorm(v, v(), 1e-6));
        assertThat(steps())
                .containsExactly("linear + linear + linear", "rmsNorm", "rmsNorm", "rmsNorm");
        assertThat(plan().packings())
                .filteredOn(Packing.Matrix.class::isInstance)
                .singleElement()
                .satisfies(p -> assertThat(((Packing.Matrix) p).weight().rows()).isEqualTo(32));
    }

    @Test
    void productsWithBiasesJoinOnlyEachOther() {
        Value a = g.linear(x, m(), v());
        Value b = g.linear(x, m(), v());
        Value plain = g.linear(x, m());
        Value half = g.linear(x, m(DType.F16, 8, 8));
        g.output("y", g.rmsNorm(a, v(), 1e-6));
        g.output("z", g.rmsNorm(b, v(), 1e-6));
        g.output("u", g.rmsNorm(plain, v(), 1e-6));
        g.output("w", g.rmsNorm(half, v(), 1e-6));
        assertThat(steps())
                .containsExactly(
                        "linear + linear",
                        "linear",
                        "linear",
                        "rmsNorm",
                        "rmsNorm",
                        "rmsNorm",
                        "rmsNorm");
    }

    @Test
    void anOutputAmongProductsOfOneInputHasItsOwnPlace() {
        Value a = g.linear(x, m());
        Value b = g.linear(x, m());
        Value c = g.linear(x, m());
        g.output("b", b);
        g.output("y", g.gatedActivate(a, g.rmsNorm(c, v(), 1e-6), Activation.SILU));
        assertThat(steps())
                .containsExactly("linear + linear", "linear", "rmsNorm", "gatedActivate");
    }

    @Test
    void aTiedTableIsPackedOnce() {
        Value ids = g.input("ids", DType.I32, null, 3);
        Weight table = m(DType.F32, 20, 8);
        g.output("logits", g.linear(g.embedding(ids, table, true), table));
        Plan plan = plan();
        assertThat(plan.packings()).hasSize(1);
        assertThat(plan.weightBytes()).isEqualTo(2 * 16 * 8 * 4);
    }
}
