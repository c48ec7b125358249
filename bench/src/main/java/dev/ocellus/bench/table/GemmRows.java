package dev.ocellus.bench.table;

import dev.ocellus.bench.KernelState;
import dev.ocellus.bench.peers.PeerProcess;
import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.Clock;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Panels;
import dev.ocellus.measure.Medians;
import dev.ocellus.tensor.DType;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Matrix products of prefill and of vision towers on one thread, beside the peak of their
 * instruction and beside PyTorch. Activations come and go as float32; packing or rounding them is
 * part of the time. A figure is the median over all shapes and rounds.
 */
final class GemmRows {
    /** Rows, outputs, inputs. */
    private static final int[][] SHAPES = {
        {256, 1024, 1024},
        {512, 1024, 4096},
        {512, 2048, 2048},
        {512, 4096, 1024},
        {1024, 1024, 4096},
        {1024, 4096, 4096}
    };

    private static final double SECONDS = 0.1;

    private enum Kind {
        F32(DType.F32, ComputeType.F32),
        BF16(DType.BF16, ComputeType.BF16),
        INT8(DType.Q8, ComputeType.INT8);

        final DType weights;
        final ComputeType compute;

        Kind(DType weights, ComputeType compute) {
            this.weights = weights;
            this.compute = compute;
        }

        double peak(Ceilings c) {
            return switch (this) {
                case F32 -> c.f32Gflops();
                case BF16 -> c.bf16Gflops();
                case INT8 -> c.int8Gops();
            };
        }
    }

    /** One measurement, in 10^9 operations a second; theirs is 0 without a peer. */
    private record Speed(double ours, double peak, double theirs) {}

    private final Setup setup;
    private final Results results;

    GemmRows(Setup setup, Results results) {
        this.setup = setup;
        this.results = results;
    }

    void measure() {
        for (Kind kind : Kind.values()) {
            String id = "gemm-" + kind.name().toLowerCase(Locale.ROOT);
            boolean peer = kind != Kind.INT8;
            List<String> ids = peer ? List.of(id, id + "-torch") : List.of(id);
            if (ids.stream().anyMatch(i -> Table.wanted(setup, results, Section.GEMM, i))) {
                Table.guarded(results, ids, () -> measure(kind, id, peer));
            }
        }
    }

    private void measure(Kind kind, String id, boolean peer) {
        List<Speed> speeds = new ArrayList<>();
        try (PeerProcess torch = peer && setup.python() != null ? torch() : null) {
            for (int[] shape : SHAPES) {
                shape(kind, shape, torch, speeds);
            }
        }
        results.put(
                id,
                outcome(
                        speeds.stream().mapToDouble(Speed::ours).toArray(),
                        speeds.stream().mapToDouble(Speed::peak).toArray(),
                        "the processor has no such instruction"));
        if (peer) {
            results.put(
                    id + "-torch",
                    outcome(
                            speeds.stream().mapToDouble(Speed::ours).toArray(),
                            speeds.stream().mapToDouble(Speed::theirs).toArray(),
                            "no Python with PyTorch was given (--python)"));
        }
    }

    private PeerProcess torch() {
        return PeerProcess.start(
                "PyTorch",
                List.of(setup.python(), setup.peers().resolve("torch_gemm.py").toString()));
    }

    private void shape(Kind kind, int[] shape, PeerProcess torch, List<Speed> speeds) {
        double work = 2.0 * shape[0] * shape[1] * shape[2] / 1e9;
        try (KernelState state = new KernelState(1)) {
            state.add(call(kind, state, shape[0], shape[1], shape[2]));
            seconds(state);
            for (int i = 0; i < setup.rounds(); i++) {
                double ours = work / seconds(state);
                double theirs =
                        torch == null ? 0 : work / torch.seconds(command(kind, shape), true);
                speeds.add(new Speed(ours, kind.peak(Ceilings.measure(1)), theirs));
            }
        }
    }

    private static String command(Kind kind, int[] shape) {
        return "%s %d %d %d"
                .formatted(kind.name().toLowerCase(Locale.ROOT), shape[0], shape[1], shape[2]);
    }

    /** Of one product. */
    private static double seconds(KernelState state) {
        double start = Clock.THREAD_CPU.seconds();
        double passed = 0;
        int times = 0;
        while (passed < SECONDS) {
            state.run();
            times++;
            passed = Clock.THREAD_CPU.seconds() - start;
        }
        return passed / times;
    }

    private static KernelCall call(Kind kind, KernelState state, int rows, int n, int k) {
        long bytes = Panels.bytes(kind.weights, n, k);
        long w = kind == Kind.F32 ? state.floats(bytes / 4) : state.halves(bytes / 2);
        return new KernelCall.MatMul(
                state.floats((long) rows * k),
                k,
                w,
                kind.weights,
                0,
                0,
                0,
                0,
                state.floats((long) rows * n),
                n,
                rows,
                0,
                n,
                k,
                kind.compute,
                Activation.NONE,
                0);
    }

    private static Outcome outcome(double[] ours, double[] theirs, String missing) {
        double[] ratios = new double[ours.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = theirs[i] == 0 ? 0 : ours[i] / theirs[i];
        }
        double ratio = Medians.of(ratios);
        double least = Arrays.stream(ratios).min().orElse(0);
        return new Outcome(
                Medians.of(ours),
                Medians.of(theirs),
                ratio,
                ratio == 0 ? missing : "%d shapes, the least %.2f".formatted(SHAPES.length, least));
    }
}
