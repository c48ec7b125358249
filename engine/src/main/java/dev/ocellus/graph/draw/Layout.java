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
    private static final double BOX_WIDTH_LIMIT = 250;
    private static final double BARS = 22;
    private static final double PASS_WIDTH = 10;
    private static final double COLUMN_GAP = 22;
    private static final double ROW_GAP = 34;
    private static final double LANE_PADDING = 16;
    private static final double LANE_GAP = 26;
    private static final double PORT_SPACING = 14;
    private static final int SWEEPS = 24;
    private static final double STRAIGHT = 6;

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
        Diagram.Box b = diagram.boxes().get(p.box);
        double text = TextMetrics.width(title(b), TITLE_SIZE);
        for (String line : lines(b)) {
            text = Math.max(text, TextMetrics.width(line, TEXT_SIZE));
        }
        return Math.max(b.kind() == Kind.PORT ? 0 : BOX_WIDTH, Math.ceil(text + 16));
    }

    private static double height(Diagram.Box b) {
        return 24 + LINE * b.lines().size() + (b.kind() == Kind.PORT ? 0 : BARS);
    }

    /** Draws points towards the mean of their neighbours, row after row, in their order. */
    private void placeColumns(double minimumWidth) {
        for (List<Ranks.Point> row : ranks.rows()) {
            spread(row, p -> 0);
        }
        for (int i = 0; i < SWEEPS; i++) {
            boolean down = i % 2 == 0;
            boolean both = i >= SWEEPS - 2;
            for (List<Ranks.Point> row : down ? ranks.rows() : ranks.rows().reversed()) {
                spread(row, p -> desired(p, down || both, !down || both));
            }
        }
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

    private double desired(Ranks.Point p, boolean above, boolean below) {
        double sum = 0;
        double weight = 0;
        List<Ranks.Point> neighbours = new ArrayList<>();
        if (above) {
            neighbours.addAll(p.above);
        }
        if (below) {
            neighbours.addAll(p.below);
        }
        for (Ranks.Point n : neighbours) {
            double w = n.isBox() || p.isBox() ? 1 : STRAIGHT;
            sum += w * centre.get(n);
            weight += w;
        }
        return weight == 0 ? centre.get(p) : sum / weight;
    }

    /**
     * The places nearest to the desired ones (least squares) that keep order and distances: pools
     * adjacent violators of the order, after distances are taken out.
     */
    private void spread(
            List<Ranks.Point> row, java.util.function.ToDoubleFunction<Ranks.Point> wish) {
        int n = row.size();
        double[] offset = new double[n];
        double[] mean = new double[n];
        int[] size = new int[n];
        int pools = 0;
        for (int i = 0; i < n; i++) {
            if (i > 0) {
                double distance = (width(row.get(i - 1)) + width(row.get(i))) / 2 + COLUMN_GAP;
                offset[i] = offset[i - 1] + distance;
            }
            mean[pools] = wish.applyAsDouble(row.get(i)) - offset[i];
            size[pools++] = 1;
            while (pools > 1 && mean[pools - 2] > mean[pools - 1]) {
                double sum = mean[pools - 2] * size[pools - 2] + mean[pools - 1] * size[pools - 1];
                size[pools - 2] += size[pools - 1];
                mean[pools - 2] = sum / size[pools - 2];
                pools--;
            }
        }
        int i = 0;
        for (int p = 0; p < pools; p++) {
            for (int k = 0; k < size[p]; k++, i++) {
                centre.put(row.get(i), mean[p] + offset[i]);
            }
        }
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
            y += LANE_PADDING - ROW_GAP;
            lanes.add(new Rect(LANE_GAP / 2, laneTop, width - LANE_GAP, y - laneTop));
            y += LANE_GAP;
        }
    }

    private double rowHeight(int rank) {
        return ranks.rows().get(rank).stream()
                .filter(Ranks.Point::isBox)
                .mapToDouble(p -> height(diagram.boxes().get(p.box)))
                .max()
                .orElse(0);
    }

    /** Edges that come to a point; several of them arrive side by side. */
    private void route(Ranks.Point to) {
        List<Ranks.Point> sources = new ArrayList<>(to.above);
        sources.sort(Comparator.comparingDouble(centre::get));
        int n = sources.size();
        for (int i = 0; i < n; i++) {
            Ranks.Point from = sources.get(i);
            double y1 = rowBottom[from.rank];
            double start = from.isBox() ? boxes.get(from.box).bottom() : rowTop[from.rank];
            double x2 = centre.get(to) + (i - (n - 1) / 2.0) * PORT_SPACING;
            segments.add(new Segment(centre.get(from), start, y1, x2, rowTop[to.rank], to.isBox()));
        }
    }
}
