package dev.ocellus.graph.draw;

import dev.ocellus.graph.Cost;

import java.util.Locale;

/**
 * A diagram as one SVG file that needs nothing else: a lane for each section, a box for each step
 * in the colour of its kind, with bars for its share of all operations and of all bytes.
 */
public final class GraphSvg {
    private static final double MINIMUM_WIDTH = 700;
    private static final double MARGIN = 13;
    private static final double CHIP = 20;
    private static final String FONT =
            "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";
    private static final String INK = "#0f172a";
    private static final String FAINT = "#64748b";

    private final Diagram diagram;
    private final StringBuilder out = new StringBuilder();

    private GraphSvg(Diagram diagram) {
        this.diagram = diagram;
    }

    public static String text(Diagram diagram) {
        return new GraphSvg(diagram).write();
    }

    private String write() {
        // The header's height depends on how its chips wrap, which depends on the width.
        double width = new Layout(diagram, 0, MINIMUM_WIDTH).width();
        double top = header(width);
        String header = out.toString();
        out.setLength(0);
        Layout layout = new Layout(diagram, top, MINIMUM_WIDTH);
        double height = layout.bottom() + MARGIN;
        add(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\""
                        + " viewBox=\"0 0 %.0f %.0f\" font-family=\"%s\">%n",
                width, height, width, height, FONT);
        add("<title>%s</title>%n", escape(diagram.title()));
        add(
                "<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\""
                        + " markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">"
                        + "<path d=\"M0,0.5 L8,4 L0,7.5 z\" fill=\"%s\"/></marker></defs>%n",
                FAINT);
        add("<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>%n");
        out.append(header);
        for (int i = 0; i < diagram.lanes().size(); i++) {
            lane(diagram.lanes().get(i), layout.lanes().get(i));
        }
        layout.segments().forEach(this::segment);
        for (Diagram.Box b : diagram.boxes()) {
            box(b, layout.boxes().get(b.id()));
        }
        return out.append("</svg>\n").toString();
    }

    /** Title, sums, legend and common inputs; gives the height. */
    private double header(double width) {
        Cost total = diagram.total();
        String title = TextMetrics.fit(diagram.title(), 20, width - 2 * MARGIN);
        text(MARGIN, 30, 20, INK, "bold", title);
        text(
                MARGIN,
                50,
                12,
                FAINT,
                "normal",
                "%s, weights %s, activations %s, %.1f FLOP/byte"
                        .formatted(
                                Units.si(total.flops(), "FLOP"),
                                Units.si(total.weightBytes(), "B"),
                                Units.si(total.activationBytes(), "B"),
                                total.intensity()));
        double x = MARGIN;
        double y = 64;
        for (Kind k : Kind.values()) {
            double needed = 30 + TextMetrics.width(k.label, 11);
            if (x + needed > width - MARGIN) {
                x = MARGIN;
                y += CHIP;
            }
            add(
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"14\" height=\"12\" rx=\"%d\" fill=\"%s\""
                            + " stroke=\"%s\"/>%n",
                    x, y, k == Kind.PORT ? 6 : 3, k.fill, k.stroke);
            text(x + 19, y + 10, 11, INK, "normal", k.label);
            x += needed;
        }
        y += CHIP;
        text(
                MARGIN,
                y + 10,
                11,
                FAINT,
                "normal",
                "Bars: share of all FLOPs (left) and of all bytes (right), all layers together.");
        y += CHIP;
        if (!diagram.common().isEmpty()) {
            y = common(width, y);
        }
        return y + 8;
    }

    private double common(double width, double start) {
        String lead = "Read in several places:";
        text(MARGIN, start + 10, 11, INK, "normal", lead);
        double first = MARGIN + TextMetrics.width(lead, 11) + 4;
        double x = first;
        double y = start;
        for (String input : diagram.common()) {
            double w = TextMetrics.width(input, 10) + 14;
            if (x + w > width - MARGIN && x > first) {
                x = first;
                y += CHIP;
            }
            add(
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"16\" rx=\"8\" fill=\"%s\""
                            + " stroke=\"%s\"/>%n",
                    x, y - 2, w, Kind.PORT.fill, Kind.PORT.stroke);
            text(x + 7, y + 9.5, 10, INK, "normal", input);
            x += w + 8;
        }
        return y + CHIP;
    }

