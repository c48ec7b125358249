package dev.ocellus.generate;

import dev.ocellus.device.Device;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Into what pieces prompts are cut, each of which goes through in one step. Immutable. */
public final class PromptChunks {
    /** A token, a short piece, and long ones. */
    private static final int[] ROWS = {1, 32, 512, 2048};

    /** The longest piece for which a step is run that has room for more. */
    private static final int PARTLY_FILLED = 2;

    private final int[] rows;

    /**
     * @param rows that steps have room for, ascending from 1
     */
    PromptChunks(int... rows) {
        this.rows = rows.clone();
    }

    /** Those that keep a device busy. */
    public static PromptChunks of(Device device) {
        return new PromptChunks(Arrays.stream(ROWS).filter(r -> r <= device.busyRows()).toArray());
    }

    /** Rows that steps have room for, ascending from 1. */
    int[] rows() {
        return rows.clone();
    }

    /** Most tokens that go through in one step. */
    public int longest() {
        return rows[rows.length - 1];
    }

    /**
     * Tokens of the next piece. The tokens that other sequences decode come between the pieces:
     * while there are some, pieces are not of the longest. A device may take as long for rows that
     * do not count as for those that do, so the longest steps are for whole pieces.
     *
     * @param left tokens that have not gone through yet, at least 1
     */
    int next(int left, boolean othersDecode) {
        int i = rows.length - 1;
        if (othersDecode && i > 0) {
            i--;
        }
        while (i > PARTLY_FILLED && rows[i] > left) {
            i--;
        }
        return Math.min(rows[i], left);
    }

    /** The pieces of a prompt while nobody else decodes, in order. */
    public List<Integer> cut(int tokens) {
        List<Integer> pieces = new ArrayList<>();
        for (int left = tokens; left > 0; left -= pieces.getLast()) {
            pieces.add(next(left, false));
        }
        return pieces;
    }
}
