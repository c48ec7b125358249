package dev.ocellus.measure.report;

import dev.ocellus.graph.draw.GraphSvg;
import dev.ocellus.graph.draw.TextMetrics;
import dev.ocellus.graph.draw.Units;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * A roofline as an SVG element for a {@link HtmlPage}, whose style gives it its colours. A mark
 * stands for a step of all layers, its area for its share of the work's time; the dots around it
 * are the single layers. A step that computes nothing stands at the left edge, as far below the
 * roof as its bytes a second are below what memory allows.
 */
final class RooflineSvg {
    private static final double WIDTH = 1060;
    private static final double HEIGHT = 620;
    private static final double LEFT = 84;
    private static final double RIGHT = WIDTH - 128;
    private static final double BOTTOM = HEIGHT - 52;
    private static final double LEGEND_LINE = 22;
    private static final double LABEL_SIZE = 11;
    private static final double SMALLEST = 3.5;
    private static final double MEDIUM = 7;
    private static final double LARGEST = 21;

    /** Steps below this share of their work's time carry no label. */
    private static final double LABELLED = 0.04;

    /** Steps below this share may lie beyond the picture's range, at its edge. */
    private static final double NOTABLE = 0.002;

    private final Roofline roofline;
    private final StringBuilder out = new StringBuilder();
    private final double top;
    private final LogAxis x;
    private final LogAxis y;
    private final LabelPlaces places;

    private RooflineSvg(Roofline roofline) {
        this.roofline = roofline;
        top = 2 * LEGEND_LINE + 18;
        double[] intensity = intensities();
        x = new LogAxis(intensity[0], intensity[1], LEFT, RIGHT);
        double[] speed = speeds();
        y = new LogAxis(speed[0], speed[1], BOTTOM, top);
        places = new LabelPlaces(new LabelPlaces.Box(LEFT + 2, top, RIGHT, BOTTOM));
    }

    static String text(Roofline roofline) {
        return new RooflineSvg(roofline).write();
    }

    private List<Roofline.Step> steps() {
        return roofline.works().stream().flatMap(w -> w.steps().stream()).toList();
    }

    /** Powers of two around the steps and the corner of the highest roof. */
    private double[] intensities() {
        double low = 1;
        double high = 4;
        for (Roofline.Step s : steps()) {
            double i = s.cost().intensity();
            low = i > 0 ? Math.min(low, i) : low;
            high = Math.max(high, i);
        }
        if (roofline.bytesPerSecond() > 0) {
            high = Math.max(high, 2 * highestRoof() / roofline.bytesPerSecond());
        }
        return new double[] {power(2, low, -1), power(2, high, 1)};
    }

    /** Powers of ten around the steps and the roofs. */
    private double[] speeds() {
        double high = Math.max(highestRoof(), 1e9);
        double low = high / 100;
        for (Roofline.Work w : roofline.works()) {
            for (Roofline.Step s : w.steps()) {
                double f = flopsPerSecond(s);
                // Steps that take no time to speak of must not squeeze all others.
                if (f > 0 && s.seconds() > NOTABLE * w.seconds()) {
                    low = Math.min(low, f);
                    high = Math.max(high, f);
                }
            }
        }
        return new double[] {power(10, Math.max(low, high / 1e5), 0), 1.7 * high};
    }

    private static double power(double base, double value, int more) {
        double exponent = Math.log(value) / Math.log(base);
        return Math.pow(base, more > 0 ? Math.ceil(exponent + 1e-9) : Math.floor(exponent - 1e-9));
    }

    private double highestRoof() {
        return roofline.roofs().stream()
                .mapToDouble(Roofline.Roof::flopsPerSecond)
                .max()
                .orElse(1e9);
    }

    /** Height of a step; one without arithmetic has the height of its bytes at the left edge. */
    private double flopsPerSecond(Roofline.Step s) {
        return s.cost().flops() > 0 ? s.flopsPerSecond() : s.bytesPerSecond() * leftEdge();
    }

