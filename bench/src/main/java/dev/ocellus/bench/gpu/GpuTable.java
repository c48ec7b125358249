package dev.ocellus.bench.gpu;

import dev.ocellus.bench.table.Outcome;
import dev.ocellus.bench.table.Results;
import dev.ocellus.bench.table.Row;
import dev.ocellus.device.CudaDevice;
import dev.ocellus.kernels.cuda.CudaException;
import dev.ocellus.kernels.cuda.GpuInfo;
import dev.ocellus.measure.OpeningBench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** The command {@code bench/gpu}: measures models and their kernels on a GPU. */
public final class GpuTable {
    /** Of the file's machine: the GPU's name, as its driver gives it. */
    static final String GPU = "gpu";

    private final GpuSetup setup;
    private final CudaDevice device;
    private final GpuLimits limits;
    private final Output output;

    private GpuTable(GpuSetup setup, CudaDevice device) throws IOException {
        this.setup = setup;
        this.device = device;
        limits = GpuLimits.measure(device);
        output = Output.of(setup, device, limits);
    }

    public static void main(String[] arguments) throws IOException {
        GpuSetup setup;
        try {
            setup = GpuSetup.of(List.of(arguments));
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage());
            System.exit(2);
            return;
        }
        try {
            run(setup);
        } catch (CudaException e) {
            System.err.println("bench/gpu: " + e.getMessage());
            System.exit(1);
        }
    }

    static void run(GpuSetup setup) throws IOException {
        try (CudaDevice device = new CudaDevice(0)) {
            new GpuTable(setup, device).measure();
        }
    }

    /** Where figures go. */
    static final class Output {
        private final Results results;
        private final KernelTable kernels;
        private final GpuLimits limits;
        private final Map<String, Double> figures = new LinkedHashMap<>();

        private Output(Results results, KernelTable kernels, GpuLimits limits) {
            this.results = results;
            this.kernels = kernels;
            this.limits = limits;
        }

        static Output of(GpuSetup setup, CudaDevice device, GpuLimits limits) throws IOException {
            GpuInfo gpu = device.info();
            String name = setup.fileName(gpu.name());
            String text =
                    "%s %s, driver for CUDA %d.%d, products by %s. Ceilings of this run: %s."
                            .formatted(
                                    setup.shapes().small()
                                            ? "A trial, with small models in the places of the named ones, on"
                                            : "Measured on",
                                    gpu.name(),
                                    gpu.driverVersion() / 1000,
                                    gpu.driverVersion() % 1000 / 10,
                                    device.products(),
                                    limits.text());
            Map<String, String> facts = new LinkedHashMap<>();
            facts.put(GPU, setup.shapes().small() ? "" : gpu.name());
            facts.put("products", device.products());
            facts.put("ceilings", limits.text());
            System.out.println(text);
            return new Output(
                    new Results(
                            setup.results(), new Results.Subject(name, text, facts), GpuRows.all()),
                    new KernelTable(setup.results(), name + "-kernels", text),
                    limits);
        }

        void put(String id, Outcome outcome) {
            figures.put(id, outcome.ours());
            results.put(id, outcome);
        }

        void put(GpuCase c, List<KernelRow> rows) {
            kernels.put(c, rows, limits);
        }

        /** What this run measured of ours in a row, or one before; 0 if none did. */
        double figure(String id) {
            return figures.getOrDefault(id, results.ours(id));
        }

        boolean has(String id) {
            Row row =
                    GpuRows.all().stream().filter(r -> r.id().equals(id)).findFirst().orElseThrow();
            return results.has(row);
        }
    }

    private boolean wants(String id) {
        return setup.wants(id) && !(setup.resume() && output.has(id));
    }

    private void measure() throws IOException {
        if (wants(GpuRows.LOAD)) {
            guarded(GpuRows.LOAD, this::load);
        }
        List<GpuCase> cases =
                setup.cases().stream()
                        .filter(c -> wants(c.id()) || isLarge(c) && wants(GpuRows.ATTENTION))
                        .toList();
        while (!cases.isEmpty()) {
            GpuCase first = cases.getFirst();
            List<GpuCase> together = cases.stream().filter(c -> opensAs(c, first)).toList();
            cases = cases.stream().filter(c -> !opensAs(c, first)).toList();
            measure(together);
            if (cases.stream().noneMatch(c -> c.preset().equals(first.preset()))) {
                setup.shapes().remove(first.preset());
            }
        }
        for (GpuRows.Peer peer : GpuRows.Peer.values()) {
            if (wants(peer.decodeId()) || wants(peer.prefillId())) {
                peer(peer);
            }
        }
        System.out.println();
        System.out.print(output.results.markdown());
    }

    private static boolean isLarge(GpuCase c) {
        return c.id().equals("prefill-" + GpuRows.LARGE);
    }

    private static boolean opensAs(GpuCase a, GpuCase b) {
        return a.preset().equals(b.preset()) && Objects.equals(a.weights(), b.weights());
    }

    /** Cases of one model with the same weights. */
    private void measure(List<GpuCase> together) {
        GpuCase first = together.getFirst();
        guarded(
                first.id(),
                () -> {
                    Path folder = setup.shapes().withValues(first.preset());
                    if (first.kind() == GpuCase.Kind.VISION) {
                        VisionCases.measure(first, device, folder, limits, setup.effort(), output);
                        return;
                    }
                    try (LanguageCases language =
                            new LanguageCases(
                                    device,
                                    folder,
                                    first.weights(),
                                    limits,
                                    setup.effort(),
                                    output)) {
                        together.forEach(c -> guarded(c.id(), () -> language.measure(c)));
                    }
                });
    }

    /** What fails or comes too late is a row that says so; the others go on. */
    private void guarded(String id, Runnable measurement) {
        if (setup.isLate()) {
            output.put(id, Outcome.skipped("out of time; go on with --resume"));
            return;
        }
        try {
            measurement.run();
        } catch (RuntimeException e) {
            output.put(id, Outcome.skipped(String.valueOf(e.getMessage())));
        }
    }

    private void load() {
        Path folder = setup.shapes().withValues("llama-7b");
        OpeningBench.Report r = OpeningBench.run(folder, setup.options(device), 1, null);
        double bus = r.weightBytes() / limits.copyIn();
        double slower = Math.max(r.read(), bus);
        output.put(
                GpuRows.LOAD,
                new Outcome(
                        r.open(),
                        slower,
                        r.open() / slower,
                        String.format(
                                Locale.ROOT,
                                "%.1f GB; reading its files, which the system may hold, %.2f s; bus %.2f s",
                                r.fileBytes() / 1e9,
                                r.read(),
                                bus)));
    }

    private void peer(GpuRows.Peer peer) throws IOException {
        Path config = setup.shapes().empty("llama-7b").resolve("config.json");
        Duration left = setup.left();
        if (setup.python() == null || left.isNegative() || !Files.exists(config)) {
            String why =
                    setup.python() == null
                            ? "no Python was given (--python)"
                            : "out of time; go on with --resume";
            output.put(peer.decodeId(), Outcome.skipped(why));
            output.put(peer.prefillId(), Outcome.skipped(why));
            return;
        }
        new TransformersPeer(setup.peerScript(), setup.python(), config, setup.cases())
                .measure(peer, output, left);
    }
}
