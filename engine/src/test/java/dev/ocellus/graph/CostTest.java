package dev.ocellus.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.SampleOptions;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.Weights;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Costs against numbers counted by hand. */
class CostTest {
    private static final Workload FULL = Workload.full(0);

    @TempDir Path folder;

    private final Graph g = new Graph("test");
    private Checkpoint checkpoint;
    private Weights weights;

    @BeforeEach
    void open() throws IOException {
        checkpoint =
                new SparseWeights()
                        .add("w", DType.BF16, 5, 8)
                        .add("u", DType.BF16, 5, 8)
                        .add("bias", DType.F32, 5)
                        .add("vector", DType.F16, 8)
                        .add("wide", DType.F64, 5, 8)
                        .add("table", DType.F16, 100, 8)
                        .add("positions", DType.F16, 5, 8)
                        .open(folder);
        weights = checkpoint.weights();
    }

    @AfterEach
    void close() {
        checkpoint.close();
    }

    private Weight matrix(String name) {
        return Weight.matrix(weights.get(name));
    }

    private Weight vector(String name) {
        return Weight.vector(weights.get(name));
    }

    private Value x(long... dims) {
        return g.input("x" + g.nodes().size(), DType.F32, null, dims);
    }

    private static Cost cost(Value v) {
        return Cost.of(v.node(), FULL);
    }

    @Test
    void linear() {
        assertThat(cost(g.linear(x(3, 8), matrix("w"))))
                .isEqualTo(new Cost(2 * 3 * 5 * 8, 2 * 5 * 8, 4 * (3 * 8 + 3 * 5)));
        assertThat(cost(g.linear(x(3, 8), matrix("w"), vector("bias"))))
                .isEqualTo(new Cost(2 * 3 * 5 * 8 + 3 * 5, 2 * 5 * 8 + 4 * 5, 4 * (3 * 8 + 3 * 5)));
    }

    @Test
    void weightsThatKernelsCanNotReadAreFloat32() {
        assertThat(cost(g.linear(x(3, 8), matrix("wide"))).weightBytes()).isEqualTo(4 * 5 * 8);
    }

    @Test
    void norms() {
        long moved = 4 * 2 * 3 * 8;
        assertThat(cost(g.rmsNorm(x(3, 8), vector("vector"), 1e-6)))
                .isEqualTo(new Cost(4 * 24, 4 * 8, moved));
        assertThat(cost(g.layerNorm(x(3, 8), vector("vector"), null, 1e-6)))
                .isEqualTo(new Cost(6 * 24, 4 * 8, moved));
        assertThat(cost(g.layerNorm(x(3, 8), vector("vector"), vector("vector"), 1e-6)))
                .isEqualTo(new Cost(7 * 24, 2 * 4 * 8, moved));
    }

    @Test
    void pointwise() {
        assertThat(cost(g.add(x(3, 8), x(3, 8)))).isEqualTo(new Cost(24, 0, 4 * 3 * 24));
        assertThat(cost(g.scale(x(3, 8), vector("vector")))).isEqualTo(new Cost(24, 32, 4 * 48));
        assertThat(cost(g.activate(x(3, 8), Activation.GELU))).isEqualTo(new Cost(120, 0, 4 * 48));
        assertThat(cost(g.gatedActivate(x(3, 8), x(3, 8), Activation.SILU)))
                .isEqualTo(new Cost(5 * 24, 0, 4 * 72));
    }

    @Test
    void choiceOfTokens() {
        Value options = g.input("options", DType.I64, null, 3, SampleOptions.FIELDS);
        assertThat(cost(g.sample(x(3, 8), options)))
                .isEqualTo(new Cost(3 * 24, 0, 4 * 24 + 3 * SampleOptions.BYTES + 4 * 3));
    }

    @Test
    void anOperandThatIsReadTwiceMovesOnce() {
        Value x = x(3, 8);
        assertThat(cost(g.add(x, x)).activationBytes()).isEqualTo(4 * 2 * 24);
    }

