package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.scalar.Memory;

/**
 * {@link MatMul}. A unit is two panels for a block of rows. One row is multiplied straight from the
 * panels; for more, a chunk of the panels that stays in the second-level cache is widened to
 * float32 if it is not yet, and multiplied with all rows of the block, four at a time. Sums stay in
 * the workspace until the epilogue.
 *
 * @param x activations, rounded beforehand where the compute type says so
 */
record MatMulLaunch(MatMul call, PanelReader panels, long x, long ldx) implements Launch {
    private static final long PAIR = 2;
    private static final long LINE = PanelReader.LINE;

    /** Rows that meet a chunk of panels before the next one: a multiple of the tile's. */
    private static final long BLOCK_ROWS = 96;

    /** Columns of a chunk at most; even, as lines of 16-bit types hold two columns. */
    private static final long CHUNK_COLUMNS = 640;

    /** A row of sums: two panels, or four for a single row of x. */
    private static final long SUM_BYTES = PAIR * LINE;

    /** The widened chunk's place in the workspace, behind the sums. */
    private static final long WIDENED = BLOCK_ROWS * SUM_BYTES;

    private static final long WIDENED_PANEL = CHUNK_COLUMNS * LINE;

    MatMulLaunch(MatMul call, long x, long ldx) {
        this(call, PanelReader.of(call.wType()), x, ldx);
    }

    private long panelCount() {
        return Panels.count(call.n()) * (call.gated() != 0 ? 2 : 1);
    }

    private long pairs() {
        return (panelCount() + PAIR - 1) / PAIR;
    }

    private static long blocks(long rows) {
        return (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    }

    @Override
    public long units() {
        return pairs() * blocks(Memory.rows(call));
    }

    @Override
    public void run(long begin, long end) {
        long rows = Memory.rows(call);
        long blocks = blocks(rows);
        long sums = Workspace.address();
        for (long unit = begin; unit < end; ) {
            long units = rows == 1 ? Math.min(PAIR, end - unit) : 1;
            long first = unit % blocks * BLOCK_ROWS;
            long last = Math.min(first + BLOCK_ROWS, rows);
            long panel = unit / blocks * PAIR;
            long count = Math.min(units * PAIR, panelCount() - panel);
            if (rows == 1) {
                oneRow(panel, count, sums);
            } else {
                block(first, last, panel, count, sums);
            }
            for (long p = 0; p < count; p += PAIR) {
                Epilogue.finish(call, first, last, panel + p, sums + p * LINE, SUM_BYTES);
            }
            unit += units;
        }
    }

    /** The products of a single row with up to four panels. */
    private void oneRow(long panel, long count, long sums) {
        Spans.fill(sums, 0, PAIR * SUM_BYTES);
        for (long lane = 0; lane < count * LINE; lane += Tile.QUAD * Lanes.BYTES) {
            long w0 = place(panel, lane, count);
            long w1 = place(panel, lane + Lanes.BYTES, count);
            long w2 = place(panel, lane + 2 * Lanes.BYTES, count);
            long w3 = place(panel, lane + 3 * Lanes.BYTES, count);
            oneRow(w0, w1, w2, w3, sums + lane);
        }
    }

    private void oneRow(long w0, long w1, long w2, long w3, long sums) {
        long odd = call.k() % panels.lineColumns();
        long even = call.k() - odd;
        panels.oneRow(x, w0, w1, w2, w3, even, sums);
        if (odd != 0) {
            long line = even / panels.lineColumns() * LINE;
            long last = Workspace.address() + WIDENED;
            Tile.oneRow(
                    x + even * 4,
                    Float.BYTES,
                    panels.widened(w0 + line, 1, last),
                    panels.widened(w1 + line, 1, last + 2 * LINE),
                    panels.widened(w2 + line, 1, last + 4 * LINE),
                    panels.widened(w3 + line, 1, last + 6 * LINE),
                    LINE,
                    1,
                    sums);
        }
    }

    /** Address of weights: {@code lane} bytes into the lines of {@code count} panels. */
    private long place(long panel, long lane, long count) {
        // What lies past the end is taken to be something that is there: its sums are not used.
        long in = lane < count * LINE ? lane : lane % LINE;
        return call.w() + (panel + in / LINE) * panelBytes() + in % LINE;
    }

    private long panelBytes() {
        return Panels.panelBytes(call.wType(), call.k());
    }

    private void block(long first, long last, long panel, long count, long sums) {
        Spans.fill(sums, 0, BLOCK_ROWS * SUM_BYTES);
        long a = call.w() + panel * panelBytes();
        // A second panel that is not there is the first one again: its sums are not used.
        long b = a + (count - 1) * panelBytes();
        long widened = sums + WIDENED;
        long chunks = (call.k() + CHUNK_COLUMNS - 1) / CHUNK_COLUMNS;
        long chunk = ((call.k() + chunks - 1) / chunks + 1) / 2 * 2;
        for (long column = 0; column < call.k(); column += chunk) {
            long columns = Math.min(chunk, call.k() - column);
            long line = column / panels.lineColumns() * LINE;
            long lines = (columns + panels.lineColumns() - 1) / panels.lineColumns();
            long wa = widened(a + line, lines, widened);
            long wb = widened(b + line, lines, widened + WIDENED_PANEL);
            for (long row = first; row < last; row += Tile.ROWS) {
                tile(row, last - 1, column, columns, wa, wb, sums + (row - first) * SUM_BYTES);
            }
        }
    }

    private long widened(long panel, long lines, long to) {
        long result = panels.widened(panel, lines, to);
        for (long lane = Lanes.BYTES; lane < LINE; lane += Lanes.BYTES) {
            panels.widened(panel + lane, lines, to + lane);
        }
        return result;
    }

    private void tile(
            long row, long lastRow, long column, long columns, long a, long b, long sums) {
        long x0 = x + column * 4 + row * ldx * 4;
        // Rows past the last are the last one again.
        long x1 = x0 + Math.min(1, lastRow - row) * ldx * 4;
        long x2 = x0 + Math.min(2, lastRow - row) * ldx * 4;
        long x3 = x0 + Math.min(3, lastRow - row) * ldx * 4;
        for (long lane = 0; lane < SUM_BYTES; lane += Tile.PAIR * Lanes.BYTES) {
            long next = lane + Lanes.BYTES;
            Tile.fourRows(
                    x0,
                    x1,
                    x2,
                    x3,
                    Float.BYTES,
                    (lane < LINE ? a : b) + lane % LINE,
                    (next < LINE ? a : b) + next % LINE,
                    LINE,
                    columns,
                    sums + lane,
                    SUM_BYTES);
        }
    }
}
