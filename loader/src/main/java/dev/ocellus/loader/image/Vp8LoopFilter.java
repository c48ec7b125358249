package dev.ocellus.loader.image;

/** The loop filter of VP8 (RFC 6386, section 15), run over a whole reconstructed frame. */
final class Vp8LoopFilter {
    private final boolean simple;
    private final int sharpness;

    Vp8LoopFilter(boolean simple, int sharpness) {
        this.simple = simple;
        this.sharpness = sharpness;
    }

    /**
     * Filters the edges of the macroblock at ({@code column}, {@code row}); macroblocks go row by
     * row.
     *
     * @param level filter strength 0..63
     * @param inner whether the edges between its subblocks are filtered as well
     */
    void macroblock(
            Vp8Plane y, Vp8Plane u, Vp8Plane v, int column, int row, int level, boolean inner) {
        if (level == 0) {
            return;
        }
        int interior = interiorLimit(level);
        int edge = 2 * (2 * level + interior) + 1;
        int variance = level >= 40 ? 2 : level >= 15 ? 1 : 0;
        filterPlane(y, 16, column, row, edge, interior, variance, inner);
        if (!simple) {
            filterPlane(u, 8, column, row, edge, interior, variance, inner);
            filterPlane(v, 8, column, row, edge, interior, variance, inner);
        }
    }

    private int interiorLimit(int level) {
        int limit = level;
        if (sharpness > 0) {
            limit = Math.min(limit >> (sharpness > 4 ? 2 : 1), 9 - sharpness);
        }
        return Math.max(limit, 1);
    }

    private void filterPlane(
            Vp8Plane plane,
            int size,
            int column,
            int row,
            int edge,
            int interior,
            int variance,
            boolean inner) {
        int origin = plane.index(column * size, row * size);
        int stride = plane.stride;
        if (column > 0) {
            edge(plane, origin, 1, stride, size, edge + 8, interior, variance, true);
        }
        for (int x = 4; inner && x < size; x += 4) {
            edge(plane, origin + x, 1, stride, size, edge, interior, variance, false);
        }
        if (row > 0) {
            edge(plane, origin, stride, 1, size, edge + 8, interior, variance, true);
        }
        for (int y = 4; inner && y < size; y += 4) {
            edge(plane, origin + y * stride, stride, 1, size, edge, interior, variance, false);
        }
    }

    /**
     * Filters {@code length} positions of an edge, {@code along} apart; samples before and after it
     * are {@code across} apart.
     */
    private void edge(
            Vp8Plane plane,
            int start,
            int across,
            int along,
            int length,
            int limit,
            int interior,
            int variance,
            boolean macroblockEdge) {
        for (int i = 0, p = start; i < length; i++, p += along) {
            int p1 = plane.at(p - 2 * across);
            int p0 = plane.at(p - across);
            int q0 = plane.at(p);
            int q1 = plane.at(p + across);
            if (4 * Math.abs(p0 - q0) + Math.abs(p1 - q1) > limit) {
                continue;
            }
            if (simple) {
                commonAdjust(plane, p, across, p1, p0, q0, q1);
                continue;
            }
            if (!smooth(plane, p, across, interior)) {
                continue;
            }
            if (Math.abs(p1 - p0) > variance || Math.abs(q1 - q0) > variance) {
                commonAdjust(plane, p, across, p1, p0, q0, q1);
            } else if (macroblockEdge) {
                adjustSix(plane, p, across, p1, p0, q0, q1);
            } else {
                adjustFour(plane, p, across, p1, p0, q0, q1);
            }
        }
    }

    private static boolean smooth(Vp8Plane plane, int p, int across, int limit) {
        for (int i = -4; i < 3; i++) {
            boolean acrossTheEdge = i == -1;
            int step = plane.at(p + i * across) - plane.at(p + (i + 1) * across);
            if (!acrossTheEdge && Math.abs(step) > limit) {
                return false;
            }
        }
        return true;
    }

    private static void commonAdjust(
            Vp8Plane plane, int p, int across, int p1, int p0, int q0, int q1) {
        int a = signed(3 * (q0 - p0) + signed(p1 - q1));
        plane.put(p - across, p0 + (Math.min(a + 3, 127) >> 3));
        plane.put(p, q0 - (Math.min(a + 4, 127) >> 3));
    }

    private static void adjustFour(
            Vp8Plane plane, int p, int across, int p1, int p0, int q0, int q1) {
        int a = signed(3 * (q0 - p0));
        int toQ = Math.min(a + 4, 127) >> 3;
        int outer = toQ + 1 >> 1;
        plane.put(p - 2 * across, p1 + outer);
        plane.put(p - across, p0 + (Math.min(a + 3, 127) >> 3));
        plane.put(p, q0 - toQ);
        plane.put(p + across, q1 - outer);
    }

    private static void adjustSix(
            Vp8Plane plane, int p, int across, int p1, int p0, int q0, int q1) {
        int a = signed(3 * (q0 - p0) + signed(p1 - q1));
        int nearest = 27 * a + 63 >> 7;
        int middle = 18 * a + 63 >> 7;
        int outer = 9 * a + 63 >> 7;
        plane.put(p - 3 * across, plane.at(p - 3 * across) + outer);
        plane.put(p - 2 * across, p1 + middle);
        plane.put(p - across, p0 + nearest);
        plane.put(p, q0 - nearest);
        plane.put(p + across, q1 - middle);
        plane.put(p + 2 * across, plane.at(p + 2 * across) - outer);
    }

    private static int signed(int value) {
        return Math.clamp(value, -128, 127);
    }
}
