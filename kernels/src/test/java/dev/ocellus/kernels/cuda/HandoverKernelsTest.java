package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Products of a library in a plan: what comes before them leaves its output in bfloat16, to the bit
 * as they would round it, and rows that do not count, which hold anything, change no other.
 */
class HandoverKernelsTest {
    private static final CudaProvider PROVIDER = CudaProvider.complete();
    private static final int ROWS = 37;
    private static final int COUNT = 21;
    private static final int NARROW = 70;
    private static final int WIDE = 1030;
    private static final int N = 45;
    private static final int GAP = 3;

    private final SplittableRandom random = new SplittableRandom(3);
    private Arena arena;
    private MemorySegment count;

    @BeforeEach
    void allocate() {
        arena = PROVIDER.arena();
        count = arena.allocate(JAVA_LONG);
        count.set(JAVA_LONG, 0, COUNT);
    }

    @AfterEach
    void free() {
        if (arena != null) {
            arena.close();
        }
    }

    /** Rows of float32 with gaps between them. */
    private record Rows(MemorySegment memory, long rows, long cols, long ld) {
        long address() {
            return memory.address();
        }

        float get(long row, long col) {
            return memory.getAtIndex(JAVA_FLOAT, row * ld + col);
        }
    }

    /** Random where they count, and else NaN. */
    private Rows filled(long rows, long cols, long ld, long counted) {
        Rows r = new Rows(arena.allocate(rows * ld * Float.BYTES, 16), rows, cols, ld);
        r.memory.fill((byte) -1);
        for (long row = 0; row < counted; row++) {
            for (long col = 0; col < cols; col++) {
                r.memory.setAtIndex(JAVA_FLOAT, row * ld + col, (float) random.nextDouble(-2, 2));
            }
        }
        return r;
    }

    private Rows values(long cols) {
        return filled(ROWS, cols, cols + GAP, COUNT);
    }

    private Rows room(long rows, long cols) {
        return filled(rows, cols, cols + GAP, 0);
    }

    private long vector(long n) {
        return filled(1, n, n, 1).address();
    }

    private long weights(DType type, long n, long k) {
        MemorySegment w = arena.allocate(type.byteSize(n * k), 16);
        for (long i = 0; i < n * k; i++) {
            float v = (float) random.nextDouble(-1, 1);
            if (type == DType.F32) {
                w.setAtIndex(JAVA_FLOAT, i, v);
            } else {
                w.setAtIndex(JAVA_SHORT, i, Conversions.floatToBf16(v));
            }
        }
        return w.address();
    }

    private KernelCall.RmsNorm rmsNorm(Rows x, Rows out) {
        return new KernelCall.RmsNorm(
                x.address(),
                x.ld,
                vector(x.cols),
                out.address(),
                out.ld,
                ROWS,
                count.address(),
                1,
                x.cols,
                1e-6);
    }

    private KernelCall.LayerNorm layerNorm(Rows x, Rows out) {
        return new KernelCall.LayerNorm(
                x.address(),
                x.ld,
                vector(x.cols),
                vector(x.cols),
                out.address(),
                out.ld,
                ROWS,
                count.address(),
                x.cols,
                1e-6);
    }

    /**
     * @param scale address, or 0
     * @param residual null for none
     */
    private KernelCall.MatMul product(
            DType type,
            Rows x,
            long bias,
            long scale,
            Rows residual,
            Rows out,
            Activation activation,
            boolean gated) {
        return new KernelCall.MatMul(
                x.address(),
                x.ld,
                weights(type, gated ? 2 * out.cols : out.cols, x.cols),
                type,
                bias,
                scale,
                residual == null ? 0 : residual.address(),
                residual == null ? 0 : residual.ld,
                out.address(),
                out.ld,
                x.rows,
                count.address(),
                out.cols,
                x.cols,
                type == DType.F32 ? ComputeType.F32 : ComputeType.BF16,
                activation,
                gated ? 1 : 0);
    }

    private KernelCall.MatMul plain(Rows x, Rows out) {
        return product(DType.BF16, x, vector(out.cols), 0, null, out, Activation.NONE, false);
    }

    /**
     * Runs the calls as a plan does, and again as one in which others need each result, too; the
     * last output must be the same, and be there.
     *
     * @return names of the kernels when run as a plan does
     */
    private List<String> check(List<KernelCall> calls, Rows out, long counted) {
        assertThat(PROVIDER.runApart(calls))
                .contains("matmul.matmul_round")
                .noneMatch(name -> name.endsWith("_rounded"));
        MemorySegment expected = arena.allocate(out.memory.byteSize());
        expected.copyFrom(out.memory);
        out.memory.fill((byte) -1);
        List<String> names = PROVIDER.runTogether(calls);
        for (long row = 0; row < out.rows; row++) {
            for (long col = 0; col < out.ld; col++) {
                int bits = out.memory.getAtIndex(JAVA_INT, row * out.ld + col);
                if (col >= out.cols) {
                    assertThat(bits).as("gap after row %d", row).isEqualTo(-1);
                } else if (row < counted) {
                    assertThat(out.get(row, col)).as("row %d, column %d", row, col).isFinite();
                    assertThat(bits).isEqualTo(expected.getAtIndex(JAVA_INT, row * out.ld + col));
                }
            }
        }
        return names;
    }

