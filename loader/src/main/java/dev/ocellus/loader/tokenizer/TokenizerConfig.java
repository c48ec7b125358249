package dev.ocellus.loader.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What {@code tokenizer_config.json}, {@code special_tokens_map.json} and {@code added_tokens.json}
 * say together.
 *
 * <p>Two layouts exist. Since late 2023 {@code added_tokens_decoder} in {@code
 * tokenizer_config.json} holds everything and the other two files are not read. Before, {@code
 * special_tokens_map.json} overrides the configuration and {@code added_tokens.json} gives the ids.
 */
final class TokenizerConfig {
    static final String FILE = "tokenizer_config.json";

    private static final List<String> ROLES =
            List.of(
                    "bos_token",
                    "eos_token",
                    "unk_token",
                    "sep_token",
                    "pad_token",
                    "cls_token",
                    "mask_token");
    private static final String ADDITIONAL = "additional_special_tokens";

    private final Path file;
    private final ObjectNode config;
    private final String className;
    private final SortedMap<Integer, AddedToken> addedTokens = new TreeMap<>();
    private final Map<String, AddedToken> roles = new LinkedHashMap<>();
    private final Map<String, AddedToken> additional = new LinkedHashMap<>();

    private TokenizerConfig(Path folder) {
        file = folder.resolve(FILE);
        config = JsonFiles.objectIfPresent(file);
        className = config.path("tokenizer_class").asText("").replaceAll("Fast$", "");
        if (config.has("added_tokens_decoder")) {
            readAddedTokensDecoder();
            readSpecialTokens(config, file);
        } else {
            readLegacyLayout(folder);
        }
    }

    static TokenizerConfig read(Path folder) {
        return new TokenizerConfig(folder);
    }

    private void readAddedTokensDecoder() {
        JsonNode decoder = config.get("added_tokens_decoder");
        if (!decoder.isObject()) {
            throw new TokenizerException(file, "'added_tokens_decoder' is not an object");
        }
        for (Map.Entry<String, JsonNode> entry : decoder.properties()) {
            addedTokens.put(
                    parseId(entry.getKey()), token(entry.getValue(), "added_tokens_decoder", file));
        }
    }

    private int parseId(String key) {
        try {
            return checkedId(Integer.parseInt(key), file);
        } catch (NumberFormatException e) {
            throw new TokenizerException(
                    file, "'added_tokens_decoder' has the key '" + key + "', not a token id", e);
        }
    }

    private static int checkedId(int id, Path file) {
        // Ids size arrays: a bound far above any vocabulary keeps a wrong file from filling the
        // memory.
        if (id < 0 || id >= 1 << 24) {
            throw new TokenizerException(file, "token id " + id + " is out of range");
        }
        return id;
    }

    private void readLegacyLayout(Path folder) {
        readSpecialTokens(config, file);
        Path mapFile = folder.resolve("special_tokens_map.json");
        readSpecialTokens(JsonFiles.objectIfPresent(mapFile), mapFile);
        Path idsFile = folder.resolve("added_tokens.json");
        for (Map.Entry<String, JsonNode> entry : JsonFiles.objectIfPresent(idsFile).properties()) {
            if (!entry.getValue().isInt()) {
                throw new TokenizerException(
                        idsFile, "the id of '" + entry.getKey() + "' is not an integer");
            }
            String content = entry.getKey();
            boolean special =
                    additional.containsKey(content)
                            || roles.values().stream()
                                    .anyMatch(t -> t != null && t.content().equals(content));
            addedTokens.put(
                    checkedId(entry.getValue().intValue(), idsFile),
                    AddedToken.plain(content, special));
        }
    }

    private void readSpecialTokens(ObjectNode source, Path sourceFile) {
        for (String role : ROLES) {
            JsonNode value = source.get(role);
            if (value != null) {
                roles.put(role, value.isNull() ? null : token(value, role, sourceFile));
            }
        }
        JsonNode list = source.path(ADDITIONAL);
        if (!list.isArray() && !list.isMissingNode() && !list.isNull()) {
            throw new TokenizerException(sourceFile, "'" + ADDITIONAL + "' is not a list");
        }
        for (JsonNode value : list) {
            AddedToken token = token(value, ADDITIONAL, sourceFile);
            additional.put(token.content(), token);
        }
        for (Map.Entry<String, JsonNode> entry : source.path("extra_special_tokens").properties()) {
            AddedToken token = token(entry.getValue(), entry.getKey(), sourceFile);
            additional.put(token.content(), token);
        }
    }

    private static AddedToken token(JsonNode value, String key, Path sourceFile) {
        if (value.isTextual()) {
            return AddedToken.plain(value.asText(), true);
        }
        if (value.isObject() && value.path("content").isTextual()) {
            return AddedToken.of(value);
        }
        throw new TokenizerException(
                sourceFile, "'" + key + "' is neither a token nor an object with 'content'");
    }

    /** The named class without the suffix of its fast variant; empty when none is named. */
    String className() {
        return className;
    }

    Path file() {
        return file;
    }

    /** Added tokens by id, in the order of their ids. */
    SortedMap<Integer, AddedToken> addedTokens() {
        return addedTokens;
    }

    /**
     * Gives a role its class's default where the files say nothing; null in the files means that
     * there is none.
     */
    void defaultRole(String role, String content) {
        roles.putIfAbsent(role, roles.containsKey(role) ? null : AddedToken.plain(content, true));
    }

    /** The content of a role such as {@code bos_token}, or null. */
    String role(String role) {
        AddedToken token = roles.get(role);
        return token == null ? null : token.content();
    }

    /**
     * All special tokens in the reference's order: roles first, then the additional ones; no
     * duplicates.
     */
    Collection<AddedToken> specialTokens() {
        Map<String, AddedToken> all = new LinkedHashMap<>();
        for (String role : ROLES) {
            AddedToken token = roles.get(role);
            if (token != null) {
                all.putIfAbsent(token.content(), token);
            }
        }
        additional.forEach(all::putIfAbsent);
        return new ArrayList<>(all.values());
    }

    /** The tokens of {@code additional_special_tokens} alone. */
    Set<String> additionalSpecialTokens() {
        return additional.keySet();
    }

    /** Ids of the added tokens by content. */
    Map<String, Integer> addedIds() {
        Map<String, Integer> ids = new HashMap<>();
        addedTokens.forEach((id, token) -> ids.put(token.content(), id));
        return ids;
    }

    /** A boolean key; null counts as false, as in the reference. */
    boolean flag(String key, boolean absent) {
        JsonNode value = config.get(key);
        if (value == null) {
            return absent;
        }
        if (!value.isBoolean() && !value.isNull()) {
            throw new TokenizerException(file, "'" + key + "' is not a boolean");
        }
        return value.asBoolean();
    }

    boolean isNull(String key) {
        return config.path(key).isNull();
    }
}
