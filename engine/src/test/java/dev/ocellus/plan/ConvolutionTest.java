package dev.ocellus.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.ocellus.device.CpuDevice;
import dev.ocellus.device.Executable;
import dev.ocellus.device.Run;
import dev.ocellus.device.WeightStore;
import dev.ocellus.graph.ConvWindow;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Count;
import dev.ocellus.graph.Graph;
import dev.ocellus.graph.GraphException;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Workload;
import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;
import dev.ocellus.tensor.Tensor;
import dev.ocellus.testing.SafetensorsWriter;
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
import java.util.List;
import java.util.Random;

/** Convolutions and group norms in a graph, against the formulas in double precision. */
class ConvolutionTest {
    private static final Count IMAGES = new Count("images", 3);
    private static final int HEIGHT = 6;
    private static final int WIDTH = 5;
    private static final int CHANNELS = 8;
    private static final int INNER = 12;
    private static final int GROUPS = 4;
    private static final double EPS = 1e-5;
    private static final ConvWindow SAME = ConvWindow.square(3, 1, 1);

    /** Halves an image, padded below and to the right. */
    private static final ConvWindow HALF = new ConvWindow(3, 2, 2, 1, 0, 0, 1, 1);

    private static TestTensors weights;

    @BeforeAll
    static void write(@TempDir Path folder) {
        Random random = new Random(1);
        SafetensorsWriter w = new SafetensorsWriter();
        w.random("in.weight", DType.F32, random, 0, 0.2, INNER, CHANNELS, 3, 3);
        w.random("in.bias", DType.F16, random, 0, 1, INNER);
        w.random("norm.weight", DType.F32, random, 1, 0.3, INNER);
        w.random("norm.bias", DType.F32, random, 0, 0.3, INNER);
        w.random("out.weight", DType.BF16, random, 0, 0.2, CHANNELS, INNER, 3, 3);
        w.random("down.weight", DType.F16, random, 0, 0.2, 3, CHANNELS, 3, 2);
        weights = new TestTensors(w.write(folder.resolve("weights.safetensors")));
    }

    @AfterAll
    static void close() {
        weights.close();
    }

    static List<KernelProvider> providers() {
        return KernelProviders.available();
    }

    /** A residual block, then a smaller image. */
    private static Graph block() {
        Graph g = new Graph("block");
        Value x = g.input("x", DType.F32, IMAGES, 3, HEIGHT, WIDTH, CHANNELS);
        Value h = g.conv2d(x, weights.matrix("in.weight"), weights.vector("in.bias"), SAME);
        h = g.groupNorm(h, weights.vector("norm.weight"), weights.vector("norm.bias"), GROUPS, EPS);
        h = g.activate(h, Activation.SILU);
        h = g.add(g.conv2d(h, weights.matrix("out.weight"), null, SAME), x);
        h = g.conv2d(h, weights.matrix("down.weight"), null, HALF);
        g.output("y", g.activate(h, Activation.RELU));
        return g;
    }

    @ParameterizedTest
    @MethodSource("providers")
    void blockEqualsItsFormulas(KernelProvider provider) {
        Graph graph = block();
        try (CpuDevice device = new CpuDevice(provider, new WorkerPool(2));
                WeightStore store = device.newWeightStore()) {
            Plan plan = device.plan(graph, new PlanOptions(ComputeType.F32));
            try (Executable e = device.prepare(plan, store);
                    Run run = e.begin()) {
                for (int images : new int[] {3, 1}) {
                    Image[] x = fill(run.input("x"), images);
                    run.count(IMAGES, images);
                    run.execute(() -> false);
                    MemorySegment y = run.output("y");
                    for (int i = 0; i < images; i++) {
                        compare(formulas(x[i]), y, i);
                    }
                }
            }
        }
    }

    private static Image[] fill(MemorySegment to, int images) {
        Random random = new Random(images);
        Image[] all = new Image[images];
        for (int i = 0; i < images; i++) {
            all[i] = new Image(HEIGHT, WIDTH, CHANNELS);
            for (int j = 0; j < all[i].values.length; j++) {
                float value = (float) random.nextGaussian();
                all[i].values[j] = value;
                long at = (long) i * all[i].values.length + j;
                to.setAtIndex(ValueLayout.JAVA_FLOAT, at, value);
            }
        }
        return all;
    }

    private static void compare(Image expected, MemorySegment y, int image) {
        for (int j = 0; j < expected.values.length; j++) {
            long at = (long) image * expected.values.length + j;
            assertThat((double) y.getAtIndex(ValueLayout.JAVA_FLOAT, at))
                    .as("image %d, element %d", image, j)
                    .isEqualTo(expected.values[j], within(1e-4));
        }
    }

    private static Image formulas(Image x) {
        Image h = groupNorm(conv(x, "in.weight", "in.bias", SAME));
        for (int i = 0; i < h.values.length; i++) {
            h.values[i] /= 1 + Math.exp(-h.values[i]);
        }
        h = conv(h, "out.weight", null, SAME);
        for (int i = 0; i < h.values.length; i++) {
            h.values[i] += x.values[i];
        }
        h = conv(h, "down.weight", null, HALF);
        for (int i = 0; i < h.values.length; i++) {
            h.values[i] = Math.max(0, h.values[i]);
        }
        return h;
    }