    @Test
    void normsRoundForTheProduct() {
        Rows out = room(ROWS, N);
        for (boolean wide : new boolean[] {false, true}) {
            long cols = wide ? WIDE : NARROW;
            Rows normed = room(ROWS, cols);
            List<KernelCall> rms = List.of(rmsNorm(values(cols), normed), plain(normed, out));
            assertThat(check(rms, out, COUNT))
                    .containsExactly(
                            "norm.rms_norm" + (wide ? "_wide" : "") + "_rounded",
                            "cublasLt BF16 37 x 45 x " + cols);
            List<KernelCall> layer = List.of(layerNorm(values(cols), normed), plain(normed, out));
            assertThat(check(layer, out, COUNT))
                    .containsExactly(
                            "norm.layer_norm" + (wide ? "_wide" : "") + "_rounded",
                            "cublasLt BF16 37 x 45 x " + cols);
        }
    }

    @Test
    void aNormInPlaceRoundsNothing() {
        Rows x = values(NARROW);
        Rows before = values(NARROW);
        before.memory.copyFrom(x.memory);
        Rows out = room(ROWS, N);
        List<KernelCall> calls = List.of(rmsNorm(x, x), plain(x, out));
        assertThat(PROVIDER.runTogether(calls))
                .containsExactly(
                        "norm.rms_norm", "matmul.matmul_round", "cublasLt BF16 37 x 45 x 70");
        assertThat(out.get(COUNT - 1, N - 1)).isFinite();
    }

    @Test
    void aResidualThatIsTheNormsOutputStaysFloat32() {
        Rows normed = room(ROWS, NARROW);
        Rows out = room(ROWS, NARROW);
        KernelCall product = product(DType.BF16, normed, 0, 0, normed, out, Activation.NONE, false);
        assertThat(check(List.of(rmsNorm(values(NARROW), normed), product), out, COUNT))
                .containsExactly(
                        "norm.rms_norm", "matmul.matmul_round", "cublasLt BF16 37 x 70 x 70");
    }

    @Test
    void whatFollowsAProductRoundsForTheNext() {
        for (int width : new int[] {N, 136}) {
            Rows normed = room(ROWS, NARROW);
            Rows hidden = room(ROWS, width);
            Rows x = values(NARROW);
            Rows out = room(ROWS, NARROW);
            KernelCall norm = rmsNorm(x, normed);
            KernelCall gated =
                    product(DType.BF16, normed, 0, 0, null, hidden, Activation.SILU, true);
            KernelCall down = product(DType.BF16, hidden, 0, 0, x, out, Activation.NONE, false);
            assertThat(check(List.of(norm, gated, down), out, COUNT))
                    .containsExactly(
                            "norm.rms_norm_rounded",
                            "cublasLt BF16 37 x %d x 70".formatted(2 * width),
                            "matmul.matmul_finish_rounded",
                            "cublasLt BF16 37 x 70 x " + width);
        }
    }

    @Test
    void layersOfATowerRoundForTheNext() {
        Rows x = values(NARROW);
        Rows hidden = room(ROWS, N);
        Rows out = room(ROWS, NARROW);
        KernelCall first =
                product(DType.BF16, x, vector(N), vector(N), null, hidden, Activation.GELU, false);
        KernelCall second =
                product(
                        DType.BF16,
                        hidden,
                        vector(NARROW),
                        vector(NARROW),
                        x,
                        out,
                        Activation.NONE,
                        false);
        assertThat(check(List.of(first, second), out, COUNT))
                .containsExactly(
                        "matmul.matmul_round",
                        "cublasLt BF16 37 x 45 x 70",
                        "matmul.matmul_finish_rounded",
                        "cublasLt BF16 37 x 70 x 45",
                        "matmul.matmul_finish");
    }

