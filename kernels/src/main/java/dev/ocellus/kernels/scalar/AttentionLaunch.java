package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KvPanels;
import dev.ocellus.kernels.Launch;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;

/**
 * Attention with streaming softmax (Milakov and Gimelshein 2018); one unit is one head of one query
 * row. The weighted sum of values grows in the output itself, in ascending order of keys.
 */
abstract class AttentionLaunch implements Launch {
    private final long headDim;
    private final double scale;
    private final boolean rounded;

    AttentionLaunch(long headDim, double scale, ComputeType compute) {
        this.headDim = headDim;
        this.scale = scale;
        this.rounded = compute == ComputeType.BF16;
    }

    /** Element i of key t, where the keys of a head are told by two numbers. */
    abstract float key(long base, long head, long t, long i);

    /** Element i of value t, in the same way. */
    abstract float value(long base, long head, long t, long i);

    /** One head of one query at address {@code q}, for keys [first, end); writes {@code out}. */
    final void attend(long q, long out, long keys, long values, long head, long first, long end) {
        Memory.clear(out, headDim * 4);
        double max = Double.NEGATIVE_INFINITY;
        double sum = 0;
        for (long t = first; t < end; t++) {
            double score = 0;
            for (long i = 0; i < headDim; i++) {
                score += (double) factor(Memory.f32(q + i * 4)) * factor(key(keys, head, t, i));
            }
            score *= scale;
            if (score > max) {
                double change = Math.exp(max - score);
                multiply(out, change);
                sum *= change;
                max = score;
            }
            double weight = Math.exp(score - max);
            sum += weight;
            add(out, rounded ? factor((float) weight) : weight, values, head, t);
        }
        multiply(out, 1 / sum);
    }

    private void add(long out, double weight, long values, long head, long t) {
        for (long i = 0; i < headDim; i++) {
            double sum = Memory.f32(out + i * 4) + weight * factor(value(values, head, t, i));
            Memory.f32(out + i * 4, (float) sum);
        }
    }

    private void multiply(long out, double factor) {
        for (long i = 0; i < headDim; i++) {
            Memory.f32(out + i * 4, (float) (Memory.f32(out + i * 4) * factor));
        }
    }

    private float factor(float x) {
        return rounded ? Conversions.bf16ToFloat(Conversions.floatToBf16(x)) : x;
    }

    /** Keys and values are rows of matrices; they are told by the address of the first one. */
    static final class Segments extends AttentionLaunch {
        private final KernelCall.Attention call;

        Segments(KernelCall.Attention call) {
            super(call.headDim(), call.scale(), call.compute());
            this.call = call;
        }

        @Override
        public long units() {
            return Memory.rows(call) * call.queryLength() * call.heads();
        }

        @Override
        public void run(long begin, long end) {
            for (long unit = begin; unit < end; unit++) {
                long row = unit / call.heads();
                long head = unit % call.heads();
                long firstKey = row / call.queryLength() * call.keyLength();
                attend(
                        call.q() + (row * call.ldq() + head * call.headDim()) * 4,
                        call.out() + (row * call.ldo() + head * call.headDim()) * 4,
                        call.k() + firstKey * call.ldk() * 4,
                        call.v() + firstKey * call.ldv() * 4,
                        head / (call.heads() / call.kvHeads()),
                        0,
                        call.keyLength());
            }
        }

        @Override
        float key(long base, long head, long t, long i) {
            return Memory.f32(base + (t * call.ldk() + head * call.headDim() + i) * 4);
        }

        @Override
        float value(long base, long head, long t, long i) {
            return Memory.f32(base + (t * call.ldv() + head * call.headDim() + i) * 4);
        }
    }

    /** Keys and values lie in pages; they are told by the address of the page table. */
    static final class Paged extends AttentionLaunch {
        private final KernelCall.PagedAttention call;
        private final DType type;
        private final long keyBytes;
        private final long valueBytes;

        Paged(KernelCall.PagedAttention call) {
            super(call.headDim(), call.scale(), call.compute());
            this.call = call;
            type = call.cacheType();
            keyBytes = KvPanels.keyBytes(type, call.pageTokens(), call.headDim());
            valueBytes = KvPanels.valueBytes(type, call.pageTokens(), call.headDim());
        }

        @Override
        public long units() {
            return Memory.rows(call) * call.heads();
        }

        @Override
        public void run(long begin, long end) {
            for (long unit = begin; unit < end; unit++) {
                long row = unit / call.heads();
                long head = unit % call.heads();
                long sequence = Memory.i32(call.sequence() + row * 4);
                long pages = call.pages() + sequence * call.maxPages() * 8;
                long keys = Memory.i32(call.slot() + row * 4) + 1L;
                attend(
                        call.q() + (row * call.ldq() + head * call.headDim()) * 4,
                        call.out() + (row * call.ldo() + head * call.headDim()) * 4,
                        pages,
                        pages,
                        head / (call.heads() / call.kvHeads()),
                        call.window() > 0 ? Math.max(0, keys - call.window()) : 0,
                        keys);
            }
        }

        private float element(long matrix, long token, long i, long offset) {
            return type == DType.Q8
                    ? CacheBlocks.element(matrix + KvPanels.rowOffset(call.headDim(), token), i)
                    : Memory.widened(type, matrix + offset);
        }

        @Override
        float key(long base, long head, long t, long i) {
            long tokens = call.pageTokens();
            long page = Memory.i64(base + t / tokens * 8);
            return element(
                    page + call.kOffset() + head * keyBytes,
                    t % tokens,
                    i,
                    type == DType.Q8
                            ? 0
                            : KvPanels.keyOffset(type, tokens, call.headDim(), t % tokens, i));
        }

        @Override
        float value(long base, long head, long t, long i) {
            long tokens = call.pageTokens();
            long page = Memory.i64(base + t / tokens * 8);
            return element(
                    page + call.vOffset() + head * valueBytes,
                    t % tokens,
                    i,
                    type == DType.Q8
                            ? 0
                            : KvPanels.valueOffset(type, tokens, call.headDim(), t % tokens, i));
        }
    }
}