    private double leftEdge() {
        return intensities()[0];
    }

    private String write() {
        add(
                "<svg class=\"roofline\" viewBox=\"0 0 %.0f %.0f\" role=\"img\""
                        + " xmlns=\"http://www.w3.org/2000/svg\">\n",
                WIDTH, HEIGHT);
        add("<title>Steps under the limits of this machine</title>\n");
        legend();
        grid();
        roofs();
        for (int w = 0; w < roofline.works().size(); w++) {
            dots(roofline.works().get(w));
        }
        for (int w = 0; w < roofline.works().size(); w++) {
            marks(w);
        }
        labels();
        return out.append("</svg>\n").toString();
    }

    /** Colours are families of operations, shapes are pieces of work. */
    private void legend() {
        double at = LEFT;
        for (int w = 0; w < roofline.works().size(); w++) {
            String name = roofline.works().get(w).name();
            add("<path class=\"key\" d=\"%s\"/>\n", Mark.of(w).path(at + 6, 12, 6));
            at += 18 + text(at + 18, 16, 12, "label", "start", name) + 18;
        }
        at = LEFT;
        Set<Roofline.Family> families = new LinkedHashSet<>();
        steps().forEach(s -> families.add(s.family()));
        for (Roofline.Family f : families) {
            add(
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"12\" rx=\"3\" fill=\"%s\"/>\n",
                    at, LEGEND_LINE + 8, f.colour());
            at += 18 + text(at + 18, LEGEND_LINE + 18, 12, "label", "start", f.name()) + 18;
        }
    }

    private void grid() {
        for (double i = x.from(); i <= x.to() * 1.001; i *= 2) {
            line("grid", x.at(i), BOTTOM, x.at(i), top);
            String name = i < 1 ? "1/" + Math.round(1 / i) : String.valueOf(Math.round(i));
            text(x.at(i), BOTTOM + 18, 11, "tick", "middle", name);
        }
        for (double f = y.from(); f <= y.to(); f *= 10) {
            line("grid", LEFT, y.at(f), RIGHT, y.at(f));
            text(LEFT - 8, y.at(f) + 4, 11, "tick", "end", Units.si(f, "FLOP/s"));
        }
        text(
                (LEFT + RIGHT) / 2,
                HEIGHT - 10,
                12,
                "label",
                "middle",
                "arithmetic intensity, FLOP for each byte");
    }

    private void roofs() {
        double read = roofline.bytesPerSecond();
        double ridge = read > 0 ? highestRoof() / read : x.from();
        if (read > 0) {
            double from = Math.max(x.from(), y.from() / read);
            add(
                    "<path class=\"under\" d=\"M%.1f,%.1f L%.1f,%.1f L%.1f,%.1f L%.1f,%.1f L%.1f,%.1f"
                            + " z\"/>\n",
                    x.at(from),
                    y.at(from * read),
                    x.at(ridge),
                    y.at(highestRoof()),
                    RIGHT,
                    y.at(highestRoof()),
                    RIGHT,
                    BOTTOM,
                    x.at(from),
                    BOTTOM);
            line("roof", x.at(from), y.at(from * read), x.at(ridge), y.at(highestRoof()));
            memoryLabel(from, ridge, read);
        }
        List<Roofline.Roof> ordered = new ArrayList<>(roofline.roofs());
        ordered.sort(Comparator.comparingDouble(Roofline.Roof::flopsPerSecond));
        double below = Double.POSITIVE_INFINITY;
        for (Roofline.Roof r : ordered) {
            double start = read > 0 ? r.flopsPerSecond() / read : x.from();
            double height = y.at(r.flopsPerSecond());
            line(r.inUse() ? "roof" : "other roof", x.at(start), height, RIGHT, height);
            places.block(new LabelPlaces.Box(x.at(start), height - 2, RIGHT, height + 2));
            below = Math.min(height + 4, below - 30);
            text(RIGHT + 8, below - 7, 11.5, "rooflabel", "start", r.name());
            text(
                    RIGHT + 8,
                    below + 7,
                    11.5,
                    "tick",
                    "start",
                    Units.si(r.flopsPerSecond(), r.integer() ? "OP/s" : "FLOP/s"));
        }
    }

