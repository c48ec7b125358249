package dev.ocellus.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Value;
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
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

class WorkspaceTest {
    private static final PlanOptions OPTIONS = new PlanOptions(ComputeType.F32);
    private static final long SCRATCH_BYTES = 200;

    private static TestTensors weights;

    @BeforeAll
    static void write(@TempDir Path folder) {
        weights = RandomGraph.weights(folder);
    }

    @AfterAll
    static void close() {
        weights.close();
    }

    @Test
    void noTwoLiveValuesShareBytes() {
        for (long seed = 0; seed < 300; seed++) {
            int outputs = seed % 10 == 0 ? Integer.MAX_VALUE : (int) seed % 4;
            Graph graph = RandomGraph.make(weights, seed, 16 + (int) seed % 50, outputs);
            List<Step> steps = Lowering.steps(graph, OPTIONS);
            Map<Step, Long> scratch = new HashMap<>();
            steps.forEach(s -> scratch.put(s, s.nodes().size() > 1 ? SCRATCH_BYTES : 0));
            new Check(graph, steps, Workspace.of(graph, steps, scratch)).run();
        }
    }

    /** Follows the steps and watches the bytes of every value from its making to its last use. */
    private record Check(Graph graph, List<Step> steps, Workspace workspace) {

        void run() {
            Map<Value, Integer> made = new HashMap<>();
            Map<Value, Integer> last = new HashMap<>();
            graph.inputs().values().forEach(v -> made.put(v, -1));
            for (int i = 0; i < steps.size(); i++) {
                int at = i;
                steps.get(i).writes().forEach(v -> made.put(v, at));
                steps.get(i).reads().forEach(v -> last.put(v, at));
            }
            graph.outputs().values().forEach(v -> last.put(v, steps.size()));
            made.forEach((v, i) -> last.putIfAbsent(v, i));
            made.forEach((a, from) -> made.forEach((b, at) -> check(a, b, made, last)));
            for (int i = 0; i < steps.size(); i++) {
                checkScratch(i, made, last);
            }
            graph.outputs().values().forEach(v -> assertThat(workspace.ld(v)).isEqualTo(v.cols()));
        }

        /** Values that are needed at the same time, {@code b} being the younger. */
        private void check(Value a, Value b, Map<Value, Integer> made, Map<Value, Integer> last) {
            boolean meet = a != b && made.get(a) <= made.get(b) && last.get(a) >= made.get(b);
            if (!meet || overwrites(b, a, made.get(b), last.get(a))) {
                return;
            }
            assertThat(cells(a).intersects(cells(b)))
                    .as("%s: %s and %s share bytes", graph.name(), a.node(), b.node())
                    .isFalse();
        }

        /** Whether the step may put its result in the place of an operand that ends with it. */
        private boolean overwrites(Value result, Value operand, int step, int lastUse) {
            return step >= 0 && steps.get(step).inPlace() == operand && lastUse == step
                    // A cache state has no data, so it may lie on the keys.
                    || result.node().op() instanceof Op.KvAppend;
        }

        private void checkScratch(int i, Map<Value, Integer> made, Map<Value, Integer> last) {
            long offset = workspace.scratchOffset(steps.get(i));
            if (offset < 0) {
                return;
            }
            BitSet scratch = new BitSet();
            scratch.set((int) offset / 4, (int) (offset + SCRATCH_BYTES) / 4);
            made.forEach(
                    (v, from) -> {
                        if (from <= i && last.get(v) >= i) {
                            assertThat(cells(v).intersects(scratch))
                                    .as("%s: scratch of step %d and %s", graph.name(), i, v)
                                    .isFalse();
                        }
                    });
        }

        /** The 4-byte cells that a value covers; checks that they are inside, past the counters. */
        private BitSet cells(Value v) {
            BitSet cells = new BitSet();
            int width = (int) v.dtype().byteSize(v.cols()) / 4;
            for (long r = 0; r < v.rows(); r++) {
                int from = (int) (workspace.offset(v) + r * workspace.ld(v) * 4) / 4;
                cells.set(from, from + width);
            }
            assertThat(cells.length() * 4L).isLessThanOrEqualTo(workspace.bytes());
            assertThat(cells.nextSetBit(0) * 4).isGreaterThanOrEqualTo(counterBytes());
            assertThat(workspace.offset(v) % 4).isZero();
            return cells;
        }

        private int counterBytes() {
            return workspace.counters().size() * 8;
        }
    }

    @Test
    void deadValuesGiveTheirPlaceAway() {
        Graph g = new Graph("chain");
        Value x = g.input("x", DType.F32, null, 64, 64);
        for (int i = 0; i < 20; i++) {
            x = g.rmsNorm(x, weights.vector("v.8"), 1e-6, 8);
            x = g.activate(x, Activation.SILU);
        }
        g.output("x", x);
        Plan plan = Plan.of(g, OPTIONS, new ScalarProvider()::scratchBytes);
        assertThat(plan.workspaceBytes()).isEqualTo(64 * 64 * 4);
    }

    @Test
    void countersHoldTheRowsOfAnEntry() {
        Graph g = new Graph("counters");
        Count images = new Count("images", 3);
        Value pixels = g.input("pixels", DType.F32, images, 3, 1, 2, 4);
        g.output("patches", g.patchify(pixels, 2));
        Plan plan = Plan.of(g, OPTIONS, new ScalarProvider()::scratchBytes);
        assertThat(plan.counts()).containsExactly(images);
        assertThat(plan.counters(images).values()).contains(1L, 2L);
        assertThat(plan.counters(new Count("other", 3))).isEmpty();
    }

    @Test
    void planningTwiceGivesTheSameLayout() {
        for (long seed = 0; seed < 20; seed++) {
            Graph g = RandomGraph.make(weights, seed, 40, 2);
            Plan a = Plan.of(g, OPTIONS, new ScalarProvider()::scratchBytes);
            Plan b = Plan.of(g, OPTIONS, new ScalarProvider()::scratchBytes);
            assertThat(a.workspaceBytes()).isEqualTo(b.workspaceBytes());
            g.outputs().values().forEach(v -> assertThat(a.offset(v)).isEqualTo(b.offset(v)));
            assertThat(a.counters(RandomGraph.ROWS)).isEqualTo(b.counters(RandomGraph.ROWS));
        }
    }
}
