package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.scalar.Memory;

/** Attention; a unit is some queries that share a key/value head. */
final class AttentionLaunches {

    /** Whether a unit can take at least one row of heads. */
    static boolean supports(long heads, long kvHeads, long headDim) {
        return headDim <= AttentionUnit.MAX_HEAD && heads / kvHeads <= AttentionUnit.QUERIES;
    }

    record Attention(KernelCall.Attention call) implements Launch {
        private long parts() {
            return (call.queryLength() + AttentionUnit.QUERIES - 1) / AttentionUnit.QUERIES;
        }

        @Override
        public long units() {
            return Memory.rows(call) * call.heads() * parts();
        }

        @Override
        public void run(long begin, long end) {
            AttentionUnit unit = AttentionUnit.ofThread();
            long parts = parts();
            for (long u = begin; u < end; u++) {
                long segment = u / parts / call.heads();
                long row = segment * call.queryLength();
                long first = u % parts * call.queryLength() / parts;
                long last = (u % parts + 1) * call.queryLength() / parts;
                attend(unit, segment, u / parts % call.heads(), row + first, row + last);
            }
        }

        private void attend(AttentionUnit unit, long segment, long head, long row, long last) {
            long headBytes = call.headDim() * 4;
            unit.start(last - row, call.headDim(), call.scale(), call.compute());
            for (long r = row; r < last; r++) {
                unit.addQuery(
                        call.q() + r * call.ldq() * 4 + head * headBytes, 0, call.keyLength());
            }
            unit.begin();
            long kvOffset = head / (call.heads() / call.kvHeads()) * headBytes;
            long k = call.k() + segment * call.keyLength() * call.ldk() * 4 + kvOffset;
            long v = call.v() + segment * call.keyLength() * call.ldv() * 4 + kvOffset;
            for (long key = 0; key < call.keyLength(); key += AttentionUnit.KEYS) {
                long count = Math.min(AttentionUnit.KEYS, call.keyLength() - key);
                long kStep = call.ldk() * 4;
                long vStep = call.ldv() * 4;
                unit.setRows(count, k + key * kStep, kStep, v + key * vStep, vStep);
                unit.attend(key, count);
            }
            for (long r = row; r < last; r++) {
                unit.finish((int) (r - row), call.out() + r * call.ldo() * 4 + head * headBytes);
            }
        }
    }

    record PagedAttention(KernelCall.PagedAttention call, PageBlocks blocks) implements Launch {
        PagedAttention(KernelCall.PagedAttention call) {
            this(call, new PageBlocks(call));
        }

        private long group() {
            return call.heads() / call.kvHeads();
        }

        /** Rows that a unit takes, if they are of one sequence. */
        private long unitRows() {
            return AttentionUnit.QUERIES / group();
        }

        @Override
        public long units() {
            return (Memory.rows(call) + unitRows() - 1) / unitRows() * call.kvHeads();
        }

        @Override
        public void run(long begin, long end) {
            AttentionUnit unit = AttentionUnit.ofThread();
            long rows = Memory.rows(call);
            for (long u = begin; u < end; u++) {
                long row = u / call.kvHeads() * unitRows();
                long last = Math.min(row + unitRows(), rows);
                while (row < last) {
                    long next = row + 1;
                    while (next < last && sequence(next) == sequence(row)) {
                        next++;
                    }
                    attend(unit, u % call.kvHeads(), row, next);
                    row = next;
                }
            }
        }

        private long sequence(long row) {
            return Memory.i32(call.sequence() + row * 4);
        }

        /** Rows [row, end) of one sequence. */
        private void attend(AttentionUnit unit, long kvHead, long row, long end) {
            long headBytes = call.headDim() * 4;
            long firstHead = kvHead * group();
            long first = Long.MAX_VALUE;
            long keys = 0;
            unit.start((end - row) * group(), call.headDim(), call.scale(), call.compute());
            for (long r = row; r < end; r++) {
                long limit = Memory.i32(call.slot() + r * 4) + 1L;
                long start = call.window() > 0 ? Math.max(0, limit - call.window()) : 0;
                first = Math.min(first, start);
                keys = Math.max(keys, limit);
                for (long h = firstHead; h < firstHead + group(); h++) {
                    unit.addQuery(call.q() + r * call.ldq() * 4 + h * headBytes, start, limit);
                }
            }
            unit.begin();
            long block = first / AttentionUnit.KEYS * AttentionUnit.KEYS;
            for (; block < keys; block += AttentionUnit.KEYS) {
                long blockEnd = Math.min(block + AttentionUnit.KEYS, keys);
                blocks.set(unit, sequence(row), kvHead, block, Math.max(block, first), blockEnd);
                unit.attend(block, blockEnd - block);
            }
            int query = 0;
            for (long r = row; r < end; r++) {
                for (long h = firstHead; h < firstHead + group(); h++) {
                    unit.finish(query++, call.out() + r * call.ldo() * 4 + h * headBytes);
                }
            }
        }
    }

    private AttentionLaunches() {}
}
