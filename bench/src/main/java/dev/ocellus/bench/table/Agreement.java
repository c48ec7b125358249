package dev.ocellus.bench.table;

import dev.ocellus.LoadedModel;
import dev.ocellus.Ocellus;
import dev.ocellus.bench.peers.PeerException;
import dev.ocellus.bench.peers.PeerProcess;
import dev.ocellus.generate.KvCache;
import dev.ocellus.generate.LogitsSink;
import dev.ocellus.generate.Prompt;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Collectors;

/** That two engines run the same model: the logits that follow the same prompt. */
final class Agreement {
    private static final int TOKENS = 24;

    private Agreement() {}

    /** The distance of the peer's logits from ours, relative to the length of ours. */
    static double relativeError(Ocellus model, PeerProcess peer, Path work) {
        LoadedModel parts = model.model();
        int vocabulary = Math.toIntExact(parts.language().config().vocabSize());
        int[] ids = new Random(1).ints(TOKENS, 0, vocabulary).toArray();
        float[] ours = ours(parts, ids, vocabulary);
        Path file = work.resolve("logits.f32");
        peer.ask(
                "logits "
                        + file
                        + " "
                        + Arrays.stream(ids)
                                .mapToObj(String::valueOf)
                                .collect(Collectors.joining(" ")));
        try {
            ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
            Files.delete(file);
            return distance(ours, bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer());
        } catch (IOException e) {
            throw new PeerException("the logits of " + peer.name() + " cannot be read", e);
        }
    }

    private static float[] ours(LoadedModel parts, int[] ids, int vocabulary) {
        float[] logits = new float[vocabulary];
        LogitsSink sink =
                (values, hidden) ->
                        MemorySegment.copy(
                                values, ValueLayout.JAVA_FLOAT, 0, logits, 0, vocabulary);
        try (KvCache cache = new KvCache(parts.pages())) {
            parts.runner()
                    .prefill(
                            cache,
                            Prompt.of(ids),
                            0,
                            ids.length,
                            parts.language().config().frequencies(ids.length, ids.length),
                            sink,
                            () -> false,
                            done -> {});
        }
        return logits;
    }

    private static double distance(float[] a, FloatBuffer b) {
        double difference = 0;
        double length = 0;
        for (int i = 0; i < a.length; i++) {
            difference += Math.pow(a[i] - b.get(i), 2);
            length += Math.pow(a[i], 2);
        }
        return Math.sqrt(difference / length);
    }
}
