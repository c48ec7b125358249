package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelCall.KvAppend;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.KernelCall.RmsNorm;
import dev.ocellus.kernels.KernelCall.Rope;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.Test;

import java.util.stream.Stream;

class FusionTest {
    private static final int ROWS = 3;
    private static final int HEAD = 64;
    private static final long Q = 1 << 10;
    private static final long K = 2 << 10;
    private static final long V = 3 << 10;
    private static final long TABLE = 4 << 10;
    private static final long COUNT = 5 << 10;
    private static final long LD = 512;

    private static final RmsNorm Q_NORM = norm(Q, 4);
    private static final RmsNorm K_NORM = norm(K, 2);
    private static final Rope ROPE_Q = rope(Q, Q, TABLE, 4);
    private static final Rope ROPE_K = rope(K, K, TABLE, 2);
    private static final KvAppend APPEND = append(K, COUNT);

    private static RmsNorm norm(long x, long heads) {
        return new RmsNorm(x, LD, 8, x, LD, ROWS, COUNT, heads, HEAD, 1e-6);
    }

    private static Rope rope(long x, long out, long table, long heads) {
        return new Rope(x, LD, table, out, LD, ROWS, COUNT, heads, HEAD, HEAD / 2);
    }

    private static KvAppend append(long k, long rowCount) {
        return new KvAppend(
                k, LD, V, LD, 1, 2, 3, 4, 16, 0, 4096, DType.BF16, ROWS, rowCount, 2, HEAD);
    }

    private static final long X = 6 << 10;
    private static final long NORMED = 16 << 10;
    private static final long OUT = 32 << 10;
    private static final RmsNorm NORM = new RmsNorm(X, LD, 8, NORMED, LD, ROWS, COUNT, 1, HEAD, 1);

    private static MatMul product(long out) {
        ComputeType f32 = ComputeType.F32;
        Activation none = Activation.NONE;
        return new MatMul(
                NORMED, LD, 9, DType.F32, 0, 0, 0, 0, out, LD, ROWS, COUNT, HEAD, HEAD, f32, none,
                0);
    }

    private static int fused(KernelCall... calls) {
        return fused(true, calls);
    }

    private static int fused(boolean onlyNextReads, KernelCall... calls) {
        return Fusion.of(
                        Stream.of(calls)
                                .map(c -> new CudaKernels.Placed(c, 0, onlyNextReads))
                                .toList())
                .calls();
    }

    @Test
    void aNormGoesWithTheOnlyProductOfWhatItMakes() {
        assertThat(fused(true, NORM, product(OUT))).isEqualTo(2);
        assertThat(fused(false, NORM, product(OUT))).as("others read it").isEqualTo(1);
        assertThat(fused(true, product(OUT), NORM)).isEqualTo(1);
        assertThat(fused(true, norm(NORMED, 4), product(OUT))).as("norms of heads").isEqualTo(1);
        assertThat(fused(true, norm(X, 1), product(OUT))).as("of something else").isEqualTo(1);
    }

    @Test
    void aProductThatTakesThePlaceOfWhatIsNormedStaysSingle() {
        assertThat(fused(true, NORM, product(X))).isEqualTo(1);
        long last = X + ((ROWS - 1) * LD + HEAD) * 4;
        assertThat(fused(true, NORM, product(last - 4))).isEqualTo(1);
        assertThat(fused(true, NORM, product(last))).isEqualTo(2);
    }

    @Test
    void rotationsWriteWhatTheyWouldAnyhow() {
        assertThat(fused(false, ROPE_Q, ROPE_K, APPEND)).isEqualTo(3);
        assertThat(fused(false, Q_NORM, K_NORM, ROPE_Q, ROPE_K, APPEND)).isEqualTo(5);
    }

    @Test
    void rotationsGoTogetherWithTheCache() {
        assertThat(fused(ROPE_Q, ROPE_K, APPEND)).isEqualTo(3);
        assertThat(fused(ROPE_Q, ROPE_K, APPEND, Q_NORM)).isEqualTo(3);
        assertThat(fused(Q_NORM, K_NORM, ROPE_Q, ROPE_K, APPEND)).isEqualTo(5);
    }

    @Test
    void whatIsNotWholeStaysSingle() {
        assertThat(fused(ROPE_Q)).isEqualTo(1);
        assertThat(fused(ROPE_Q, ROPE_K)).isEqualTo(1);
        assertThat(fused(ROPE_K, APPEND)).isEqualTo(1);
        assertThat(fused(Q_NORM, ROPE_Q, ROPE_K, APPEND)).isEqualTo(1);
        assertThat(fused(Q_NORM, K_NORM, ROPE_Q, ROPE_K)).isEqualTo(1);
    }

    @Test
    void callsThatDoNotMeetStaySingle() {
        assertThat(fused(ROPE_Q, ROPE_K, append(V, COUNT))).as("other keys").isEqualTo(1);
        assertThat(fused(ROPE_Q, ROPE_K, append(K, 0))).as("other rows").isEqualTo(1);
        assertThat(fused(rope(Q, V, TABLE, 4), ROPE_K, APPEND)).as("not in place").isEqualTo(1);
        assertThat(fused(rope(Q, Q, 0, 4), ROPE_K, APPEND)).as("other angles").isEqualTo(1);
        assertThat(fused(ROPE_Q, rope(K, K, TABLE, 1), APPEND)).as("other heads").isEqualTo(1);
        assertThat(fused(norm(Q, 1), K_NORM, ROPE_Q, ROPE_K, APPEND))
                .as("a norm over all heads")
                .isEqualTo(1);
        assertThat(fused(K_NORM, Q_NORM, ROPE_Q, ROPE_K, APPEND))
                .as("norms of the others")
                .isEqualTo(1);
    }
}
