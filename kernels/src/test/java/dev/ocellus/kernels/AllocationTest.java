package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.OperationCheck.Maker;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Once warm, no CPU kernel allocates: the memory of an inference is planned, not collected. */
class AllocationTest {
    private static final int RUNS = 200;
    private static final int ROUNDS = 2000;

    private static final com.sun.management.ThreadMXBean THREADS =
            (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

    private static Map<String, Maker> trials(KernelProvider provider) {
        Map<String, Maker> t = new LinkedHashMap<>();
        var matMul = new MatMulOperationTest.Size(3, 33, 17);
        for (var types : MatMulOperationTest.Types.of(provider)) {
            t.put("MatMul " + types, (o, r) -> MatMulOperationTest.linear(types, matMul, 1, o, r));
            t.put("gated " + types, (o, r) -> MatMulOperationTest.gated(types, matMul, 1, o, r));
        }
        long[] size = {4, 33};
        t.put("RmsNorm", (o, r) -> NormOperationTest.rmsNorm(4, 2, 16, o, r));
        t.put("LayerNorm", (o, r) -> NormOperationTest.layerNorm(4, 33, true, 0, o, r));
        long[] groups = {2, 5, 12, 3};
        t.put(
                "GroupNorm",
                (o, r) -> GroupNormOperationTest.groupNorm(groups, Activation.SILU, 0, o, r));
        var conv = Conv2dOperationTest.Size.square(2, 4, 5, 6, 18, 3, 1, 1, 1);
        for (var types : Conv2dOperationTest.PLAIN) {
            t.put("Conv2d " + types, (o, r) -> Conv2dOperationTest.conv2d(types, conv, 0, o, r));
        }
        t.put("Add", (o, r) -> PointwiseOperationTest.add(4, 33, 2, o, r));
        t.put("Scale", (o, r) -> PointwiseOperationTest.scale(4, 33, true, o, r));
        for (Activation act : Activation.values()) {
            t.put(act.name(), (o, r) -> PointwiseOperationTest.activate(act, size, o, r));
        }
        t.put(
                "GatedActivate",
                (o, r) -> PointwiseOperationTest.gatedActivate(Activation.SILU, size, o, r));
        t.put("RopeTable", (o, r) -> RopeOperationTest.table(4, 16, 100, o, r));
        t.put("Rope", (o, r) -> RopeOperationTest.rope(4, 2, 40, 16, o, r));
        long[] gather = {4, 9, 33};
        t.put("Gather", (o, r) -> RowOperationTest.gather(DType.F16, true, gather, o, r));
        t.put("SelectRows", (o, r) -> RowOperationTest.selectRows(4, 5, 33, true, o, r));
        t.put("Patchify", (o, r) -> ImageOperationTest.patchify(2, 3, 8, 8, 4, o, r));
        t.put("AssembleTokens", (o, r) -> ImageOperationTest.assembleTokens(2, 4, 16, o, r));
        t.put(
                "PixelUnshuffle",
                (o, r) -> ImageOperationTest.pixelUnshuffle(2, 1, 4, 4, 8, 2, 1, o, r));
        var heads = new AttentionOperationTest.Heads(2, 1, 16);
        int[][] batch = {{2, 5}, {0, 3}};
        for (ComputeType compute : AttentionOperationTest.COMPUTE) {
            t.put(
                    "Attention " + compute,
                    (o, r) -> AttentionOperationTest.attention(2, 3, 5, heads, compute, o, r));
            var cache = new AttentionOperationTest.Cache(DType.BF16, compute);
            t.put(
                    "PagedAttention " + compute,
                    (o, r) -> AttentionOperationTest.paged(cache, 16, 0, batch, heads, o, r));
        }
        return t;
    }

    /**
     * In processes of their own, as what other tests have taught the compiler does not count. Even
     * so it inlines a little less in one of some twenty on a busy machine, and then objects that
     * kernels in Java use up at once lie on the heap: one process without is enough.
     */
    @ParameterizedTest(name = "{0}")
    @MethodSource("dev.ocellus.kernels.KernelProviders#available")
    void runsAllocateNothing(KernelProvider provider) throws IOException, InterruptedException {
        String allocating = allocating(provider);
        for (int more = 0; more < 2 && !allocating.isEmpty(); more++) {
            allocating = allocating(provider);
        }
        assertThat(allocating).isEmpty();
    }

    private static String allocating(KernelProvider provider)
            throws IOException, InterruptedException {
        Process process =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "--add-modules",
                                "jdk.incubator.vector",
                                "-cp",
                                System.getProperty("java.class.path"),
                                Trials.class.getName(),
                                provider.name())
                        .redirectError(ProcessBuilder.Redirect.INHERIT)
                        .start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).isZero();
        return output;
    }

    /** Prints the trials of a provider that allocate, and how many bytes. */
    static final class Trials {
        public static void main(String[] args) {
            KernelProvider provider =
                    KernelProviders.available().stream()
                            .filter(p -> p.name().equals(args[0]))
                            .findFirst()
                            .orElseThrow();
            trials(provider)
                    .forEach(
                            (name, maker) -> {
                                long bytes = bytes(provider, maker);
                                if (bytes > 0) {
                                    System.out.println(name + ": " + bytes);
                                }
                            });
        }
    }

    /** Least bytes allocated by a number of runs; the first ones may, while they are compiled. */
    private static long bytes(KernelProvider provider, Maker maker) {
        try (Operands operands = new Operands(provider, Placement.STARTS_AT_GUARD)) {
            Trial t = maker.make(operands, new SplittableRandom(1));
            Matrix out = operands.matrix(t.rows() * t.outRows(), t.cols(), t.ldo());
            KernelCall call = t.call().at(0, t.rows(), 0, out.address());
            List<Launch> launches = OperationCheck.bind(provider, operands, call);
            long least = Long.MAX_VALUE;
            for (int round = 0; round < ROUNDS && least > 0; round++) {
                long before = THREADS.getCurrentThreadAllocatedBytes();
                for (int run = 0; run < RUNS; run++) {
                    for (int i = 0; i < launches.size(); i++) {
                        launches.get(i).run(0, launches.get(i).units());
                    }
                }
                least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
            }
            return least;
        }
    }
}
