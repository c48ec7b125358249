package dev.ocellus.graph.draw;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Places for everything in a diagram, in pixels. Ranks are rows of boxes; lanes are bands over the
 * whole width with a gutter for their names; edges bend only between rows, so that they never cross
 * a box.
 */
final class Layout {
    static final double TITLE_SIZE = 12;
    static final double TEXT_SIZE = 10;
    static final double LINE = 13;
    static final double GUTTER = 150;
    private static final double BOX_WIDTH = 132;
    private static final double BOX_WIDTH_LIMIT = 300;
    private static final double BARS = 22;
    private static final double PASS_WIDTH = 10;
    private static final double COLUMN_GAP = 22;
    private static final double ROW_GAP = 34;
    private static final double LANE_PADDING = 16;
    private static final double LANE_GAP = 26;

    /** What the name and shares of a lane need; the number of layers needs more. */
    private static final double LANE_HEIGHT = 72;

    private static final double FOLDED_LANE_HEIGHT = 116;
    private static final double PORT_SPACING = 14;

    record Rect(double x, double y, double width, double height) {
        double right() {
            return x + width;
        }

        double bottom() {
            return y + height;
        }

        boolean meets(Rect o) {
            return x < o.right() && o.x < right() && y < o.bottom() && o.y < bottom();
        }
    }

    /** A part of an edge between two rows, from above to below; it ends at a box or goes on. */
    record Segment(double x1, double top, double y1, double x2, double y2, boolean arrow) {}

    private final Diagram diagram;
    private final Ranks ranks;
    private final Map<Ranks.Point, Double> centre = new HashMap<>();
    private final double[] rowTop;
    private final double[] rowBottom;
    private final double top;
    private final List<Rect> boxes = new ArrayList<>();
    private final List<Rect> lanes = new ArrayList<>();
    private final List<Segment> segments = new ArrayList<>();
    private double width;

    /**
     * @param top where the first lane begins
     * @param minimumWidth of the whole drawing
     */
    Layout(Diagram diagram, double top, double minimumWidth) {
        this.diagram = diagram;
        this.top = top;
        ranks = new Ranks(diagram);
        rowTop = new double[ranks.rows().size()];
        rowBottom = new double[ranks.rows().size()];
        placeColumns(minimumWidth);
        placeRows();
        for (Diagram.Box b : diagram.boxes()) {
            Ranks.Point p = ranks.points().get(b.id());
            double w = width(p);
            boxes.add(new Rect(centre.get(p) - w / 2, rowTop[p.rank], w, height(b)));
        }
        ranks.rows().forEach(row -> row.forEach(this::route));
    }

    List<Rect> boxes() {
        return boxes;
    }

    List<Rect> lanes() {
        return lanes;
    }

    List<Segment> segments() {
        return segments;
    }

    double width() {
        return width;
    }

    double bottom() {
        return lanes.isEmpty() ? top : lanes.getLast().bottom();
    }

    /** Lines of a box as they fit into it. */
    static List<String> lines(Diagram.Box b) {
        double limit = BOX_WIDTH_LIMIT - 16;
        return b.lines().stream().map(s -> TextMetrics.fit(s, TEXT_SIZE, limit)).toList();
    }

    static String title(Diagram.Box b) {
        return TextMetrics.fit(b.title(), TITLE_SIZE, BOX_WIDTH_LIMIT - 16);
    }

    private double width(Ranks.Point p) {
        if (!p.isBox()) {
            return PASS_WIDTH;
        }
        double text = TextMetrics.width(title(p.box), TITLE_SIZE);
        for (String line : lines(p.box)) {
            text = Math.max(text, TextMetrics.width(line, TEXT_SIZE));
        }
        return Math.max(p.box.kind() == Kind.PORT ? 0 : BOX_WIDTH, Math.ceil(text + 16));
    }

    private static double height(Diagram.Box b) {
        return 24 + LINE * b.lines().size() + (b.kind() == Kind.PORT ? 0 : BARS);
    }

    private void placeColumns(double minimumWidth) {
        centre.putAll(Columns.centres(ranks, this::width, COLUMN_GAP));
        double left = Double.MAX_VALUE;
        double right = -Double.MAX_VALUE;
        for (var e : centre.entrySet()) {
            left = Math.min(left, e.getValue() - width(e.getKey()) / 2);
            right = Math.max(right, e.getValue() + width(e.getKey()) / 2);
        }
        double content = centre.isEmpty() ? 0 : right - left;
        width = Math.max(minimumWidth, Math.ceil(content + GUTTER + 3 * COLUMN_GAP + LANE_GAP));
        double free = width - GUTTER - LANE_GAP - content;
        double shift = GUTTER + LANE_GAP / 2 + free / 2 - left;
        centre.replaceAll((p, x) -> x + shift);
    }

    private void placeRows() {
        double y = top;
        int rank = 0;
        for (int lane = 0; lane < diagram.lanes().size(); lane++) {
            double laneTop = y;
            y += LANE_PADDING;
            for (; rank <= ranks.lastRank(lane); rank++) {
                rowTop[rank] = y;
                rowBottom[rank] = y + rowHeight(rank);
                y = rowBottom[rank] + ROW_GAP;
            }
            boolean folded = diagram.lanes().get(lane).times() > 1;
            double least = folded ? FOLDED_LANE_HEIGHT : LANE_HEIGHT;
            y = Math.max(y + LANE_PADDING - ROW_GAP, laneTop + least);
            lanes.add(new Rect(LANE_GAP / 2, laneTop, width - LANE_GAP, y - laneTop));
            y += LANE_GAP;
        }
    }

    private double rowHeight(int rank) {
        return ranks.rows().get(rank).stream()
                .filter(Ranks.Point::isBox)
                .mapToDouble(p -> height(p.box))
                .max()
                .orElse(0);
    }

    /** Edges that come to a point; several of them arrive side by side. */
    private void route(Ranks.Point to) {
        List<Ranks.Point> sources = new ArrayList<>(to.above);
        sources.sort(Comparator.comparingDouble(centre::get));
        int n = sources.size();
        double spacing = Math.min(PORT_SPACING, width(to) / (n + 1));
        for (int i = 0; i < n; i++) {
            Ranks.Point from = sources.get(i);
            double y1 = rowBottom[from.rank];
            double start = from.isBox() ? boxes.get(from.box.id()).bottom() : rowTop[from.rank];
            double x2 = centre.get(to) + (i - (n - 1) / 2.0) * spacing;
            segments.add(new Segment(centre.get(from), start, y1, x2, rowTop[to.rank], to.isBox()));
        }
    }
}
