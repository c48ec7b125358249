package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelCall.KvAppend;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.KernelCall.RmsNorm;
import dev.ocellus.kernels.KernelCall.Rope;

import java.util.List;

/** Calls at the beginning of a list that one launch does, with the same bits. */
sealed interface Fusion {
    int MOST_CALLS = 5;

    /** How many calls. */
    int calls();

    /**
     * The longest one.
     *
     * @param placed in the order in which they would run, at least one
     */
    static Fusion of(List<CudaKernels.Placed> placed) {
        List<KernelCall> calls =
                placed.stream().limit(MOST_CALLS).map(CudaKernels.Placed::call).toList();
        Fusion normed = RopeAppend.normed(calls);
        Fusion rotated = normed == null ? RopeAppend.plain(calls) : normed;
        Fusion product =
                rotated == null && placed.getFirst().onlyNextReads()
                        ? NormedMatMul.of(calls)
                        : rotated;
        return product == null ? new None() : product;
    }

    private static boolean haveSameRows(List<KernelCall> calls) {
        KernelCall first = calls.getFirst();
        return calls.stream()
                .allMatch(c -> c.rows() == first.rows() && c.rowCount() == first.rowCount());
    }

    /** The first call on its own. */
    record None() implements Fusion {
        @Override
        public int calls() {
            return 1;
        }
    }

    /**
     * Queries and keys are rotated in place, after a norm of each head or without one, and the keys
     * go to the cache together with the values. Everything that the calls write is written, and
     * nothing takes another operand's place, so that it does not matter who else reads it.
     *
     * @param qNorm null for none, as {@code kNorm}
     */
    record RopeAppend(RmsNorm qNorm, RmsNorm kNorm, Rope q, Rope k, KvAppend append)
            implements Fusion {
        private static final RmsNorm NO_NORM = new RmsNorm(0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

        @Override
        public int calls() {
            return qNorm == null ? 3 : 5;
        }

        /** The components of the kernel's argument structure. */
        List<KernelCall> structure() {
            return qNorm == null
                    ? List.of(NO_NORM, NO_NORM, q, k, append)
                    : List.of(qNorm, kNorm, q, k, append);
        }

        private static RopeAppend plain(List<KernelCall> calls) {
            return calls.size() >= 3
                            && calls.get(0) instanceof Rope q
                            && calls.get(1) instanceof Rope k
                            && calls.get(2) instanceof KvAppend append
                            && haveSameRows(calls.subList(0, 3))
                            && isInPlace(q)
                            && isInPlace(k)
                            && meet(q, k)
                            && meet(k, append)
                    ? new RopeAppend(null, null, q, k, append)
                    : null;
        }

        private static RopeAppend normed(List<KernelCall> calls) {
            RopeAppend rest = calls.size() < 5 ? null : plain(calls.subList(2, 5));
            return rest != null
                            && calls.get(0) instanceof RmsNorm q
                            && calls.get(1) instanceof RmsNorm k
                            && haveSameRows(calls.subList(0, 3))
                            && isOfHeads(q, rest.q)
                            && isOfHeads(k, rest.k)
                    ? new RopeAppend(q, k, rest.q, rest.k, rest.append)
                    : null;
        }

        private static boolean isInPlace(Rope rope) {
            return rope.x() == rope.out() && rope.ldx() == rope.ldo();
        }

        private static boolean meet(Rope q, Rope k) {
            return q.table() == k.table() && q.half() == k.half() && q.headDim() == k.headDim();
        }

        private static boolean meet(Rope k, KvAppend append) {
            return k.out() == append.k()
                    && k.ldo() == append.ldk()
                    && k.heads() == append.kvHeads()
                    && k.headDim() == append.headDim();
        }

        /** A norm of the heads, in place, by a warp each. */
        private static boolean isOfHeads(RmsNorm norm, Rope rope) {
            return norm.x() == rope.x()
                    && norm.ldx() == rope.ldx()
                    && norm.out() == rope.x()
                    && norm.ldo() == rope.ldx()
                    && norm.groups() == rope.heads()
                    && norm.cols() == rope.headDim()
                    && norm.cols() <= NormKernels.WARP_COLUMNS;
        }
    }

    /**
     * A product of what a norm of whole rows makes, which nobody else reads: it is not written.
     * Nothing of the product's lies where the norm reads, since it writes there while the norm is
     * still at work.
     */
    record NormedMatMul(RmsNorm norm, MatMul product) implements Fusion {
        @Override
        public int calls() {
            return 2;
        }

        private static NormedMatMul of(List<KernelCall> calls) {
            return calls.size() >= 2
                            && calls.get(0) instanceof RmsNorm norm
                            && calls.get(1) instanceof MatMul product
                            && haveSameRows(calls.subList(0, 2))
                            && norm.groups() == 1
                            && norm.cols() == product.k()
                            && norm.out() == product.x()
                            && norm.ldo() == product.ldx()
                            && !overlaps(norm, product)
                    ? new NormedMatMul(norm, product)
                    : null;
        }

        private static boolean overlaps(RmsNorm norm, MatMul product) {
            long xBytes = ((norm.rows() - 1) * norm.ldx() + norm.cols()) * Float.BYTES;
            long outBytes = ((product.rows() - 1) * product.ldo() + product.n()) * Float.BYTES;
            return norm.x() < product.out() + outBytes && product.out() < norm.x() + xBytes;
        }
    }
}