    @Test
    void embeddingReadsTheRowsItNeeds() {
        Value ids = g.input("ids", DType.I32, null, 3);
        assertThat(cost(g.embedding(ids, matrix("table"), false)))
                .isEqualTo(new Cost(0, 2 * 3 * 8, 4 * 3 + 4 * 3 * 8));
    }

    @Test
    void rowMoves() {
        Value index = g.input("index", DType.I32, null, 3);
        assertThat(cost(g.selectRows(x(10, 8), index)))
                .isEqualTo(new Cost(0, 0, 4 * 3 + 2 * 4 * 3 * 8));
        // Each row comes from one of the two sources.
        assertThat(cost(g.selectRows(x(3, 8), x(10, 8), index)))
                .isEqualTo(new Cost(0, 0, 4 * 3 + 2 * 4 * 3 * 8));
        assertThat(cost(g.patchify(x(1, 3, 28, 28), 14)))
                .isEqualTo(new Cost(0, 0, 2 * 4 * 3 * 28 * 28));
        // The class token is left out.
        assertThat(cost(g.pixelUnshuffle(x(1, 5, 8), 1, 2, 2, 2, false)))
                .isEqualTo(new Cost(0, 0, 2 * 4 * 4 * 8));
    }

    @Test
    void positionsCountInTheSizeOfTheGrid() {
        assertThat(cost(g.assembleTokens(x(2, 6, 8), vector("vector"), matrix("positions"), 2, 3)))
                .isEqualTo(new Cost(2 * 7 * 8, 4 * 8 + 4 * 7 * 8, 4 * (2 * 6 * 8 + 2 * 7 * 8)));
    }

    @Test
    void rotaryEmbeddingRotatesItsPartOfAHead() {
        Value position = g.input("position", DType.I32, null, 3);
        Value sequence = g.input("sequence", DType.I32, null, 3);
        Value table = g.ropeTable(position, sequence, x(1, 2), x(1));
        // Two heads of 8, of which 4 are rotated as 2 pairs.
        assertThat(cost(table)).isEqualTo(new Cost(3 * 2 * 5, 0, 4 * (3 + 3 + 2 + 1 + 3 * 4)));
        assertThat(cost(g.rope(x(3, 16), table, 2)))
                .isEqualTo(new Cost(3 * 2 * 2 * 6, 0, 4 * (2 * 3 * 16 + 3 * 4)));
    }

    @Test
    void fullAttention() {
        Value q = x(2, 3, 8);
        Value k = x(2, 7, 4);
        Value v = x(2, 7, 4);
        // Two segments, two heads of 4 over one, 3 queries, 7 keys: two products of 2 * 3 * 7 * 4.
        assertThat(cost(g.attention(q, k, v, 2, 1, 1)))
                .isEqualTo(
                        new Cost(
                                2 * 2 * 2 * (2 * 3 * 7 * 4),
                                0,
                                4 * (2 * 3 * 8 + 2 * 2 * 7 * 4 + 2 * 3 * 8)));
    }

    /** A cache of two layers, two heads of four values in bf16: 32 bytes a token and layer. */
    private Value paged(Count tokens, long sequences) {
        return paged(tokens, sequences, 0);
    }

    private Value paged(Count tokens, long sequences, long window) {
        long n = tokens.capacity();
        CacheShape shape = new CacheShape(2, 2, 4, 16, DType.BF16);
        CacheState state =
                new CacheState(
                        shape,
                        g.input("sequence", DType.I32, tokens, n),
                        g.input("slot", DType.I32, tokens, n),
                        g.input("pages", DType.I64, null, sequences, 64));
        Value k = g.input("k", DType.F32, tokens, n, 8);
        Value v = g.input("v", DType.F32, tokens, n, 8);
        Value q = g.input("q", DType.F32, tokens, n, 32);
        return g.pagedAttention(q, g.kvAppend(k, v, state, 1), state, 1, 8, 1, window);
    }

    @Test
    void aWindowBoundsWhatIsRead() {
        Value attention = paged(new Count("tokens", 3), 1, 5);
        // Five slots for each of the three rows, seven of them in all.
        assertThat(Cost.of(attention.node(), Workload.full(10)))
                .isEqualTo(
                        new Cost(
                                4 * 8 * 4 * 3 * 5,
                                0,
                                4 * 3 * 32 + 2 * 4 * 3 + 8 + 32 * 7 + 4 * 3 * 32));
    }

