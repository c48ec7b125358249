package dev.ocellus.bench.gpu;

import dev.ocellus.bench.table.Row;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The rows of the GPU's table, in order, with the shares of its ceilings that this project wants.
 */
final class GpuRows {
    /** The attention kernel of a prompt's last chunk. */
    static final String ATTENTION = "attention-7b-bf16";

    static final String LOAD = "load-7b-bf16";

    /** The case whose attention and loading are measured, and that the peer does as well. */
    static final String LARGE = "7b-bf16";

    /** By case; cases that are not here have no target. */
    private static final Map<String, Double> SHARES =
            Map.of(
                    "decode-7b-bf16", 0.85,
                    "decode-7b-q8", 0.75,
                    "decode-7b-q4", 0.75,
                    "decode-7b-f8", 0.75,
                    "decode-1b-bf16", 0.70,
                    "decode-7b-bf16-32", 0.60,
                    "prefill-7b-bf16", 0.70,
                    "vit-300m", 0.70,
                    "vit-6b", 0.70);

    /** How the peer runs. */
    enum Peer {
        EAGER,
        COMPILED;

        String text() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }

        String decodeId() {
            return "transformers-decode-" + text();
        }

        String prefillId() {
            return "transformers-prefill-" + text();
        }
    }

    private GpuRows() {}

    static List<Row> all() {
        List<Row> rows = new ArrayList<>();
        rows.add(row(LOAD, "load 7b bf16: to the slower of files and bus", "s", 1.3));
        for (GpuCase c : GpuCase.ALL) {
            String ceiling =
                    switch (c.kind()) {
                        case DECODE -> c.count() == 1 ? " / memory" : " / roofline";
                        case PREFILL, VISION -> " / GEMM";
                    };
            rows.add(
                    row(
                            c.id(),
                            c.text() + ceiling,
                            c.kind().unit,
                            SHARES.getOrDefault(c.id(), 0.0)));
            if (c.id().equals("prefill-" + LARGE)) {
                rows.add(row(ATTENTION, "its attention alone, last chunk / GEMM", "TFLOP/s", 0.6));
            }
        }
        for (Peer p : Peer.values()) {
            String peer = " 7b bf16 / transformers, " + p.text();
            rows.add(row(p.decodeId(), "decode" + peer, "tokens/s", 1.5));
            rows.add(row(p.prefillId(), "prefill" + peer, "tokens/s", 1.0));
        }
        return rows;
    }

    /** What must be reached is the goal, too. */
    private static Row row(String id, String work, String unit, double share) {
        return new Row(id, work, unit, share, id.equals(LOAD) ? 1 : share);
    }
}
