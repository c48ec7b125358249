package dev.ocellus.kernels.vector;

import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.scalar.Memory;

/**
 * {@link MatMul} with panels of integers, as {@link MatMulLaunch} with others: a unit is two panels
 * for a block of rows, four at a time, which meet widened chunks of the panels.
 *
 * @param x what {@link BlockActivations} made
 */
record BlockMatMulLaunch(MatMul call, long x) implements Launch {
    private static final long PAIR = 2;
    private static final long LINE = PanelReader.LINE;

    /** Rows that meet a chunk of panels before the next one: a multiple of the tile's. */
    private static final long BLOCK_ROWS = 96;

    /** Blocks of a chunk: whole groups. */
    private static final long CHUNK_BLOCKS = 16;

    private static final long SUM_BYTES = PAIR * LINE;

    /** In the workspace, behind the sums: those of a block, and widened chunks with scales. */
    private static final long BLOCK_SUMS = BLOCK_ROWS * SUM_BYTES;

    private static final long WIDENED = BLOCK_SUMS + Tile.ROWS * SUM_BYTES;
    private static final long SCALES = CHUNK_BLOCKS * BlockPanels.BLOCK * LINE;
    private static final long WIDENED_PANEL = SCALES + CHUNK_BLOCKS * LINE;

    private long panelCount() {
        return Panels.count(call.n()) * (call.gated() != 0 ? 2 : 1);
    }

    private static long blocks(long rows) {
        return (rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    }

    @Override
    public long units() {
        return (panelCount() + PAIR - 1) / PAIR * blocks(Memory.rows(call));
    }

    @Override
    public void run(long begin, long end) {
        long rows = Memory.rows(call);
        long blocks = blocks(rows);
        long sums = Workspace.address();
        for (long unit = begin; unit < end; unit++) {
            long first = unit % blocks * BLOCK_ROWS;
            long last = Math.min(first + BLOCK_ROWS, rows);
            long panel = unit / blocks * PAIR;
            long count = Math.min(PAIR, panelCount() - panel);
            Spans.fill(sums, 0, BLOCK_ROWS * SUM_BYTES);
            products(first, last, panel, count, sums);
            Epilogue.finish(call, first, last, panel, sums, SUM_BYTES);
        }
    }

    private long panel(long index) {
        return call.w() + index * Panels.panelBytes(call.wType(), call.k());
    }

    private long row(long index) {
        return x + index * BlockActivations.rowBytes(call.k());
    }

    private void products(long first, long last, long panel, long count, long sums) {
        long blocks = BlockActivations.blocks(call.k());
        long widened = sums + WIDENED;
        for (long block = 0; block < blocks; block += CHUNK_BLOCKS) {
            long some = Math.min(CHUNK_BLOCKS, blocks - block);
            for (long p = 0; p < count; p++) {
                long chunk = Panels.panelBytes(call.wType(), block * BlockPanels.BLOCK);
                long to = widened + p * WIDENED_PANEL;
                for (long lane = 0; lane < LINE; lane += Lanes.BYTES) {
                    BlockPanels.widen(
                            call.wType(), panel(panel + p) + chunk, lane, some, to, to + SCALES);
                }
            }
            // A second panel that is not there is whatever was: its sums are not used.
            for (long row = first; row < last; row += Tile.ROWS) {
                for (long i = 0; i < some; i++) {
                    tile(row, last - 1, block + i, i, sums, (row - first) * SUM_BYTES);
                }
            }
        }
    }

    /** Four rows times a block, which is the chunk's i-th. */
    private void tile(long row, long lastRow, long block, long i, long workspace, long sums) {
        long k = call.k();
        long column = block * BlockPanels.BLOCK * Float.BYTES;
        long scale = BlockActivations.scales(k) + block * Float.BYTES;
        long offset = BlockActivations.offsets(k) + block * Float.BYTES;
        long widened = workspace + WIDENED;
        long w = widened + i * BlockPanels.BLOCK * LINE;
        long wScale = widened + SCALES + i * LINE;
        for (long lane = 0; lane < SUM_BYTES; lane += Tile.PAIR * Lanes.BYTES) {
            // Rows past the last are the last one again.
            BlockTile.fourRows(
                    row(row) + column,
                    row(Math.min(row + 1, lastRow)) + column,
                    row(Math.min(row + 2, lastRow)) + column,
                    row(Math.min(row + 3, lastRow)) + column,
                    scale - column,
                    offset - column,
                    w + place(lane),
                    w + place(lane + Lanes.BYTES),
                    wScale + place(lane),
                    wScale + place(lane + Lanes.BYTES),
                    workspace + BLOCK_SUMS,
                    workspace + sums + lane,
                    SUM_BYTES);
        }
    }

    private static long place(long lane) {
        return lane / LINE * WIDENED_PANEL + lane % LINE;
    }
}
