package dev.ocellus.tools;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.nativelib.HugePages;
import dev.ocellus.kernels.nativelib.NumaNodes;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

/** What models can run on here. */
@Command(name = "devices", description = "Shows what models can run on here.")
final class DevicesCommand implements Callable<Integer> {
    @Spec private CommandSpec spec;

    @Option(names = "--json", description = "Print JSON.")
    private boolean json;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        KernelProvider chosen = KernelProviders.get();
        List<KernelProvider> all = KernelProviders.available();
        GpuFacts gpus = GpuFacts.find();
        if (json) {
            JsonOutput.print(out, json(chosen, all, gpus));
            return 0;
        }
        OperatingSystemMXBean system = system();
        out.println("cpu");
        TextTable facts = new TextTable("ll");
        facts.row("  processor", processor());
        facts.row("  threads", Integer.toString(system.getAvailableProcessors()));
        facts.row(
                "  memory",
                "%s, %s free"
                        .formatted(
                                Units.bytes(system.getTotalMemorySize()),
                                Units.bytes(system.getFreeMemorySize())));
        facts.row("  huge pages", hugePages());
        facts.row(
                "  memory nodes",
                NumaNodes.allowed().isEmpty()
                        ? "unknown"
                        : NumaNodes.allowed().size()
                                + (NumaNodes.areSpread() ? ", weights are spread over them" : ""));
        for (KernelProvider p : all) {
            facts.row(
                    "  kernels",
                    p.name() + (same(p, chosen) ? " (in use): " : ": ") + p.description());
        }
        facts.print(out);
        gpus.print(out);
        out.flush();
        return 0;
    }

    private static ObjectNode json(KernelProvider chosen, List<KernelProvider> all, GpuFacts gpus) {
        OperatingSystemMXBean system = system();
        ObjectNode cpu = JsonOutput.object();
        cpu.put("device", "cpu");
        cpu.put("processor", processor());
        cpu.put("threads", system.getAvailableProcessors());
        cpu.put("memory_bytes", system.getTotalMemorySize());
        cpu.put("free_memory_bytes", system.getFreeMemorySize());
        HugePages offered = HugePages.offered();
        cpu.putObject("huge_pages")
                .put("mode", offered.mode())
                .put("bytes", offered.bytes())
                .put("got", HugePages.trial().ofHugePages());
        cpu.put("memory_nodes", NumaNodes.allowed().size());
        cpu.put("weights_spread_over_nodes", NumaNodes.areSpread());
        cpu.put("kernels", chosen.name());
        ArrayNode providers = cpu.putArray("providers");
        for (KernelProvider p : all) {
            providers.addObject().put("name", p.name()).put("description", p.description());
        }
        ObjectNode node = JsonOutput.object();
        ArrayNode devices = node.putArray("devices").add(cpu);
        gpus.addTo(devices);
        return node;
    }

    private static String hugePages() {
        HugePages offered = HugePages.offered();
        return switch (offered.mode()) {
            case "" -> "none";
            case "never" -> "switched off";
            default ->
                    "%s, %s; %.0f %% of a trial block got them"
                            .formatted(
                                    Units.bytes(offered.bytes()),
                                    offered.mode(),
                                    100 * HugePages.trial().ofHugePages());
        };
    }

    private static boolean same(KernelProvider a, KernelProvider b) {
        return a.name().equals(b.name()) && a.description().equals(b.description());
    }

    private static OperatingSystemMXBean system() {
        return (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    }

    private static String processor() {
        Path linux = Path.of("/proc/cpuinfo");
        if (Files.isReadable(linux)) {
            try (Stream<String> lines = Files.lines(linux)) {
                return lines.filter(l -> l.startsWith("model name"))
                        .map(l -> l.substring(l.indexOf(':') + 1).strip())
                        .findFirst()
                        .orElse(System.getProperty("os.arch"));
            } catch (IOException e) {
                return System.getProperty("os.arch");
            }
        }
        return System.getProperty("os.arch");
    }
}