    /** Written along the slanted roof. */
    private void memoryLabel(double from, double ridge, double read) {
        double fromX = x.at(from);
        double fromY = y.at(from * read);
        double slope = (y.at(highestRoof()) - fromY) / (x.at(ridge) - fromX);
        double at = fromX + 0.3 * (x.at(ridge) - fromX);
        double height = fromY + slope * (at - fromX) - 8;
        add(
                "<text class=\"rooflabel\" x=\"%.1f\" y=\"%.1f\" font-size=\"11.5\""
                        + " transform=\"rotate(%.2f %.1f %.1f)\">%s</text>\n",
                at,
                height,
                Math.toDegrees(Math.atan(slope)),
                at,
                height,
                GraphSvg.escape("memory  " + Units.si(read, "B/s")));
        double length = TextMetrics.width("memory  " + Units.si(read, "B/s"), 11.5);
        for (double d = 0; d < length; d += 8) {
            double px = at + d;
            double py = height + slope * d;
            places.block(new LabelPlaces.Box(px - 8, py - 14, px + 8, py + 6));
        }
    }

    private double x(Roofline.Step s) {
        return x.at(s.cost().flops() > 0 ? s.cost().intensity() : x.from());
    }

    private double y(Roofline.Step s) {
        return y.at(flopsPerSecond(s));
    }

    private static double radius(Roofline.Work work, Roofline.Step s) {
        if (!work.whole()) {
            return MEDIUM;
        }
        double share = work.seconds() == 0 ? 0 : s.seconds() / work.seconds();
        return Math.max(SMALLEST, LARGEST * Math.sqrt(share));
    }

    /** Each layer on its own. */
    private void dots(Roofline.Work work) {
        for (Roofline.Step s : work.steps()) {
            double mean = s.seconds() / s.layers().size();
            for (double seconds : s.layers()) {
                if (s.layers().size() > 1 && seconds > 0) {
                    add(
                            "<circle class=\"layer\" cx=\"%.1f\" cy=\"%.1f\" r=\"1.6\" fill=\"%s\"/>\n",
                            x(s), y.at(flopsPerSecond(s) * mean / seconds), s.family().colour());
                }
            }
        }
    }

    private void marks(int index) {
        Roofline.Work work = roofline.works().get(index);
        for (Roofline.Step s : work.steps()) {
            double r = radius(work, s);
            places.block(new LabelPlaces.Box(x(s) - r, y(s) - r, x(s) + r, y(s) + r));
            add(
                    "<path class=\"step\" fill=\"%s\" stroke=\"%s\" d=\"%s\"><title>%s</title></path>\n",
                    s.family().colour(),
                    s.family().colour(),
                    Mark.of(index).path(x(s), y(s), r),
                    GraphSvg.escape(details(work, s)));
        }
    }

    private String details(Roofline.Work work, Roofline.Step s) {
        String layers = s.layers().size() == 1 ? "" : ", " + s.layers().size() + " layers";
        return String.join(
                "\n",
                work.name() + ": " + s.name(),
                s.place() + layers,
                s.weights(),
                HtmlPage.time(s.seconds()) + share(work, s, ", ", " of the time"),
                Units.si(s.flopsPerSecond(), "FLOP/s")
                        + ", "
                        + Units.si(s.bytesPerSecond(), "B/s")
                        + ", "
                        + Units.percent(roofline.share(s), 1)
                        + " of the roof");
    }

    private static String share(Roofline.Work work, Roofline.Step s, String before, String after) {
        return work.whole() ? before + Units.percent(s.seconds(), work.seconds()) + after : "";
    }

