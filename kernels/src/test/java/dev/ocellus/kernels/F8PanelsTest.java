package dev.ocellus.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.ocellus.tensor.DType;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** Weights that a processor packs as F8: how far they are from what they were. */
class F8PanelsTest {
    private static final int ROWS = 40;
    private static final int K = 200;

    static Stream<KernelProvider> providers() {
        return KernelProviders.available().stream();
    }

    /** Half a step of three bits behind the point, or of numbers below the normal range. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("providers")
    void elementsAreOffByHalfAStepAtMost(KernelProvider provider) {
        SplittableRandom random = new SplittableRandom(3);
        for (double size : new double[] {1e-3, 0.02, 1, 1e4}) {
            float[] values = new float[ROWS * K];
            for (int i = 0; i < values.length; i++) {
                double small = Math.pow(2, -random.nextInt(14));
                values[i] = (float) (random.nextGaussian() * size * small);
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment packed = packed(provider, arena, values);
                float[] back = rows(provider, arena, packed);
                for (int i = 0; i < values.length; i++) {
                    long at = Panels.scaleOffset(DType.F8, i / K, i % K, K);
                    double scale = Float.float16ToFloat(packed.get(JAVA_SHORT, at));
                    double magnitude = Math.abs(values[i]);
                    double step = Math.max(magnitude / 8, 0x1p-9 * scale);
                    // Scales below the normal float16 may be too small by more than such a step.
                    double cut = magnitude - 448 * scale;
                    assertThat((double) Math.abs(back[i] - values[i]))
                            .as("%s with scale %s", values[i], scale)
                            .isLessThanOrEqualTo(Math.max(step / 2 * 1.001, cut));
                }
            }
        }
    }

    /** Blocks with elements that are no numbers have a scale that is none, which products show. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("providers")
    void noElementIsNaN(KernelProvider provider) {
        float[] bad = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 1e9f};
        float[] values = new float[ROWS * K];
        for (int i = 0; i < values.length; i++) {
            values[i] = i % 5 == 0 ? bad[i / K % bad.length] : i;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment packed = packed(provider, arena, values);
            for (int row = 0; row < ROWS; row++) {
                for (int column = 0; column < K; column++) {
                    long at = Panels.offset(DType.F8, row, column, K);
                    assertThat(packed.get(JAVA_BYTE, at) & 0x7f).isLessThan(0x7f);
                    short scale =
                            packed.get(JAVA_SHORT, Panels.scaleOffset(DType.F8, row, column, K));
                    assertThat(Float.isFinite(Float.float16ToFloat(scale))).isFalse();
                }
            }
        }
    }

    private static MemorySegment packed(KernelProvider provider, Arena arena, float[] values) {
        MemorySegment rows = arena.allocate((long) ROWS * K * Float.BYTES, 64);
        MemorySegment.copy(values, 0, rows, JAVA_FLOAT, 0, values.length);
        MemorySegment packed = arena.allocate(Panels.bytes(DType.F8, ROWS, K), Panels.ALIGNMENT);
        run(
                provider,
                arena,
                new KernelCall.PackPanels(
                        rows.address(), DType.F32, packed.address(), DType.F8, 0, 1, ROWS, 0, K));
        return packed;
    }

    private static float[] rows(KernelProvider provider, Arena arena, MemorySegment packed) {
        MemorySegment ids = arena.allocate((long) ROWS * Integer.BYTES, 64);
        for (int r = 0; r < ROWS; r++) {
            ids.setAtIndex(JAVA_INT, r, r);
        }
        MemorySegment out = arena.allocate((long) ROWS * K * Float.BYTES, 64);
        run(
                provider,
                arena,
                new KernelCall.Gather(
                        packed.address(),
                        DType.F8,
                        1,
                        ROWS,
                        ids.address(),
                        out.address(),
                        K,
                        ROWS,
                        0,
                        K));
        return out.toArray(JAVA_FLOAT);
    }

    private static void run(KernelProvider provider, Arena arena, KernelCall call) {
        for (Launch launch : provider.bind(call, 0, arena)) {
            launch.run(0, launch.units());
        }
    }
}
