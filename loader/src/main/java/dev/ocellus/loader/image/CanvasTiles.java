package dev.ocellus.loader.image;

import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/** The tiles that are cut out of one canvas, and how to get there from the rows of its source. */
final class CanvasTiles {
    private static final int QUAD = 4;
    private static final int BAND_QUADS = ImageTiles.BAND / QUAD;

    private final Canvas canvas;
    private final List<Tile> tiles;
    private final Planes planes;
    private final ResampleTaps columns;
    private final ResampleTaps rows;

    /**
     * @param address of the tile's three planes
     */
    record Tile(View view, long address) {}

    /**
     * How tiles are written: float32 planes of {@code stride} values, rows {@code width} apart.
     *
     * @param table address of the float32 [3, 256] that samples become
     */
    record Planes(long table, long width, long stride) {}

    /**
     * @param arena owns the filters; must live as long as this is used
     */
    CanvasTiles(Canvas canvas, List<Tile> tiles, Planes planes, Arena arena) {
        this.canvas = canvas;
        this.tiles = tiles;
        this.planes = planes;
        RgbImage source = canvas.source();
        columns = ResampleTaps.of(source.width(), canvas.width(), canvas.filter(), arena);
        rows = ResampleTaps.of(source.height(), canvas.height(), canvas.filter(), arena);
    }

    /**
     * Prepares to make the rows of the canvas that are complete with source rows [begin, end).
     *
     * @param input address of the band of source rows that is being taken
     * @param inputRows address of the int64 number of rows in that band
     */
    Pass begin(
            int begin, int end, long input, long inputRows, KernelProvider provider, Arena arena) {
        int from = Math.max(rows.firstBeyond(begin), top());
        return new Pass(
                from, Math.max(from, rows.firstBeyond(end)), input, inputRows, provider, arena);
    }

    private int top() {
        return tiles.stream().mapToInt(t -> t.view().top()).min().orElseThrow();
    }

    /** A walk down the source rows. For one thread. */
    final class Pass {
        private final int firstInput;
        private final int end;
        private int next;

        /** The horizontal pass to each place of the ring of quads. */
        private final List<Launch> horizontal = new ArrayList<>();

        /** The vertical pass to each tile. */
        private final List<Launch> vertical = new ArrayList<>();

        private Pass(
                int next,
                int end,
                long input,
                long inputRows,
                KernelProvider provider,
                Arena arena) {
            this.next = next;
            this.end = end;
            firstInput = next < end ? rows.first()[next] : Integer.MAX_VALUE;
            // Outputs that end in a band reach back from there by the length of the filter.
            int places = (rows.taps() / QUAD + BAND_QUADS - 1) / BAND_QUADS + 1;
            long quadBytes = (long) canvas.width() * RgbImage.CHANNELS * QUAD;
            long ring = arena.allocate(places * BAND_QUADS * quadBytes, 64).address();
            for (int i = 0; i < places; i++) {
                long to = ring + i * BAND_QUADS * quadBytes;
                KernelCall call = rowsCall(input, inputRows, to, quadBytes);
                horizontal.addAll(provider.bind(call, 0, arena));
            }
            for (Tile tile : tiles) {
                KernelCall call = planesCall(tile, ring, quadBytes, places * BAND_QUADS);
                vertical.addAll(provider.bind(call, 0, arena));
            }
        }

        /** The first source row that is needed. */
        int firstInput() {
            return firstInput;
        }

        /** Takes the band of {@code count} source rows from row {@code row} on. */
        void take(int row, int count) {
            if (row + count <= firstInput || next == end) {
                return;
            }
            horizontal.get(row / ImageTiles.BAND % horizontal.size()).run(0, 1);
            int from = next;
            while (next < end && rows.end(next) <= row + count) {
                next++;
            }
            for (int i = 0; i < tiles.size() && from < next; i++) {
                View view = tiles.get(i).view();
                int first = Math.max(from, view.top());
                int last = Math.min(next, view.bottom());
                if (first < last) {
                    vertical.get(i).run(first - view.top(), last - view.top());
                }
            }
        }
    }

    private KernelCall rowsCall(long input, long inputRows, long out, long quadBytes) {
        long width = canvas.source().width();
        return new KernelCall.ResizeRows(
                input,
                width * RgbImage.CHANNELS,
                columns.firstAddress(),
                columns.weightsAddress(),
                columns.taps(),
                out,
                quadBytes,
                ImageTiles.BAND,
                inputRows,
                width,
                canvas.width());
    }

    private KernelCall planesCall(Tile tile, long ring, long quadBytes, long quads) {
        View view = tile.view();
        long place = (long) (view.top() - view.y()) * planes.width() + view.left() - view.x();
        return new KernelCall.ResizePlanes(
                ring + (long) view.left() * RgbImage.CHANNELS * QUAD,
                quadBytes,
                quads,
                rows.firstAddress() + view.top() * 4L,
                rows.weightsAddress() + (long) view.top() * rows.taps() * 4,
                rows.taps(),
                planes.table(),
                tile.address() + place * Float.BYTES,
                planes.width(),
                planes.stride(),
                view.bottom() - view.top(),
                0,
                view.right() - view.left());
    }
}
