package dev.ocellus.bench;

import dev.ocellus.graph.Cost;
import dev.ocellus.graph.draw.Kind;
import dev.ocellus.graph.draw.Units;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.measure.MachineLimits;
import dev.ocellus.measure.report.HtmlPage;
import dev.ocellus.measure.report.Machine;
import dev.ocellus.measure.report.Roofline;

import java.util.List;

/** The kernels' figures as one HTML page. */
final class KernelPage {
    private KernelPage() {}

    static String html(List<Report.Row> rows, Ceilings ceilings) {
        MachineLimits limits =
                MachineLimits.of(
                        List.of(ceilings),
                        ceilings.bf16Gflops() > 0 ? ComputeType.BF16 : ComputeType.F32);
        Roofline.Work work =
                new Roofline.Work("kernels", false, rows.stream().map(KernelPage::step).toList());
        HtmlPage page =
                new HtmlPage("Speed of the kernels", KernelProviders.get().description())
                        .facts(Machine.facts())
                        .facts(Machine.facts(limits))
                        .heading("Kernels under the limits of this machine")
                        .roofline(
                                new Roofline(
                                        limits.bytesPerSecond(),
                                        Machine.roofs(limits),
                                        List.of(work)))
                        .heading("Figures")
                        .paragraph(
                                "Means of JMH. The share is that of the limit that is nearer, with"
                                        + " the instruction that the kernel uses.");
        return table(page, rows).text();
    }

    private static HtmlPage table(HtmlPage page, List<Report.Row> rows) {
        return page.table(
                List.of("work", "time", "arithmetic", "memory", "share", "bound by"),
                rows.stream()
                        .<List<HtmlPage.Cell>>map(
                                r ->
                                        List.of(
                                                new HtmlPage.Text(r.work()),
                                                new HtmlPage.Figure(
                                                        HtmlPage.time(r.microseconds() * 1e-6)),
                                                new HtmlPage.Figure(
                                                        Units.si(r.gflops() * 1e9, "FLOP/s")),
                                                new HtmlPage.Figure(
                                                        Units.si(r.gbytes() * 1e9, "B/s")),
                                                new HtmlPage.Share(r.share()),
                                                new HtmlPage.Text(r.bound())))
                        .toList());
    }

    private static Roofline.Step step(Report.Row r) {
        Kind kind =
                r.work().startsWith("matMul")
                        ? Kind.PRODUCT
                        : r.work().toLowerCase(java.util.Locale.ROOT).contains("attention")
                                ? Kind.ATTENTION
                                : Kind.NORM;
        double seconds = r.microseconds() * 1e-6;
        return new Roofline.Step(
                r.work().replaceAll("[a-zA-Z]+=", ""),
                r.threads() == 1 ? "1 thread" : r.threads() + " threads",
                r.work(),
                new Roofline.Family(kind.label, kind.stroke),
                List.of(seconds),
                new Cost(
                        Math.round(r.gflops() * 1e9 * seconds),
                        Math.round(r.gbytes() * 1e9 * seconds),
                        0));
    }
}
