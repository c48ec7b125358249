package dev.ocellus.kernels.scalar;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;
import dev.ocellus.tensor.DType;

/**
 * Attention with streaming softmax (Milakov and Gimelshein 2018); one unit is one head of one query
 * row. The weighted sum of values grows in the output itself, in ascending order of keys.
 */
final class AttentionLaunches {

    record Attention(KernelCall.Attention call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call) * call.queryLength() * call.heads();
        }

        @Override
        public void run(long begin, long end) {
            for (long unit = begin; unit < end; unit++) {
                head(unit / call.heads(), unit % call.heads());
            }
        }

        private void head(long row, long head) {
            long headBytes = call.headDim() * 4;
            long q = call.q() + row * call.ldq() * 4 + head * headBytes;
            long out = call.out() + row * call.ldo() * 4 + head * headBytes;
            long firstKey = row / call.queryLength() * call.keyLength();
            long kvOffset = head / (call.heads() / call.kvHeads()) * headBytes;
            long k = call.k() + firstKey * call.ldk() * 4 + kvOffset;
            long v = call.v() + firstKey * call.ldv() * 4 + kvOffset;

            Memory.clear(out, headBytes);
            double max = Double.NEGATIVE_INFINITY;
            double sum = 0;
            for (long t = 0; t < call.keyLength(); t++) {
                long key = k + t * call.ldk() * 4;
                double score = call.scale() * dot(q, headBytes, DType.F32, key);
                if (score > max) {
                    sum *= rescale(out, headBytes, max, score);
                    max = score;
                }
                double weight = Math.exp(score - max);
                sum += weight;
                add(out, headBytes, weight, DType.F32, v + t * call.ldv() * 4);
            }
            multiply(out, headBytes, 1 / sum);
        }
    }

    record PagedAttention(KernelCall.PagedAttention call) implements Launch {
        @Override
        public long units() {
            return Memory.rows(call) * call.heads();
        }

        @Override
        public void run(long begin, long end) {
            for (long unit = begin; unit < end; unit++) {
                head(unit / call.heads(), unit % call.heads());
            }
        }

        private void head(long row, long head) {
            DType type = call.cacheType();
            long headBytes = call.headDim() * 4;
            long q = call.q() + row * call.ldq() * 4 + head * headBytes;
            long out = call.out() + row * call.ldo() * 4 + head * headBytes;
            long sequence = Memory.i32(call.sequence() + row * 4);
            long pages = call.pages() + sequence * call.maxPages() * 8;
            long kvHead = head / (call.heads() / call.kvHeads());
            long cellBytes = call.headDim() * type.byteSize();

            Memory.clear(out, headBytes);
            double max = Double.NEGATIVE_INFINITY;
            double sum = 0;
            long last = Memory.i32(call.slot() + row * 4);
            for (long t = 0; t <= last; t++) {
                long page = Memory.i64(pages + t / call.pageTokens() * 8);
                long cell = (kvHead * call.pageTokens() + t % call.pageTokens()) * cellBytes;
                double score = call.scale() * dot(q, headBytes, type, page + call.kOffset() + cell);
                if (score > max) {
                    sum *= rescale(out, headBytes, max, score);
                    max = score;
                }
                double weight = Math.exp(score - max);
                sum += weight;
                add(out, headBytes, weight, type, page + call.vOffset() + cell);
            }
            multiply(out, headBytes, 1 / sum);
        }
    }

    /** Brings the sums made under {@code oldMax} to {@code newMax}; returns the factor. */
    private static double rescale(long out, long headBytes, double oldMax, double newMax) {
        double factor = Math.exp(oldMax - newMax);
        multiply(out, headBytes, factor);
        return factor;
    }

    private static double dot(long q, long headBytes, DType type, long k) {
        long size = type.byteSize();
        double sum = 0;
        for (long i = 0, p = k; i < headBytes; i += 4, p += size) {
            sum += (double) Memory.f32(q + i) * Memory.widened(type, p);
        }
        return sum;
    }

    private static void add(long out, long headBytes, double weight, DType type, long v) {
        long size = type.byteSize();
        for (long i = 0, p = v; i < headBytes; i += 4, p += size) {
            double sum = Memory.f32(out + i) + weight * Memory.widened(type, p);
            Memory.f32(out + i, (float) sum);
        }
    }

    private static void multiply(long out, long headBytes, double factor) {
        for (long i = 0; i < headBytes; i += 4) {
            Memory.f32(out + i, (float) (Memory.f32(out + i) * factor));
        }
    }

    private AttentionLaunches() {}
}