    private void lane(Diagram.Lane lane, Layout.Rect r) {
        // Sheets behind the first one stand for the other layers.
        for (int sheet = lane.times() == 1 ? 0 : 2; sheet >= 0; sheet--) {
            add(
                    "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"8\""
                            + " fill=\"#f8fafc\" stroke=\"#cbd5e1\"/>%n",
                    r.x() + 4 * sheet, r.y() + 4 * sheet, r.width(), r.height());
        }
        double x = r.x() + 12;
        double y = r.y() + 24;
        double limit = Layout.GUTTER - 20;
        for (String part : lane.label().split("(?<=…) ")) {
            text(x, y, 13, INK, "bold", TextMetrics.fit(part, 13, limit));
            y += 16;
        }
        if (lane.times() > 1) {
            text(x, y + 8, 20, "#2563eb", "bold", "× " + lane.times());
            y += 28;
        }
        if (lane.cost().equals(Cost.NONE)) {
            return;
        }
        Cost all = diagram.total();
        text(
                x,
                y,
                10,
                FAINT,
                "normal",
                Units.percent(lane.cost().flops(), all.flops()) + " of FLOPs");
        text(
                x,
                y + 13,
                10,
                FAINT,
                "normal",
                Units.percent(lane.cost().bytes(), all.bytes()) + " of bytes");
    }

    private void segment(Layout.Segment s) {
        double middle = (s.y1() + s.y2()) / 2;
        add(
                "<path d=\"M%.1f,%.1f L%.1f,%.1f C%.1f,%.1f %.1f,%.1f %.1f,%.1f\" fill=\"none\""
                        + " stroke=\"%s\" stroke-width=\"1.3\"%s/>%n",
                s.x1(),
                s.top(),
                s.x1(),
                s.y1(),
                s.x1(),
                middle,
                s.x2(),
                middle,
                s.x2(),
                s.y2(),
                FAINT,
                s.arrow() ? " marker-end=\"url(#arrow)\"" : "");
    }

    private void box(Diagram.Box b, Layout.Rect r) {
        boolean port = b.kind() == Kind.PORT;
        add("<g><title>%s</title>%n", escape(b.tooltip()));
        add(
                "<rect class=\"box\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\""
                        + " rx=\"%.1f\" fill=\"%s\" stroke=\"%s\"/>%n",
                r.x(),
                r.y(),
                r.width(),
                r.height(),
                port ? r.height() / 2 : 5,
                b.kind().fill,
                b.kind().stroke);
        double centre = r.x() + r.width() / 2;
        double y = r.y() + 16;
        centred(centre, y, Layout.TITLE_SIZE, INK, "bold", Layout.title(b));
        for (String line : Layout.lines(b)) {
            y += Layout.LINE;
            centred(centre, y, Layout.TEXT_SIZE, "#334155", "normal", line);
        }
        if (!port) {
            double half = (r.width() - 24) / 2;
            Cost all = diagram.total();
            bar(r.x() + 8, r.bottom() - 9, half, b.kind(), b.cost().flops(), all.flops());
            bar(r.x() + 16 + half, r.bottom() - 9, half, b.kind(), b.cost().bytes(), all.bytes());
        }
        add("</g>%n");
    }

    private void bar(double x, double y, double width, Kind kind, double part, double whole) {
        double share = whole == 0 ? 0 : part / whole;
        text(x, y - 3, 9, "#334155", "normal", Units.percent(part, whole));
        add(
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"4\" fill=\"#ffffff\"/>%n"
                        + "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.2f\" height=\"4\" fill=\"%s\"/>%n",
                x, y, width, x, y, width * share, kind.stroke);
    }

    private void text(double x, double y, double size, String ink, String weight, String s) {
        add(
                "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.0f\" font-weight=\"%s\""
                        + " fill=\"%s\">%s</text>%n",
                x, y, size, weight, ink, escape(s));
    }

    private void centred(double x, double y, double size, String ink, String weight, String s) {
        add(
                "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.0f\" font-weight=\"%s\" fill=\"%s\""
                        + " text-anchor=\"middle\">%s</text>%n",
                x, y, size, weight, ink, escape(s));
    }

    private void add(String format, Object... args) {
        out.append(String.format(Locale.ROOT, format.replace("%n", "\n"), args));
    }

    /** Characters that XML gives a meaning or forbids. */
    public static String escape(String s) {
        StringBuilder e = new StringBuilder();
        s.codePoints()
                .forEach(
                        c -> {
                            switch (c) {
                                case '&' -> e.append("&amp;");
                                case '<' -> e.append("&lt;");
                                case '>' -> e.append("&gt;");
                                case '"' -> e.append("&quot;");
                                case '\'' -> e.append("&apos;");
                                default -> e.appendCodePoint(isXml(c) ? c : 0xFFFD);
                            }
                        });
        return e.toString();
    }

    private static boolean isXml(int c) {
        return c == '\n'
                || c == '\t'
                || c >= 0x20 && c < 0xD800
                || c >= 0xE000 && c < 0xFFFE
                || c > 0xFFFF;
    }
}
