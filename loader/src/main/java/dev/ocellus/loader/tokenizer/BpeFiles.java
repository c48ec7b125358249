package dev.ocellus.loader.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * {@code vocab.json} and {@code merges.txt} of a byte-level tokenizer.
 *
 * @param ids id of each token
 * @param tokens token of each id, null in holes
 */
record BpeFiles(Map<String, Integer> ids, String[] tokens, BpeMerges merges) {

    /**
     * Ids size an array: a bound far above any vocabulary keeps a wrong file from filling the
     * memory.
     */
    private static final int MAX_ID = 1 << 24;

    /** Reads both files; {@code lines} picks the merges from the text of the second. */
    static BpeFiles read(Path folder, Function<String, List<String>> lines) {
        Path vocabFile = folder.resolve("vocab.json");
        Map<String, Integer> ids = new HashMap<>();
        int size = 0;
        for (Map.Entry<String, JsonNode> entry : JsonFiles.object(vocabFile).properties()) {
            JsonNode id = entry.getValue();
            if (!id.isInt() || id.intValue() < 0 || id.intValue() >= MAX_ID) {
                throw new TokenizerException(
                        vocabFile, "the id of '" + entry.getKey() + "' is not a token id: " + id);
            }
            ids.put(entry.getKey(), id.intValue());
            size = Math.max(size, id.intValue() + 1);
        }
        String[] tokens = new String[size];
        ids.forEach((token, id) -> tokens[id] = token);
        return new BpeFiles(ids, tokens, merges(folder.resolve("merges.txt"), lines, ids));
    }

    private static BpeMerges merges(
            Path file, Function<String, List<String>> lines, Map<String, Integer> ids) {
        BpeMerges merges = new BpeMerges();
        int rank = 0;
        for (String line : lines.apply(text(file))) {
            String[] pair = line.strip().split("\\s+");
            if (pair.length != 2) {
                throw new TokenizerException(
                        file, "merge " + rank + " is not a pair of tokens: '" + line + "'");
            }
            for (String token : List.of(pair[0], pair[1], pair[0] + pair[1])) {
                if (!ids.containsKey(token)) {
                    throw new TokenizerException(
                            file,
                            "merge "
                                    + rank
                                    + " names '"
                                    + token
                                    + "', which vocab.json doesn't have");
                }
            }
            merges.add(pair[0], pair[1], rank++);
        }
        return merges;
    }

    private static String text(Path file) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(JsonFiles.bytes(file)))
                    .toString()
                    .replace("\r\n", "\n");
        } catch (CharacterCodingException e) {
            throw new TokenizerException(file, "is not UTF-8 text", e);
        }
    }
}
