package dev.ocellus.measure.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Cost;

import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

import javax.xml.parsers.DocumentBuilderFactory;

/** Pages and rooflines of made-up figures. */
class HtmlPageTest {
    private static final Roofline.Family PRODUCT = new Roofline.Family("product", "#2563eb");
    private static final Roofline.Family MOVE = new Roofline.Family("move", "#475569");

    /** 30 GB/s and 200 GFLOP/s: the corner is at 6.7 FLOP for each byte. */
    private static Roofline roofline(Roofline.Step... steps) {
        return new Roofline(
                30e9,
                List.of(
                        new Roofline.Roof("f32", 100e9, false, true),
                        new Roofline.Roof("bf16", 200e9, false, true),
                        new Roofline.Roof("int8", 0, true, false)),
                List.of(new Roofline.Work("prefill", true, List.of(steps))));
    }

    private static Roofline.Step step(String name, long flops, long bytes, double... seconds) {
        List<Double> layers = new ArrayList<>();
        for (double s : seconds) {
            layers.add(s);
        }
        return new Roofline.Step(
                name, "layers", "", flops == 0 ? MOVE : PRODUCT, layers, new Cost(flops, bytes, 0));
    }

    private static Document parse(String xml) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        return factory.newDocumentBuilder()
                .parse(new ByteArrayInputStream(xml.getBytes(StandardCharsets.UTF_8)));
    }

    private static List<Element> elements(Document d, String tag, String style) {
        NodeList all = d.getElementsByTagName(tag);
        List<Element> found = new ArrayList<>();
        for (int i = 0; i < all.getLength(); i++) {
            Element e = (Element) all.item(i);
            if (e.getAttribute("class").equals(style)) {
                found.add(e);
            }
        }
        return found;
    }

    private static String page(Roofline r) {
        return new HtmlPage("Speed", "of a model").roofline(r).text();
    }

    @Test
    void everyStepHasAMarkAndEveryLayerADot() throws Exception {
        Document d =
                parse(
                        page(
                                roofline(
                                        step("linear", 400_000_000, 2_000_000, 1.1e-3, 2e-3),
                                        step("norm", 1000, 4000, 1e-6),
                                        step("gather", 0, 5_000_000, 1e-3))));
        List<Element> marks = elements(d, "path", "step");
        assertThat(marks).extracting(Element::getTextContent).hasSize(3);
        assertThat(marks.get(0).getTextContent()).contains("linear", "3.10 ms", "129 GFLOP/s");
        assertThat(marks.get(2).getTextContent()).contains("gather", "5.00 GB/s", "16.7 %");
        assertThat(elements(d, "circle", "layer")).hasSize(2);
    }

    @Test
    void roofsOfMissingInstructionsAreNotDrawn() throws Exception {
        String page = page(roofline(step("linear", 1000, 100, 1e-6)));
        assertThat(page).contains("bf16").doesNotContain("int8");
    }

    @Test
    void nothingThatIsMissingBecomesANumber() throws Exception {
        Roofline unknown =
                new Roofline(
                        0,
                        List.of(),
                        List.of(
                                new Roofline.Work("none", true, List.of()),
                                new Roofline.Work(
                                        "still", false, List.of(step("nothing", 0, 0, 0.0)))));
        String page =
                new HtmlPage("t", "s")
                        .roofline(unknown)
                        .table(
                                List.of("a", "b"),
                                List.of(
                                        List.of(
                                                new HtmlPage.Text("x"),
                                                new HtmlPage.Share(Double.NaN))))
                        .text();
        parse(page);
        assertThat(page).doesNotContain("NaN").doesNotContain("Infinity");
    }

    @Test
    void namesCannotBreakThePage() throws Exception {
        String evil = "<script>\"&'\u0001";
        Document d =
                parse(
                        new HtmlPage(evil, evil)
                                .heading(evil)
                                .paragraph(evil)
                                .facts(List.of(new HtmlPage.Fact(evil, evil)))
                                .table(
                                        List.of(evil, evil),
                                        List.of(
                                                List.of(
                                                        new HtmlPage.Text(evil),
                                                        new HtmlPage.Figure(evil))))
                                .roofline(roofline(step(evil, 1000, 100, 1e-6)))
                                .text());
        assertThat(d.getElementsByTagName("script").getLength()).isZero();
        assertThat(d.getElementsByTagName("h1").item(0).getTextContent())
                .isEqualTo("<script>\"&'\ufffd");
    }

    @Test
    void sharesAreText() throws Exception {
        Document d =
                parse(
                        new HtmlPage("t", "s")
                                .table(
                                        List.of("a", "b"),
                                        List.of(
                                                List.of(
                                                        new HtmlPage.Share(0.0001),
                                                        new HtmlPage.Share(1.2))))
                                .text());
        List<Element> cells = elements(d, "td", "figure share");
        assertThat(cells).extracting(Element::getTextContent).containsExactly("< 0.1 %", "120 %");
    }

    @Test
    void thePageAsksForNothingFromOutside() {
        String page = page(roofline(step("linear", 1000, 100, 1e-6)));
        String withoutNamespaces = page.replaceAll("xmlns=\"[^\"]*\"", "");
        assertThat(withoutNamespaces).doesNotContain("http").doesNotContain("url(");
        assertThat(page).contains("prefers-color-scheme: dark");
    }

    @Test
    void theRoofOfAStepIsTheNearerOne() {
        Roofline r = roofline();
        // 10 FLOP for each byte: above the corner, arithmetic is what limits.
        assertThat(r.share(step("s", 100_000_000, 10_000_000, 1e-3))).isEqualTo(0.5);
        assertThat(r.share(step("s", 10_000_000, 15_000_000, 1e-3))).isEqualTo(0.5);
    }

    @Test
    void labelsNeverOverlap() {
        LabelPlaces.Box frame = new LabelPlaces.Box(0, 0, 300, 200);
        LabelPlaces places = new LabelPlaces(frame);
        List<LabelPlaces.Box> found = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            LabelPlaces.Box box = places.place(150, 100, 5, 60, 15);
            if (box != null) {
                assertThat(box.isInside(frame)).isTrue();
                assertThat(found).noneMatch(box::overlaps);
                found.add(box);
            }
        }
        assertThat(found).hasSizeBetween(5, 39);
    }
}
