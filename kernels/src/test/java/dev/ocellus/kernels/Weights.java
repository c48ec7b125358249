package dev.ocellus.kernels;

import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;

/**
 * A matrix [rows, k] of weights, packed here by hand as {@link Panels} describe.
 *
 * @param values the weights as stored, rounded to the type, row-major
 */
record Weights(MemorySegment packed, long k, float[] values) {
    static Weights random(
            Operands operands, DType type, long rows, long k, RandomGenerator random) {
        float[] values = new float[(int) (rows * k)];
        for (int i = 0; i < values.length; i++) {
            values[i] = Operands.rounded(type, (float) random.nextGaussian());
        }
        boolean halves = type != DType.F32;
        long steps = halves ? (k + 1) / 2 : k;
        MemorySegment packed = operands.bytes((rows + 15) / 16 * steps * 64, 64);
        packed.fill((byte) 0);
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < k; i++) {
                long step = row / 16 * steps + (halves ? i / 2 : i);
                long offset = step * 64 + row % 16 * 4 + (halves ? i % 2 * 2 : 0);
                Operands.store(packed, offset, type, values[(int) (row * k + i)]);
            }
        }
        return new Weights(packed, k, values);
    }

    long address() {
        return packed.address();
    }

    float get(long row, long column) {
        return values[(int) (row * k + column)];
    }
}
