package dev.ocellus.kernels;

import dev.ocellus.tensor.DType;

import java.util.random.RandomGenerator;

/**
 * The weights of a gated layer with n outputs: a row of the gate and one of the other factor for
 * each.
 *
 * @param upDistance rows from that of the gate to the other
 * @param stride rows from a group of 16 outputs to the next
 */
record GatedWeights(Weights all, long upDistance, long stride) {
    private static final int GROUP = 16;

    static GatedWeights random(
            Operands operands, DType type, long n, long k, RandomGenerator random) {
        if (operands.layout() == Layout.ROWS && !type.isBlock()) {
            return new GatedWeights(Weights.random(operands, type, 2 * n, k, random), n, GROUP);
        }
        // Panels alternate: 16 rows of gate, 16 rows of up.
        long rows = (n + GROUP - 1) / GROUP * 2 * GROUP;
        return new GatedWeights(Weights.random(operands, type, rows, k, random), GROUP, 2 * GROUP);
    }

    long address() {
        return all.address();
    }

    /** Row of the gate of an output. */
    long gateRow(long output) {
        return output / GROUP * stride + output % GROUP;
    }

    long upRow(long output) {
        return gateRow(output) + upDistance;
    }

    float get(long row, long column) {
        return all.get(row, column);
    }
}