    private static double[] values(String name) {
        StoredTensor stored = weights.get(name);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bytes = arena.allocate(stored.byteSize());
            stored.copyTo(0, bytes);
            Tensor tensor = Tensor.of(stored.dtype(), Shape.of(stored.elements()), bytes);
            double[] values = new double[(int) stored.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = tensor.getDouble(i);
            }
            return values;
        }
    }

    /** The weight is [n, channels, kernel height, kernel width], as files have it. */
    private static Image conv(Image x, String weight, String bias, ConvWindow w) {
        double[] filter = values(weight);
        int n = (int) weights.get(weight).shape().dim(0);
        Image out = new Image((int) w.outHeight(x.height), (int) w.outWidth(x.width), n);
        for (int i = 0; i < out.values.length; i++) {
            int j = i % n;
            int column = i / n % out.width;
            int row = i / n / out.width;
            double sum = bias == null ? 0 : values(bias)[j];
            int at = j * x.channels * (int) w.taps();
            for (int c = 0; c < x.channels; c++) {
                for (int ky = 0; ky < w.kernelHeight(); ky++) {
                    for (int kx = 0; kx < w.kernelWidth(); kx++) {
                        long y = row * w.stride() - w.padTop() + ky;
                        sum += filter[at++] * x.at(y, column * w.stride() - w.padLeft() + kx, c);
                    }
                }
            }
            out.values[i] = sum;
        }
        return out;
    }

    private static Image groupNorm(Image x) {
        double[] weight = values("norm.weight");
        double[] bias = values("norm.bias");
        Image out = new Image(x.height, x.width, x.channels);
        int span = x.channels / GROUPS;
        for (int g = 0; g < GROUPS; g++) {
            double sum = 0;
            double squares = 0;
            for (int i = 0; i < x.values.length; i++) {
                if (i % x.channels / span == g) {
                    sum += x.values[i];
                    squares += x.values[i] * x.values[i];
                }
            }
            double count = x.values.length / (double) GROUPS;
            double mean = sum / count;
            double deviation = Math.sqrt(squares / count - mean * mean + EPS);
            for (int i = 0; i < x.values.length; i++) {
                int c = i % x.channels;
                if (c / span == g) {
                    out.values[i] = (x.values[i] - mean) / deviation * weight[c] + bias[c];
                }
            }
        }
        return out;
    }

    /** One image, channels last; zero outside. */
    private static final class Image {
        final int height;
        final int width;
        final int channels;
        final double[] values;

        Image(int height, int width, int channels) {
            this.height = height;
            this.width = width;
            this.channels = channels;
            values = new double[height * width * channels];
        }

        double at(long y, long x, int c) {
            return y < 0 || y >= height || x < 0 || x >= width
                    ? 0
                    : values[(int) (y * width + x) * channels + c];
        }
    }

    @Test
    void activationsAndResidualsAreFused() {
        KernelProvider provider = KernelProviders.available().getLast();
        Plan plan = Plan.of(block(), new PlanOptions(ComputeType.F32), provider::scratchBytes);
        assertThat(plan.fusedNodes())
                .extracting(
                        nodes ->
                                String.join(" + ", nodes.stream().map(n -> n.op().name()).toList()))
                .containsExactly(
                        "conv2d", "groupNorm + activate", "conv2d + add", "conv2d + activate");
    }

    @Test
    void workIsCountedFromShapes() {
        Graph g = block();
        Workload one = Workload.full(0);
        long pixels = 3 * HEIGHT * WIDTH;
        Cost conv = Cost.of(g.nodes().get(1), one);
        assertThat(conv.flops()).isEqualTo(pixels * INNER * (2 * 9 * CHANNELS + 1));
        assertThat(conv.weightBytes()).isEqualTo(4 * (INNER * 9 * CHANNELS + INNER));
        assertThat(conv.activationBytes()).isEqualTo(4 * pixels * (CHANNELS + INNER));
        Cost norm = Cost.of(g.nodes().get(2), one);
        assertThat(norm.flops()).isEqualTo(7 * pixels * INNER);
        assertThat(norm.weightBytes()).isEqualTo(2 * 4 * INNER);
    }

    @Test
    void operandsThatDoNotFitAreNamed() {
        Graph g = new Graph("wrong");
        Value x = g.input("x", DType.F32, null, 1, 2, 2, CHANNELS);
        assertThatThrownBy(
                        () ->
                                g.conv2d(
                                        x,
                                        weights.matrix("in.weight"),
                                        null,
                                        ConvWindow.square(1, 1, 0)))
                .isInstanceOf(GraphException.class)
                .hasMessageContaining("in.weight [12, 72] with 1 taps does not fit input");
        assertThatThrownBy(
                        () ->
                                g.conv2d(
                                        x,
                                        weights.matrix("in.weight"),
                                        null,
                                        ConvWindow.square(3, 1, 0)))
                .hasMessageContaining("smaller than the filter");
        assertThatThrownBy(
                        () ->
                                g.conv2d(
                                        x,
                                        weights.matrix("in.weight"),
                                        weights.vector("out.weight"),
                                        SAME))
                .hasMessageContaining("bias out.weight");
        assertThatThrownBy(
                        () ->
                                g.groupNorm(
                                        x,
                                        weights.vector("norm.weight"),
                                        weights.vector("norm.bias"),
                                        GROUPS,
                                        EPS))
                .hasMessageContaining("norm.weight [12] and bias");
        assertThatThrownBy(() -> ConvWindow.square(3, 0, 1)).isInstanceOf(GraphException.class);
    }
}
