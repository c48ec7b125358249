package dev.ocellus.bench.table;

import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.bench.peers.LlamaCpp;
import dev.ocellus.bench.peers.PeerProcess;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.measure.Medians;
import dev.ocellus.measure.Stopwatch;
import dev.ocellus.measure.TextWork;
import dev.ocellus.measure.Work;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Decoding and prefill on one thread, in turn with llama.cpp on the same weights. Both decode after
 * a prompt of the same length.
 */
final class LanguageRows {
    static final int PROMPT = 512;

    private final Setup setup;
    private final Results results;

    /** Rounds of one model: ours, theirs, and the read loop beside them. */
    private record Rounds(List<Stopwatch.Time> ours, List<Stopwatch.Time> theirs) {
        Rounds() {
            this(new ArrayList<>(), new ArrayList<>());
        }
    }

    LanguageRows(Setup setup, Results results) {
        this.setup = setup;
        this.results = results;
    }

    void measure() {
        for (String model : List.of("135m", "1b")) {
            for (WeightKind kind : WeightKind.values()) {
                boolean decode = wanted(Section.DECODE, Rows.id("decode", model, kind));
                boolean prefill = wanted(Section.PREFILL, Rows.id("prefill", model, kind));
                if (decode || prefill) {
                    List<String> ids = ids(model, kind, decode, prefill);
                    Table.guarded(results, ids, () -> measure(model, kind, decode, prefill));
                }
            }
        }
    }

    private boolean wanted(Section section, String id) {
        return Table.wanted(setup, results, section, id);
    }

    private static List<String> ids(
            String model, WeightKind kind, boolean decode, boolean prefill) {
        List<String> ids = new ArrayList<>();
        if (decode) {
            ids.add(Rows.id("decode", model, kind));
        }
        if (decode && model.equals("1b")) {
            ids.add(Rows.id("read", model, kind));
        }
        if (prefill) {
            ids.add(Rows.id("prefill", model, kind));
        }
        return ids;
    }

    private void measure(String model, WeightKind kind, boolean decode, boolean prefill) {
        int newTokens = model.equals("1b") ? 32 : 64;
        Optional<LlamaCpp> driver = setup.driver();
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(1));
                Ocellus ours =
                        Ocellus.open(
                                setup.model("llama-" + model),
                                kind.options(OpenOptions.DEFAULT.withDevice(device)));
                PeerProcess theirs =
                        driver.map(d -> d.start(setup.twin("llama-" + model, kind), 1, 1024))
                                .orElse(null)) {
            TextWork text = new TextWork(ours.model(), PROMPT, newTokens);
            Work prompt = text.prefill();
            Work tokens = text.decode();
            prompt.run();
            tokens.run();
            String note = theirs == null ? "" : note(ours, theirs, newTokens);
            Rounds prefills = new Rounds();
            Rounds decodes = new Rounds();
            List<Double> reads = new ArrayList<>();
            for (int i = 0; i < setup.rounds(); i++) {
                if (prefill) {
                    round(prefills, prompt, theirs, "prefill " + PROMPT);
                }
                if (decode) {
                    round(decodes, tokens, theirs, "decode " + newTokens);
                    reads.add(Ceilings.measure(1).readGBs());
                }
            }
            prompt.close();
            if (prefill) {
                put(Rows.id("prefill", model, kind), PROMPT, prefills, note);
            }
            if (decode) {
                put(Rows.id("decode", model, kind), newTokens, decodes, note);
            }
            if (decode && model.equals("1b")) {
                results.put(Rows.id("read", model, kind), read(tokens, decodes.ours(), reads));
            }
        }
    }

    private static void round(Rounds rounds, Work work, PeerProcess theirs, String command) {
        rounds.ours().add(Stopwatch.time(1, work::run));
        if (theirs != null) {
            double seconds = theirs.seconds(command, true);
            rounds.theirs().add(new Stopwatch.Time(seconds, false));
        }
    }

    /** That both compute the same, and how llama.cpp is set. */
    private String note(Ocellus ours, PeerProcess theirs, int newTokens) {
        double error = Agreement.relativeError(ours, theirs, setup.work());
        return "logits differ by %.1f %%; %s"
                .formatted(100 * error, theirs.ask("tune " + PROMPT + " " + newTokens));
    }

    private void put(String id, int units, Rounds rounds, String note) {
        results.put(
                id,
                rounds.theirs().isEmpty()
                        ? new Outcome(
                                units / Outcome.median(rounds.ours()),
                                0,
                                0,
                                "no build of llama.cpp was given (--llama-cpp)")
                        : Outcome.speeds(units, rounds.ours(), rounds.theirs(), note));
    }

    /** Weights and cache, read once for each token, beside the plain loop that reads memory. */
    private static Outcome read(Work tokens, List<Stopwatch.Time> times, List<Double> reads) {
        double bytes = tokens.cost().bytes();
        double[] ratios = new double[reads.size()];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = bytes / times.get(i).seconds() / 1e9 / reads.get(i);
        }
        return new Outcome(
                bytes / Outcome.median(times) / 1e9,
                Medians.of(reads.stream().mapToDouble(Double::doubleValue).toArray()),
                Medians.of(ratios),
                "");
    }
}
