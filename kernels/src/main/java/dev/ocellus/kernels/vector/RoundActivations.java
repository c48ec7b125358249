package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.scalar.Memory;
import dev.ocellus.tensor.Conversions;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Rounds the activations of a product to bfloat16 (nearest even), as rows of k float32 without
 * gaps. One unit is a row.
 */
record RoundActivations(MatMul call, long rounded) implements Launch {

    static long bytes(MatMul call) {
        return call.rows() * call.k() * 4;
    }

    @Override
    public long units() {
        return Memory.rows(call);
    }

    @Override
    public void run(long begin, long end) {
        long rowBytes = call.k() * 4;
        for (long r = begin; r < end; r++) {
            round(call.x() + r * call.ldx() * 4, rounded + r * rowBytes, rowBytes);
        }
    }

    /** Rounds {@code bytes} bytes of float32, perhaps in place. */
    static void round(long from, long to, long bytes) {
        long whole = Lanes.whole(bytes);
        for (long i = 0; i < whole; i += Lanes.BYTES) {
            IntVector bits = Lanes.load(from + i).reinterpretAsInts();
            IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
            IntVector nearest = bits.add(0x7fff).add(odd);
            // Adding to a number that is none might make it infinite.
            IntVector kept = bits.or(0x400000);
            IntVector result =
                    nearest.blend(
                            kept,
                            bits.reinterpretAsFloats()
                                    .test(VectorOperators.IS_NAN)
                                    .cast(Lanes.INTS));
            Lanes.store(to + i, result.and(0xffff0000).reinterpretAsFloats());
        }
        for (long i = whole; i < bytes; i += 4) {
            short bits = Conversions.floatToBf16(Memory.f32(from + i));
            Memory.f32(to + i, Conversions.bf16ToFloat(bits));
        }
    }
}
