package dev.ocellus.bench.gpu;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.bench.peers.JsonScript;
import dev.ocellus.bench.peers.PeerException;
import dev.ocellus.bench.table.Outcome;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * The same shape in transformers on the same GPU, eager and compiled, beside what was measured of
 * ours in this run or one before.
 */
record TransformersPeer(Path script, String python, Path config, List<GpuCase> cases) {
    private static final String DECODE = "decode-" + GpuRows.LARGE;
    private static final String PREFILL = "prefill-" + GpuRows.LARGE;

    /**
     * @param limit after which it is given up
     */
    void measure(GpuRows.Peer peer, GpuTable.Output output, Duration limit) {
        try {
            JsonNode said =
                    JsonScript.run(
                            "transformers",
                            List.of(
                                    python,
                                    script.toString(),
                                    config.toString(),
                                    "--mode",
                                    peer.text(),
                                    "--context",
                                    String.valueOf(work(DECODE).contextTokens()),
                                    "--prompt",
                                    String.valueOf(work(PREFILL).count())),
                            limit);
            if (said.has("missing")) {
                skipped(peer, output, said.path("missing").asText());
                return;
            }
            String engine = said.path("engine").asText();
            put(output, peer.decodeId(), DECODE, said.path("decode"), engine);
            put(output, peer.prefillId(), PREFILL, said.path("prefill"), engine);
        } catch (PeerException e) {
            skipped(peer, output, e.getMessage());
        }
    }

    private GpuCase work(String id) {
        return cases.stream().filter(c -> c.id().equals(id)).findFirst().orElseThrow();
    }

    private static void put(
            GpuTable.Output output, String id, String ours, JsonNode theirs, String engine) {
        double own = output.figure(ours);
        double peer = theirs.asDouble();
        output.put(
                id,
                own == 0
                        ? Outcome.skipped("ours has not been measured: add the row " + ours)
                        : new Outcome(own, peer, own / peer, engine));
    }

    private static void skipped(GpuRows.Peer peer, GpuTable.Output output, String why) {
        output.put(peer.decodeId(), Outcome.skipped(why));
        output.put(peer.prefillId(), Outcome.skipped(why));
    }
}
