package dev.ocellus.bench.table;

import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.bench.peers.PeerProcess;
import dev.ocellus.device.CpuDevice;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.measure.Stopwatch;
import dev.ocellus.measure.TextWork;
import dev.ocellus.measure.Work;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Another engine that is called from Java, on the 1b model with 8-bit weights and one thread. */
final class JavaPeerRows {
    private static final String DECODE = "decode-java-llama.cpp";
    private static final String PREFILL = "prefill-java-llama.cpp";
    private static final List<String> IDS = List.of(DECODE, PREFILL);
    private static final int PROMPT = 128;
    private static final int NEW_TOKENS = 16;

    private final Setup setup;
    private final Results results;

    JavaPeerRows(Setup setup, Results results) {
        this.setup = setup;
        this.results = results;
    }

    void measure() {
        if (IDS.stream().noneMatch(i -> Table.wanted(setup, results, Section.JAVA_PEERS, i))) {
            return;
        }
        if (setup.javaLlamaCpp() == null) {
            IDS.forEach(
                    id -> results.put(id, Outcome.skipped("it was not given (--java-llama-cpp)")));
            return;
        }
        Table.guarded(results, IDS, () -> measure(start()));
    }

    /** Java compiles the program from its source. */
    private PeerProcess start() {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        return PeerProcess.start(
                "java-llama.cpp",
                List.of(
                        java.toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        setup.javaLlamaCpp(),
                        setup.peers().resolve("JavaLlamaCpp.java").toString(),
                        setup.twin("llama-1b", WeightKind.Q8).toString(),
                        "1",
                        "1024"));
    }

    private void measure(PeerProcess peer) {
        try (peer;
                CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(1));
                Ocellus model =
                        Ocellus.open(
                                setup.model("llama-1b"),
                                WeightKind.Q8.options(OpenOptions.DEFAULT.withDevice(device)))) {
            TextWork text = new TextWork(model.model(), PROMPT, NEW_TOKENS);
            compare(PREFILL, text.prefill(), peer, "prefill " + PROMPT);
            compare(DECODE, text.decode(), peer, "decode " + NEW_TOKENS);
            text.prefill().close();
        }
    }

    private void compare(String id, Work work, PeerProcess peer, String command) {
        List<Stopwatch.Time> ours = new ArrayList<>();
        List<Stopwatch.Time> theirs = new ArrayList<>();
        work.run();
        peer.ask(command);
        for (int i = 0; i < setup.rounds(); i++) {
            ours.add(Stopwatch.time(1, work::run));
            theirs.add(new Stopwatch.Time(peer.seconds(command, true), false));
        }
        results.put(id, Outcome.speeds(work.units(), ours, theirs, ""));
    }
}