    @Test
    void appendingWritesTheCacheInItsType() {
        Value attention = paged(new Count("tokens", 3), 1);
        // Keys and values in, two indices and a page address a row, 32 bytes a row out.
        assertThat(Cost.of(attention.node().input(1).node(), FULL))
                .isEqualTo(new Cost(0, 0, 3 * (2 * 8 * 4 + 4 + 4 + 8 + 32)));
    }

    @Test
    void causalAttentionSeesTheSlotsUpToItsOwn() {
        Value attention = paged(new Count("tokens", 3), 1);
        // Rows see 98, 99 and 100 slots; each score is two products of 4 values in 8 heads.
        Cost cost = Cost.of(attention.node(), Workload.full(100));
        assertThat(cost.flops()).isEqualTo((98 + 99 + 100) * 8 * 2 * 2 * 4);
        // Queries in, results out, two indices a row, 7 pages, 100 slots of the cache.
        assertThat(cost.activationBytes()).isEqualTo(3 * (2 * 32 * 4 + 4 + 4) + 7 * 8 + 100 * 32);
    }

    @Test
    void aPromptFromTheStartIsATriangle() {
        Value attention = paged(new Count("tokens", 3), 1);
        assertThat(Cost.of(attention.node(), FULL).flops()).isEqualTo((1 + 2 + 3) * 8 * 2 * 2 * 4);
    }

    @Test
    void aBatchOfSequencesReadsACacheEach() {
        Value attention = paged(new Count("tokens", 3), 2);
        // Two sequences of 2 and 1 new rows: they see 99 + 100 and 100 slots.
        Cost cost = Cost.of(attention.node(), Workload.full(100));
        assertThat(cost.flops()).isEqualTo((99 + 100 + 100) * 8 * 2 * 2 * 4);
        assertThat(cost.activationBytes())
                .isEqualTo(3 * (2 * 32 * 4 + 4 + 4) + 2 * 7 * 8 + 2 * 100 * 32);
    }

    @Test
    void partlyFilledRunsCostLess() {
        Count tokens = new Count("tokens", 8);
        Value x = g.input("x", DType.F32, tokens, 8, 8);
        Value y = g.linear(x, matrix("w"));
        Cost some = Cost.of(y.node(), Workload.full(0).with(tokens, 3));
        assertThat(some).isEqualTo(new Cost(2 * 3 * 5 * 8, 2 * 5 * 8, 4 * (3 * 8 + 3 * 5)));
        Value attention = paged(tokens, 1);
        assertThat(Cost.of(attention.node(), Workload.full(100).with(tokens, 3)).flops())
                .isEqualTo((98 + 99 + 100) * 8 * 2 * 2 * 4);
        assertThat(Cost.of(attention.node(), Workload.full(100).with(tokens, 0)).flops()).isZero();
        assertThatThrownBy(() -> FULL.with(tokens, 9))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("count tokens is 9; its capacity is 8");
    }

    @Test
    void valuesInsideAFusedStepMoveNothing() {
        Value x = x(3, 8);
        Value r = x(3, 5);
        Value linear = g.linear(x, matrix("w"), vector("bias"));
        Value active = g.activate(linear, Activation.GELU);
        Value sum = g.add(active, r);
        g.output("sum", sum);
        Cost fused = Cost.of(List.of(linear.node(), active.node(), sum.node()), FULL);
        assertThat(fused)
                .isEqualTo(
                        new Cost(
                                2 * 3 * 5 * 8 + 15 + 5 * 15 + 15,
                                2 * 5 * 8 + 4 * 5,
                                4 * (3 * 8 + 2 * 3 * 5)));
        assertThat(plan(g).costs(FULL)).containsExactly(fused);
    }