    @Test
    void attentionRoundsForTheProduct() {
        for (int headDim : new int[] {64, 25}) {
            int segments = 2;
            int length = 66;
            long width = 2L * headDim;
            Rows q = filled(segments * length, width, 3 * width, length);
            Rows attended = room(segments * length, width);
            Rows out = room(segments * length, N);
            MemorySegment counted = arena.allocate(JAVA_LONG);
            counted.set(JAVA_LONG, 0, 1);
            count.set(JAVA_LONG, 0, length);
            KernelCall attention =
                    new KernelCall.Attention(
                            q.address(),
                            q.ld,
                            q.address(),
                            q.ld,
                            q.address(),
                            q.ld,
                            attended.address(),
                            attended.ld,
                            segments,
                            counted.address(),
                            length,
                            length,
                            2,
                            2,
                            headDim,
                            0.1,
                            ComputeType.BF16);
            assertThat(check(List.of(attention, plain(attended, out)), out, length))
                    .containsExactly(
                            "attention.attention_pack",
                            "attention_sm90a.attention_wgmma_64",
                            "cublasLt BF16 132 x 45 x " + width);
        }
    }

    @Test
    void attentionOverACacheRoundsForTheProduct() {
        int rows = 66;
        int headDim = 64;
        int pageTokens = 16;
        int pages = Math.ceilDiv(rows, pageTokens);
        long sideBytes = 2L * pageTokens * headDim;
        MemorySegment table = arena.allocate(JAVA_LONG, pages);
        MemorySegment cache = arena.allocate(2 * pages * sideBytes, 16);
        for (int i = 0; i < pages; i++) {
            table.setAtIndex(JAVA_LONG, i, cache.address() + 2 * i * sideBytes);
        }
        for (long i = 0; i < cache.byteSize() / 2; i++) {
            cache.setAtIndex(
                    JAVA_SHORT, i, Conversions.floatToBf16((float) random.nextDouble(-1, 1)));
        }
        MemorySegment sequences = arena.allocate(JAVA_INT, rows);
        MemorySegment slots = arena.allocate(JAVA_INT, rows);
        for (int i = 0; i < rows; i++) {
            slots.setAtIndex(JAVA_INT, i, i);
        }
        Rows q = filled(rows, 2 * headDim, 2 * headDim, COUNT);
        Rows attended = room(rows, 2 * headDim);
        Rows out = room(rows, N);
        KernelCall attention =
                new KernelCall.PagedAttention(
                        q.address(),
                        q.ld,
                        sequences.address(),
                        slots.address(),
                        table.address(),
                        pages,
                        pageTokens,
                        0,
                        sideBytes,
                        DType.BF16,
                        attended.address(),
                        attended.ld,
                        rows,
                        count.address(),
                        2,
                        1,
                        headDim,
                        0.1,
                        0,
                        ComputeType.BF16);
        assertThat(check(List.of(attention, plain(attended, out)), out, COUNT))
                .containsExactly(
                        "paged_attention_sm90a.paged_attention_wgmma_64",
                        "cublasLt BF16 66 x 45 x 128");
    }

    /** The residual of a product in one piece lies where it is, or elsewhere. */
    @Test
    void rowsThatDoNotCountChangeNoOther() {
        for (DType type : new DType[] {DType.F32, DType.BF16}) {
            for (boolean inPlace : new boolean[] {false, true}) {
                Rows x = values(NARROW);
                Rows residual = values(N);
                Rows out = inPlace ? residual : room(ROWS, N);
                var product = product(type, x, vector(N), 0, residual, out, Activation.NONE, false);
                float[][] before = new float[COUNT][N];
                for (int row = 0; row < COUNT; row++) {
                    for (int col = 0; col < N; col++) {
                        before[row][col] = residual.get(row, col);
                    }
                }
                assertThat(PROVIDER.runTogether(List.of(product)).getLast())
                        .isEqualTo("cublasLt %s 37 x 45 x 70".formatted(type));
                for (int row = 0; row < COUNT; row++) {
                    for (int col = 0; col < N; col++) {
                        assertThat(out.get(row, col))
                                .isCloseTo(
                                        before[row][col] + product(type, x, product, row, col),
                                        within(1e-4f));
                    }
                }
            }
        }
    }

    private static float product(DType type, Rows x, KernelCall.MatMul call, long row, long col) {
        MemorySegment w =
                MemorySegment.ofAddress(call.w()).reinterpret(type.byteSize(call.n() * call.k()));
        double sum =
                MemorySegment.ofAddress(call.bias())
                        .reinterpret(call.n() * Float.BYTES)
                        .getAtIndex(JAVA_FLOAT, col);
        for (long i = 0; i < call.k(); i++) {
            long at = col * call.k() + i;
            sum +=
                    type == DType.F32
                            ? (double) x.get(row, i) * w.getAtIndex(JAVA_FLOAT, at)
                            : (double) bf16(Conversions.floatToBf16(x.get(row, i)))
                                    * bf16(w.getAtIndex(JAVA_SHORT, at));
        }
        return (float) sum;
    }

    private static float bf16(short bits) {
        return Conversions.bf16ToFloat(bits);
    }
}
