package dev.ocellus.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.device.CpuDevice;
import dev.ocellus.device.CudaDevice;
import dev.ocellus.device.Device;
import dev.ocellus.device.Executable;
import dev.ocellus.device.Run;
import dev.ocellus.device.WeightStore;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Value;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.kernels.scalar.ScalarProvider;
import dev.ocellus.tensor.DType;
import dev.ocellus.testing.TestTensors;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * A plan that fuses and shares memory gives what the same graph gives when every value is an
 * output, which leaves nothing to fuse and nothing to share.
 */
class PlanExecutionTest {
    private static final int GRAPHS = 600;
    private static final int GPU_GRAPHS = 60;
    private static final PlanOptions OPTIONS = new PlanOptions(ComputeType.F32);

    private static TestTensors weights;

    @BeforeAll
    static void write(@TempDir Path folder) {
        weights = RandomGraph.weights(folder);
    }

    @AfterAll
    static void close() {
        weights.close();
    }

    static List<KernelProvider> providers() {
        return KernelProviders.available();
    }

    @ParameterizedTest
    @MethodSource("providers")
    void fusedEqualsApart(KernelProvider provider) {
        try (CpuDevice device = new CpuDevice(provider, new WorkerPool(2));
                WeightStore store = device.newWeightStore()) {
            for (long seed = 0; seed < GRAPHS; seed++) {
                int nodes = 16 + (int) seed % 40;
                int rows = (int) (seed * 5 % 7);
                int images = (int) (seed * 3 % 4);
                Graph fused = RandomGraph.make(weights, seed, nodes, 2);
                Graph apart = RandomGraph.make(weights, seed, nodes, Integer.MAX_VALUE);
                Map<String, float[]> got = run(device, store, fused, seed, rows, images);
                Map<String, float[]> want = run(device, store, apart, seed, rows, images);
                compare(fused, got, want);
            }
        }
    }

    /** Graphs on the GPU against the same ones, apart, on the processor. */
    @Test
    void theGpuEqualsTheProcessor() {
        SoftGpu.require();
        try (CpuDevice cpu = new CpuDevice(new ScalarProvider(), new WorkerPool(1));
                WeightStore cpuStore = cpu.newWeightStore();
                CudaDevice gpu = new CudaDevice(0);
                WeightStore gpuStore = gpu.newWeightStore()) {
            for (long seed = 0; seed < GPU_GRAPHS; seed++) {
                int nodes = 16 + (int) seed % 40;
                int rows = (int) (seed * 5 % 7);
                int images = (int) (seed * 3 % 4);
                Graph fused = RandomGraph.make(weights, seed, nodes, 2);
                Graph apart = RandomGraph.make(weights, seed, nodes, Integer.MAX_VALUE);
                Map<String, float[]> got = run(gpu, gpuStore, fused, seed, rows, images);
                Map<String, float[]> want = run(cpu, cpuStore, apart, seed, rows, images);
                compare(fused, got, want);
            }
        }
    }

    private static void compare(Graph graph, Map<String, float[]> got, Map<String, float[]> want) {
        got.forEach(
                (label, values) -> {
                    float[] other = want.get(label);
                    assertThat(values).as("%s %s", graph.name(), label).hasSameSizeAs(other);
                    for (int i = 0; i < values.length; i++) {
                        double limit = 2e-4 * Math.max(1, Math.abs(other[i]));
                        if (!(Math.abs(values[i] - other[i]) <= limit)) {
                            throw new AssertionError(
                                    "%s, %s[%d] is %s, apart %s%n%s"
                                            .formatted(
                                                    graph.name(),
                                                    label,
                                                    i,
                                                    values[i],
                                                    other[i],
                                                    graph.describe()));
                        }
                    }
                });
    }

    /** The rows of every output that the counts say hold data. */
    private static Map<String, float[]> run(
            Device device, WeightStore store, Graph graph, long seed, int rows, int images) {
        Plan plan = device.plan(graph, OPTIONS);
        long bytes = plan.workspaceBytes();
        Map<String, float[]> outputs = new HashMap<>();
        try (Arena arena = Arena.ofShared();
                Executable e = device.prepare(plan, store);
                Run run = e.begin()) {
            fill(run, graph, new Random(seed), rows, images);
            for (int s = 0; s < RandomGraph.SEQUENCES * RandomGraph.MAX_PAGES; s++) {
                MemorySegment page = device.allocate(RandomGraph.CACHE.pageBytes(), arena);
                run.input("pages").setAtIndex(ValueLayout.JAVA_LONG, s, page.address());
            }
            run.count(RandomGraph.ROWS, rows);
            run.count(RandomGraph.IMAGES, images);
            run.execute(() -> false);
            graph.outputs()
                    .forEach((label, v) -> outputs.put(label, held(run, label, v, rows, images)));
        }
        assertThat(plan.workspaceBytes()).isEqualTo(bytes);
        return outputs;
    }

    private static float[] held(Run run, String label, Value v, int rows, int images) {
        long entries = entries(v, rows, images);
        long n = v.shape().elements() / v.shape().dim(0) * entries;
        return run.output(label).asSlice(0, n * 4).toArray(ValueLayout.JAVA_FLOAT);
    }

    private static long entries(Value v, int rows, int images) {
        if (v.count() == null) {
            return v.shape().dim(0);
        }
        return v.count().equals(RandomGraph.ROWS) ? rows : images;
    }

    /** Rows past the count are no numbers, so that whoever reads them is found out. */
    private static void fill(Run run, Graph graph, Random random, int rows, int images) {
        for (Map.Entry<String, Value> e : graph.inputs().entrySet()) {
            MemorySegment to = run.input(e.getKey());
            Value v = e.getValue();
            long data = v.shape().elements() / v.shape().dim(0) * entries(v, rows, images);
            for (long i = 0; v.dtype() == DType.F32 && i < v.shape().elements(); i++) {
                float value = (float) random.nextGaussian();
                to.setAtIndex(ValueLayout.JAVA_FLOAT, i, i < data ? value : Float.NaN);
            }
        }
        for (int i = 0; i < rows; i++) {
            int sequence = i * 2 / rows;
            int first = (rows + 1) / 2;
            set(run, "sequence", i, sequence);
            set(run, "slot", i, sequence == 0 ? i : i - first);
            set(run, "ids", i, random.nextInt(20));
            set(run, "index", i, random.nextInt(rows + 1) - 1);
        }
        if (graph.nodes().stream().anyMatch(PlanExecutionTest::choosesWithoutElse)) {
            for (int i = 0; i < rows; i++) {
                set(run, "index", i, (i + 1) % rows);
            }
        }
    }

    private static boolean choosesWithoutElse(Node n) {
        return n.op() instanceof Op.SelectRows && n.inputs().size() == 2;
    }

    private static void set(Run run, String label, int i, int value) {
        run.input(label).setAtIndex(ValueLayout.JAVA_INT, i, value);
    }
}
