package dev.ocellus.measure.report;

import dev.ocellus.graph.draw.Units;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.measure.MachineLimits;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** This machine, as reports describe it. */
public final class Machine {
    private Machine() {}

    /** Its processor by name where the system tells it, else the kind of processor. */
    public static String processor() {
        try {
            return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                    .filter(l -> l.startsWith("model name"))
                    .map(l -> l.substring(l.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException e) {
            return System.getProperty("os.arch");
        }
    }

    /** Processor, system and Java. */
    public static List<HtmlPage.Fact> facts() {
        return List.of(
                new HtmlPage.Fact("processor", processor()),
                new HtmlPage.Fact(
                        "processors", String.valueOf(Runtime.getRuntime().availableProcessors())),
                new HtmlPage.Fact(
                        "system",
                        System.getProperty("os.name") + " " + System.getProperty("os.arch")),
                new HtmlPage.Fact("Java", Runtime.version().toString()));
    }

    /** What was measured of it. */
    public static List<HtmlPage.Fact> facts(MachineLimits limits) {
        boolean device = limits.threads() == Ceilings.DEVICE;
        String of = ", " + threads(limits.threads());
        String missing = device ? "not measured" : "no instruction";
        List<HtmlPage.Fact> facts = new ArrayList<>();
        facts.add(
                new HtmlPage.Fact(
                        "reading memory" + of, rate(limits.bytesPerSecond(), "B/s", missing)));
        facts.add(new HtmlPage.Fact("float32" + of, rate(limits.f32(), "FLOP/s", missing)));
        facts.add(new HtmlPage.Fact("bfloat16" + of, rate(limits.bf16(), "FLOP/s", missing)));
        facts.add(new HtmlPage.Fact("int8" + of, rate(limits.int8(), "OP/s", missing)));
        return facts;
    }

    private static String rate(double perSecond, String unit, String missing) {
        return perSecond == 0 ? missing : Units.si(perSecond, unit);
    }

    /** A number of threads, for people. */
    static String threads(int n) {
        return n == Ceilings.DEVICE ? "the device" : n == 1 ? "1 thread" : n + " threads";
    }

    /** Roofs of its instructions. */
    public static List<Roofline.Roof> roofs(MachineLimits limits) {
        boolean bf16 = limits.compute() != ComputeType.F32;
        boolean int8 = limits.compute() == ComputeType.INT8;
        return List.of(
                new Roofline.Roof("float32", limits.f32(), false, true),
                new Roofline.Roof("bfloat16", limits.bf16(), false, bf16),
                new Roofline.Roof("int8", limits.int8(), true, int8));
    }
}
