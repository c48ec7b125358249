package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelCall.Attention;
import dev.ocellus.kernels.KernelCall.LayerNorm;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.KernelCall.PagedAttention;
import dev.ocellus.kernels.KernelCall.RmsNorm;

import java.util.List;
import java.util.Optional;

/**
 * Finds the calls that leave their output in bfloat16, in the place of the float32 rows: those
 * whose output only a library's product reads, which is the next call and would round it anyhow.
 * Results have the same bits. Thread-safe.
 */
final class Handover {
    private final MatMulKernels matMul;
    private final AttentionKernels attention;
    private final PagedAttentionKernels pagedAttention;

    Handover(
            MatMulKernels matMul,
            AttentionKernels attention,
            PagedAttentionKernels pagedAttention) {
        this.matMul = matMul;
        this.attention = attention;
        this.pagedAttention = pagedAttention;
    }

    /** Rows of {@code cols} float32, {@code ld} apart; {@code address} 0 for none. */
    private record Rows(long address, long ld, long rows, long cols) {
        boolean overlaps(Rows other) {
            return address != 0
                    && other.address != 0
                    && address < other.end()
                    && other.address < end();
        }

        private long end() {
            return address + ((rows - 1) * ld + cols) * Float.BYTES;
        }
    }

    /**
     * The conditions of one of the calls that follow one another in a plan.
     *
     * @param placed in the order in which they run
     * @param call index of the one
     */
    Conditions conditions(List<CudaKernels.Placed> placed, int call) {
        return new Conditions(true, call > 0 && hands(placed, call - 1), hands(placed, call));
    }

    private boolean hands(List<CudaKernels.Placed> placed, int call) {
        return placed.get(call).onlyNextReads()
                && call + 1 < placed.size()
                && placed.get(call + 1).call() instanceof MatMul product
                && matMul.roundsActivations(product)
                && roundable(placed.get(call).call()).filter(o -> isOnlyX(o, product)).isPresent();
    }

    private static boolean isOnlyX(Rows out, MatMul product) {
        return out.equals(new Rows(product.x(), product.ldx(), product.rows(), product.k()))
                && !out.overlaps(residual(product));
    }

    /**
     * The output of a call, if a kernel leaves it in bfloat16. Rows that take the place of an
     * operand's do not: they would be written over values that are yet to be read.
     */
    private Optional<Rows> roundable(KernelCall call) {
        return switch (call) {
            case RmsNorm n when n.groups() == 1 -> {
                var out = new Rows(n.out(), n.ldo(), n.rows(), n.cols());
                yield unless(out, new Rows(n.x(), n.ldx(), n.rows(), n.cols()));
            }
            case LayerNorm n -> {
                var out = new Rows(n.out(), n.ldo(), n.rows(), n.cols());
                yield unless(out, new Rows(n.x(), n.ldx(), n.rows(), n.cols()));
            }
            case MatMul m when matMul.finishes(m) ->
                    unless(new Rows(m.out(), m.ldo(), m.rows(), m.n()), residual(m));
            case Attention a when attention.roundsOutput(a) -> {
                long rows = a.rows() * a.queryLength();
                yield Optional.of(new Rows(a.out(), a.ldo(), rows, a.heads() * a.headDim()));
            }
            case PagedAttention a when pagedAttention.roundsOutput(a) ->
                    Optional.of(new Rows(a.out(), a.ldo(), a.rows(), a.heads() * a.headDim()));
            default -> Optional.empty();
        };
    }

    private static Optional<Rows> unless(Rows out, Rows operand) {
        return Optional.of(out).filter(o -> !o.overlaps(operand));
    }

    private static Rows residual(MatMul m) {
        return new Rows(m.residual(), m.ldr(), m.rows(), m.n());
    }
}
