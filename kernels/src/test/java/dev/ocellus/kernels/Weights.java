package dev.ocellus.kernels;

import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;

/**
 * A matrix [rows, k] of weights, as stored and in plain floats.
 *
 * @param values the weights as stored, rounded to the type, row-major
 */
record Weights(MemorySegment stored, long k, float[] values) {
    /** In the layout of the operands: packed here by hand, as {@link Panels} describe, or rows. */
    static Weights random(
            Operands operands, DType type, long rows, long k, RandomGenerator random) {
        if (type.isBlock()) {
            BlockMatrix m = BlockMatrix.random(type, (int) rows, (int) k, random);
            return new Weights(m.packed(operands), k, m.values());
        }
        if (operands.layout() == Layout.ROWS) {
            return rows(operands, type, rows, k, Panels.ALIGNMENT, random);
        }
        boolean halves = type != DType.F32;
        long steps = halves ? (k + 1) / 2 : k;
        MemorySegment stored = operands.bytes((rows + 15) / 16 * steps * 64, 64);
        stored.fill((byte) 0);
        float[] values = new float[(int) (rows * k)];
        for (int i = 0; i < values.length; i++) {
            long row = i / k;
            long column = i % k;
            long step = row / 16 * steps + (halves ? column / 2 : column);
            long offset = step * 64 + row % 16 * 4 + (halves ? column % 2 * 2 : 0);
            values[i] = Operands.store(stored, offset, type, (float) random.nextGaussian());
        }
        return new Weights(stored, k, values);
    }

    /** Rows without gaps, as in a file. */
    static Weights plain(Operands operands, DType type, long rows, long k, RandomGenerator random) {
        return rows(operands, type, rows, k, type.byteSize(), random);
    }

    private static Weights rows(
            Operands operands,
            DType type,
            long rows,
            long k,
            long alignment,
            RandomGenerator random) {
        long size = type.byteSize();
        MemorySegment stored = operands.bytes(rows * k * size, alignment);
        float[] values = new float[(int) (rows * k)];
        for (int i = 0; i < values.length; i++) {
            values[i] = Operands.store(stored, i * size, type, (float) random.nextGaussian());
        }
        return new Weights(stored, k, values);
    }

    long address() {
        return stored.address();
    }

    float get(long row, long column) {
        return values[(int) (row * k + column)];
    }
}
