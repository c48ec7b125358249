package dev.ocellus.measure.report;

import dev.ocellus.graph.draw.GraphSvg;
import dev.ocellus.graph.draw.Units;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/**
 * A page that needs nothing else: text, tables and rooflines with their style inside, in light or
 * dark as the reader's system wishes. The text is XML as well as HTML. For one thread.
 */
public final class HtmlPage {
    private static final String STYLE = style();

    private final StringBuilder body = new StringBuilder();
    private final String title;

    public HtmlPage(String title, String subtitle) {
        this.title = title;
        body.append("<header>\n<h1>").append(GraphSvg.escape(title)).append("</h1>\n<p>");
        body.append(GraphSvg.escape(subtitle)).append("</p>\n</header>\n");
    }

    /** A cell of a table. */
    public sealed interface Cell {}

    /** Text, to the left. */
    public record Text(String text) implements Cell {}

    /** A quantity, to the right. */
    public record Figure(String text) implements Cell {}

    /** A share of a whole with a bar; shares above 1 fill it. */
    public record Share(double share) implements Cell {}

    public HtmlPage heading(String text) {
        body.append("<h2>").append(GraphSvg.escape(text)).append("</h2>\n");
        return this;
    }

    public HtmlPage paragraph(String text) {
        body.append("<p>").append(GraphSvg.escape(text)).append("</p>\n");
        return this;
    }

    /** Names and values side by side. */
    public HtmlPage facts(List<Fact> facts) {
        body.append("<dl>\n");
        for (Fact f : facts) {
            body.append("<div><dt>").append(GraphSvg.escape(f.name())).append("</dt><dd>");
            body.append(GraphSvg.escape(f.value())).append("</dd></div>\n");
        }
        body.append("</dl>\n");
        return this;
    }

    /** A name and its value. */
    public record Fact(String name, String value) {}

    /**
     * @param rows each with as many cells as there are names
     */
    public HtmlPage table(List<String> names, List<List<Cell>> rows) {
        body.append("<div class=\"table\"><table>\n<thead><tr>");
        for (int i = 0; i < names.size(); i++) {
            boolean left = rows.isEmpty() || rows.getFirst().get(i) instanceof Text;
            body.append(left ? "<th>" : "<th class=\"figure\">");
            body.append(GraphSvg.escape(names.get(i))).append("</th>");
        }
        body.append("</tr></thead>\n<tbody>\n");
        for (List<Cell> row : rows) {
            body.append("<tr>");
            row.forEach(this::cell);
            body.append("</tr>\n");
        }
        body.append("</tbody></table></div>\n");
        return this;
    }

    private void cell(Cell cell) {
        switch (cell) {
            case Text t -> body.append("<td>").append(GraphSvg.escape(t.text())).append("</td>");
            case Figure f ->
                    body.append("<td class=\"figure\">")
                            .append(GraphSvg.escape(f.text()))
                            .append("</td>");
            case Share s ->
                    body.append(
                            String.format(
                                    Locale.ROOT,
                                    "<td class=\"figure share\"><span>%s</span><i><b style=\"width:%.1f%%\">"
                                            + "</b></i></td>",
                                    s.share() > 0
                                            ? GraphSvg.escape(Units.percent(s.share(), 1))
                                            : "",
                                    s.share() > 0 ? 100 * Math.min(s.share(), 1) : 0));
        }
    }

    public HtmlPage roofline(Roofline roofline) {
        body.append("<figure>\n").append(RooflineSvg.text(roofline)).append("</figure>\n");
        return this;
    }

    /** The page. */
    public String text() {
        return "<!DOCTYPE html>\n"
                + "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
                + "<head>\n<meta charset=\"utf-8\"/>\n"
                + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                + "<title>"
                + GraphSvg.escape(title)
                + "</title>\n<style>\n"
                + STYLE
                + "</style>\n</head>\n<body>\n<main>\n"
                + body
                + "</main>\n</body>\n</html>\n";
    }

    /** Seconds for people: "12.3 ms". */
    public static String time(double seconds) {
        return seconds < 1e-3
                ? Units.si(seconds * 1e6, "µs")
                : seconds < 1 ? Units.si(seconds * 1e3, "ms") : Units.si(seconds, "s");
    }

    private static String style() {
        try (InputStream in = HtmlPage.class.getResourceAsStream("report.css")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("the report's style cannot be read", e);
        }
    }
}
