package dev.ocellus.bench.table;

import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.measure.MachineLimits;
import dev.ocellus.measure.Measured;
import dev.ocellus.measure.Medians;
import dev.ocellus.measure.ModelBench;
import dev.ocellus.measure.Stopwatch;
import dev.ocellus.measure.TextWork;
import dev.ocellus.measure.Work;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Rows that compare this project with itself: threads and depth. */
final class OwnRows {
    private static final int NEW_TOKENS = 32;
    private static final int SHALLOW = 100;
    private static final int DEEP = 8000;
    private static final String THREADS_DECODE = "threads-decode";
    private static final String THREADS_PREFILL = "threads-prefill";
    private static final String CONTEXT = "context";

    private final Setup setup;
    private final Results results;

    OwnRows(Setup setup, Results results) {
        this.setup = setup;
        this.results = results;
    }

    void measure() {
        if (Table.wanted(setup, results, Section.THREADS, THREADS_DECODE)
                || Table.wanted(setup, results, Section.THREADS, THREADS_PREFILL)) {
            Table.guarded(results, List.of(THREADS_DECODE, THREADS_PREFILL), this::threads);
        }
        if (Table.wanted(setup, results, Section.CONTEXT, CONTEXT)) {
            Table.guarded(results, List.of(CONTEXT), this::context);
        }
    }

    private Ocellus open(CpuDevice device) {
        return Ocellus.open(setup.model("llama-1b"), OpenOptions.DEFAULT.withDevice(device));
    }

    private static CpuDevice device(int threads) {
        return new CpuDevice(KernelProviders.get(), new WorkerPool(threads));
    }

    private void threads() {
        if (Runtime.getRuntime().availableProcessors() < 2) {
            Outcome skipped = Outcome.skipped("this machine has one processor");
            results.put(THREADS_PREFILL, skipped);
            results.put(THREADS_DECODE, skipped);
            return;
        }
        ModelBench.Settings settings =
                new ModelBench.Settings(
                        List.of(LanguageRows.PROMPT), NEW_TOKENS, 1, 0, setup.rounds());
        try (CpuDevice one = device(1);
                CpuDevice two = device(2);
                Ocellus first = open(one);
                Ocellus second = open(two);
                ModelBench bench = new ModelBench(List.of(first, second), settings)) {
            ModelBench.Report report = bench.run(null);
            List<Measured> all = report.results();
            results.put(THREADS_PREFILL, speedup(report, all.get(0), all.get(1)));
            results.put(THREADS_DECODE, speedup(report, all.get(2), all.get(3)));
        }
    }

    /** With the ratio of the machine's own ceilings, which bounds that of the work. */
    private static Outcome speedup(ModelBench.Report report, Measured one, Measured two) {
        MachineLimits alone = report.limits(one.threads());
        MachineLimits both = report.limits(two.threads());
        String note =
                String.format(
                        Locale.ROOT,
                        "the machine itself: reading %.2f, arithmetic %.2f",
                        both.bytesPerSecond() / alone.bytesPerSecond(),
                        both.flopsPerSecond() / alone.flopsPerSecond());
        return new Outcome(
                two.unitsPerSecond(),
                one.unitsPerSecond(),
                two.speedup(one),
                two.disturbed() == 0
                        ? note
                        : note + "; " + two.disturbed() + " disturbed measurements");
    }

    private void context() {
        try (CpuDevice device = device(1);
                Ocellus model = open(device)) {
            Work shallow = decoding(model, SHALLOW);
            Work deep = decoding(model, DEEP);
            List<Double> at = new ArrayList<>();
            List<Double> under = new ArrayList<>();
            for (int i = 0; i < setup.rounds(); i++) {
                under.add(milliseconds(shallow));
                at.add(milliseconds(deep));
            }
            shallow.close();
            deep.close();
            double[] ratios = new double[at.size()];
            for (int i = 0; i < ratios.length; i++) {
                ratios[i] = at.get(i) / under.get(i);
            }
            results.put(CONTEXT, new Outcome(median(at), median(under), Medians.of(ratios), ""));
        }
    }

    private static double median(List<Double> values) {
        return Medians.of(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    /** Decoding after a prompt, warmed up. */
    private static Work decoding(Ocellus model, int depth) {
        TextWork text = new TextWork(model.model(), depth, NEW_TOKENS / 2);
        text.prefill().run();
        Work decode = text.decode();
        decode.run();
        return decode;
    }

    private static double milliseconds(Work decode) {
        return 1e3 * Stopwatch.time(1, decode::run).seconds() / decode.units();
    }
}