    @Test
    void fusedProductsReadTheirInputOnce() {
        Value x = x(3, 8);
        Value gate = g.linear(x, matrix("w"));
        Value up = g.linear(x, matrix("u"));
        g.output("out", g.gatedActivate(gate, up, Activation.SILU));
        assertThat(plan(g).costs(FULL))
                .containsExactly(
                        new Cost(2 * 2 * 3 * 5 * 8 + 5 * 15, 2 * 2 * 5 * 8, 4 * (3 * 8 + 3 * 5)));
    }

    @Test
    void sideBySideProductsWriteAllTheirResults() {
        Value x = x(3, 8);
        Value a = g.activate(x, Activation.RELU);
        Value left = g.linear(a, matrix("w"));
        Value right = g.linear(a, matrix("u"));
        // Several nodes read each result, so that it can't stay inside a step.
        g.output("sum", g.add(g.add(left, right), g.add(right, left)));
        assertThat(plan(g).costs(FULL).get(1))
                .isEqualTo(new Cost(2 * 2 * 3 * 5 * 8, 2 * 2 * 5 * 8, 4 * (3 * 8 + 2 * 3 * 5)));
    }

    @Test
    void aTiedTableCountsAsLookUpAndAsHead() throws IOException {
        StepCapacity one = new StepCapacity(1, 1, 4, 1, false, false, false);
        Graph step = SmallModels.step(1, one, folder);
        Cost lookUp =
                step.nodes().stream()
                        .filter(n -> n.op() instanceof Op.Embedding)
                        .map(n -> Cost.of(n, FULL))
                        .reduce(Cost.NONE, Cost::plus);
        assertThat(lookUp.weightBytes()).isEqualTo(2 * 32);
        Cost head = Cost.of(step.outputs().get("logits").node(), FULL);
        assertThat(head).isEqualTo(new Cost(2 * 100 * 32, 2 * 100 * 32, 4 * (32 + 100)));
    }

    /** 24 blocks of width 1024 on 1025 tokens. */
    @Test
    void internVit300mAt448() throws IOException {
        Graph vit = SmallModels.vit(new SmallModels.Vit(24, 1024, 4096, 16, 448, false), folder);
        long blocks = 24L * (12 * 1024L * 1024 * 1025 + 2 * 1025L * 1025 * 1024);
        assertThat(multiplications(vit)).isEqualTo(blocks + 1024L * 588 * 1024);
        assertThat((double) multiplications(vit)).isCloseTo(3.62e11, within(0.01e11));
        // What is beside the products is less than half a percent.
        assertThat((double) total(vit).flops()).isCloseTo(2 * 3.62e11, within(0.04e11));
        assertThat((double) total(vit).weightBytes()).isCloseTo(0.61e9, within(0.01e9));
    }

    @Test
    void internVit6bWith45BlocksAt448() throws IOException {
        Graph vit = SmallModels.vit(new SmallModels.Vit(45, 3200, 12800, 25, 448, true), folder);
        long blocks = 45L * (12 * 3200L * 3200 * 1025 + 2 * 1025L * 1025 * 3200);
        assertThat(multiplications(vit)).isEqualTo(blocks + 1024L * 588 * 3200);
        assertThat((double) multiplications(vit)).isCloseTo(5.97e12, within(0.01e12));
        assertThat((double) total(vit).flops()).isCloseTo(2 * 5.97e12, within(0.03e12));
        assertThat((double) total(vit).weightBytes()).isCloseTo(11.1e9, within(0.1e9));
    }

    /** Multiply-adds of matrix products and attention, without biases. */
    private static long multiplications(Graph graph) {
        return graph.nodes().stream()
                        .mapToLong(
                                n ->
                                        switch (n.op()) {
                                            case Op.Linear l ->
                                                    Cost.of(n, FULL).flops()
                                                            - (l.bias() == null
                                                                    ? 0
                                                                    : n.value().shape().elements());
                                            case Op.Attention a -> Cost.of(n, FULL).flops();
                                            default -> 0;
                                        })
                        .sum()
                / 2;
    }

    private static Cost total(Graph graph) {
        return plan(graph).costs(FULL).stream().reduce(Cost.NONE, Cost::plus);
    }

    private static Plan plan(Graph graph) {
        return Plan.of(graph, new PlanOptions(ComputeType.F32), new ScalarProvider()::scratchBytes);
    }
}