    /** The heaviest first: they find the best places. */
    private void labels() {
        record Labelled(Roofline.Work work, Roofline.Step step) {
            double share() {
                return work.whole() ? step.seconds() / work.seconds() : 1;
            }
        }
        List<Labelled> heavy = new ArrayList<>();
        for (Roofline.Work w : roofline.works()) {
            w.steps().forEach(s -> heavy.add(new Labelled(w, s)));
        }
        heavy.removeIf(l -> !(l.share() >= LABELLED));
        heavy.sort(Comparator.comparingDouble(Labelled::share).reversed());
        for (Labelled l : heavy) {
            label(l.work(), l.step());
        }
    }

    private void label(Roofline.Work work, Roofline.Step s) {
        String name = TextMetrics.fit(s.name(), LABEL_SIZE, 170) + share(work, s, "  ", "");
        double width = TextMetrics.width(name, LABEL_SIZE);
        double r = radius(work, s);
        LabelPlaces.Box box = places.place(x(s), y(s), r, width, LABEL_SIZE + 4);
        if (box == null) {
            return;
        }
        double nearX = Math.clamp(x(s), box.left(), box.right());
        double nearY = Math.clamp(y(s), box.top() + 3, box.bottom() - 3);
        double distance = Math.hypot(nearX - x(s), nearY - y(s));
        if (distance > r + 12) {
            double start = r / distance;
            line(
                    "leader",
                    x(s) + (nearX - x(s)) * start,
                    y(s) + (nearY - y(s)) * start,
                    nearX,
                    nearY);
        }
        text(box.left() + 2, box.bottom() - 4, LABEL_SIZE, "label", "start", name);
    }

    private void line(String style, double x1, double y1, double x2, double y2) {
        add("<path class=\"%s\" d=\"M%.1f,%.1f L%.1f,%.1f\"/>\n", style, x1, y1, x2, y2);
    }

    /** Writes a line of text and gives its width. */
    private double text(double px, double py, double size, String style, String anchor, String s) {
        add(
                "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" font-size=\"%.1f\" text-anchor=\"%s\">%s"
                        + "</text>\n",
                style, px, py, size, anchor, GraphSvg.escape(s));
        return TextMetrics.width(s, size);
    }

    private void add(String format, Object... args) {
        out.append(String.format(Locale.ROOT, format, args));
    }

    /** Shapes of marks, a different one for each piece of work. */
    private enum Mark {
        CIRCLE,
        SQUARE,
        TRIANGLE,
        DIAMOND,
        HEXAGON,
        TRIANGLE_DOWN;

        static Mark of(int work) {
            return values()[work % values().length];
        }

        String path(double x, double y, double r) {
            return switch (this) {
                case CIRCLE ->
                        String.format(
                                Locale.ROOT,
                                "M%.1f,%.1f a%.1f,%.1f 0 1,0 %.1f,0 a%.1f,%.1f 0 1,0 %.1f,0 z",
                                x - r,
                                y,
                                r,
                                r,
                                2 * r,
                                r,
                                r,
                                -2 * r);
                case SQUARE -> polygon(x, y, r, 4, 45);
                case TRIANGLE -> polygon(x, y, r * 1.15, 3, -90);
                case DIAMOND -> polygon(x, y, r * 1.1, 4, 0);
                case HEXAGON -> polygon(x, y, r, 6, 0);
                case TRIANGLE_DOWN -> polygon(x, y, r * 1.15, 3, 90);
            };
        }

        private static String polygon(double x, double y, double r, int corners, double degrees) {
            StringBuilder path = new StringBuilder();
            for (int i = 0; i < corners; i++) {
                double angle = Math.toRadians(degrees + 360.0 * i / corners);
                path.append(
                        String.format(
                                Locale.ROOT,
                                "%s%.1f,%.1f ",
                                i == 0 ? "M" : "L",
                                x + r * Math.cos(angle),
                                y + r * Math.sin(angle)));
            }
            return path + "z";
        }
    }
}
