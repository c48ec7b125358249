package dev.ocellus.measure.report;

import dev.ocellus.device.ChromeTrace;
import dev.ocellus.device.Profile;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.draw.Detail;
import dev.ocellus.graph.draw.Kind;
import dev.ocellus.graph.draw.Outline;
import dev.ocellus.graph.draw.StepLabel;
import dev.ocellus.graph.draw.Units;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.measure.MachineLimits;
import dev.ocellus.measure.Measured;
import dev.ocellus.measure.ModelBench;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The measurements of a model as one HTML page. */
public final class ModelReport {
    private final String title;
    private final String description;
    private final ModelBench.Report report;
    private final Map<String, ChromeTrace.Track> profiles;
    private final MachineLimits limits;

    /**
     * @param title names the model
     * @param description says how it runs
     * @param profiles of the works, by name
     * @param threads that the profiles were taken with
     */
    public ModelReport(
            String title,
            String description,
            ModelBench.Report report,
            Map<String, ChromeTrace.Track> profiles,
            int threads) {
        this.title = title;
        this.description = description;
        this.report = report;
        this.profiles = profiles;
        limits = report.limits(threads);
    }

    /** The page. */
    public String html() {
        HtmlPage page = new HtmlPage(title, description).facts(Machine.facts());
        report.limits().forEach(l -> page.facts(Machine.facts(l)));
        page.heading("Works").paragraph(rule());
        works(page);
        Roofline roofline = roofline();
        page.heading("Steps under the limits of this machine")
                .paragraph(
                        "Each mark is a step of all layers together; its area is the share of the"
                                + " work's time, the dots are single layers. The closer to the roof"
                                + " above it, the less is left to gain. A step that moves data"
                                + " without arithmetic stands at the left edge. Profiled with "
                                + Machine.threads(limits.threads())
                                + ", in wall time.")
                .roofline(roofline);
        for (Roofline.Work w : roofline.works()) {
            page.heading("Steps of " + w.name());
            steps(page, roofline, w);
        }
        return page.text();
    }

    private String rule() {
        long rounds = report.results().getFirst().rounds().size();
        long disturbed = report.results().stream().mapToLong(Measured::disturbed).sum();
        return "Medians of "
                + rounds
                + (rounds == 1 ? " round" : " interleaved rounds")
                + ". One thread is timed by its CPU time, several by the wall. The shares are of"
                + " what this machine did in the same rounds: a share of memory above 100 % says"
                + " that the work reads more evenly than the plain loop that measures memory."
                + (disturbed == 0
                        ? ""
                        : " Measurements while other processes were busy: " + disturbed + ".");
    }

    private static String speed(Measured m) {
        double rate = m.unitsPerSecond();
        String format = rate < 100 ? "%.1f %s/s" : "%.0f %s/s";
        return String.format(Locale.ROOT, format, rate, m.unit());
    }

    private void works(HtmlPage page) {
        boolean several = report.limits().size() > 1;
        List<String> names = new ArrayList<>(List.of("work", "threads", "time", "speed"));
        if (several) {
            names.add("of " + Machine.threads(report.limits().getFirst().threads()));
        }
        names.addAll(List.of("memory", "of peak", "arithmetic", "of peak"));
        List<List<HtmlPage.Cell>> rows = new ArrayList<>();
        for (Measured m : report.results()) {
            MachineLimits l = report.limits(m.threads());
            List<HtmlPage.Cell> row = new ArrayList<>();
            row.add(new HtmlPage.Text(m.work()));
            row.add(
                    new HtmlPage.Figure(
                            m.threads() == Ceilings.DEVICE ? "" : String.valueOf(m.threads())));
            row.add(new HtmlPage.Figure(HtmlPage.time(m.seconds())));
            row.add(new HtmlPage.Figure(speed(m)));
            if (several) {
                double ratio = m.speedup(report.first(m));
                row.add(
                        new HtmlPage.Figure(
                                m == report.first(m)
                                        ? ""
                                        : String.format(Locale.ROOT, "× %.2f", ratio)));
            }
            row.add(new HtmlPage.Figure(Units.si(m.bytesPerSecond(), "B/s")));
            row.add(new HtmlPage.Share(share(m.bytesPerSecond(), l.bytesPerSecond())));
            row.add(new HtmlPage.Figure(Units.si(m.flopsPerSecond(), "FLOP/s")));
            row.add(new HtmlPage.Share(share(m.flopsPerSecond(), l.flopsPerSecond())));
            rows.add(row);
        }
        page.table(names, rows);
    }

    private static String rate(double perSecond, String unit) {
        return perSecond == 0 ? "" : Units.si(perSecond, unit);
    }

    private static double share(double rate, double limit) {
        return limit == 0 ? 0 : rate / limit;
    }

    private Roofline roofline() {
        List<Roofline.Work> works = new ArrayList<>();
        profiles.forEach((name, track) -> works.add(work(name, track)));
        return new Roofline(limits.bytesPerSecond(), Machine.roofs(limits), works);
    }

    private static Roofline.Work work(String name, ChromeTrace.Track track) {
        List<Profile.Row> rows = track.profile().rows(track.work());
        List<List<Node>> nodes = rows.stream().map(Profile.Row::nodes).toList();
        List<Roofline.Step> steps = new ArrayList<>();
        for (Outline.Section section : Outline.of(nodes, Detail.FOLDED).sections()) {
            for (List<Integer> same : section.steps()) {
                List<Profile.Row> layers = same.stream().map(rows::get).toList();
                Kind kind = Kind.of(layers.getFirst().nodes());
                steps.add(
                        new Roofline.Step(
                                StepLabel.operations(layers.getFirst().nodes()),
                                section.label(),
                                StepLabel.weights(layers.getFirst().nodes()),
                                new Roofline.Family(kind.label, kind.stroke),
                                layers.stream().map(r -> 1e-9 * r.nanos() / r.runs()).toList(),
                                layers.stream()
                                        .map(Profile.Row::cost)
                                        .reduce(Cost.NONE, Cost::plus)));
            }
        }
        return new Roofline.Work(name, true, steps);
    }

    private static void steps(HtmlPage page, Roofline roofline, Roofline.Work work) {
        List<Roofline.Step> slowestFirst = new ArrayList<>(work.steps());
        slowestFirst.sort(Comparator.comparingDouble(Roofline.Step::seconds).reversed());
        List<List<HtmlPage.Cell>> rows = new ArrayList<>();
        for (Roofline.Step s : slowestFirst) {
            rows.add(
                    List.of(
                            new HtmlPage.Text(s.name()),
                            new HtmlPage.Text(s.place()),
                            new HtmlPage.Text(s.weights()),
                            new HtmlPage.Figure(HtmlPage.time(s.seconds())),
                            new HtmlPage.Share(s.seconds() / work.seconds()),
                            new HtmlPage.Figure(rate(s.flopsPerSecond(), "FLOP/s")),
                            new HtmlPage.Figure(rate(s.bytesPerSecond(), "B/s")),
                            new HtmlPage.Share(roofline.share(s))));
        }
        page.table(
                List.of(
                        "step",
                        "place",
                        "weights",
                        "time",
                        "share of time",
                        "arithmetic",
                        "memory",
                        "of the roof"),
                rows);
    }
}
