package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.scalar.Memory;
import dev.ocellus.tensor.DType;

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
            unit.start(call.headDim(), DType.F32, call.scale());
            for (long r = row; r < last; r++) {
                unit.addQuery(call.q() + r * call.ldq() * 4 + head * headBytes, call.keyLength());
            }
            unit.begin();
            long kvOffset = head / (call.heads() / call.kvHeads()) * headBytes;
            long k = call.k() + segment * call.keyLength() * call.ldk() * 4 + kvOffset;
            long v = call.v() + segment * call.keyLength() * call.ldv() * 4 + kvOffset;
            for (long key = 0; key < call.keyLength(); key += AttentionUnit.KEYS) {
                long count = Math.min(AttentionUnit.KEYS, call.keyLength() - key);
                for (long i = 0; i < count; i++) {
                    long t = key + i;
                    unit.setKey(i, k + t * call.ldk() * 4, v + t * call.ldv() * 4);
                }
                unit.attend(key, count);
            }
            for (long r = row; r < last; r++) {
                unit.finish((int) (r - row), call.out() + r * call.ldo() * 4 + head * headBytes);
            }
        }
    }

    private AttentionLaunches() {}
}
