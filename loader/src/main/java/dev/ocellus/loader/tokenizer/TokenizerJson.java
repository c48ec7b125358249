package dev.ocellus.loader.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The content of a {@code tokenizer.json}, with what the reference changes in it when it opens a
 * folder.
 */
final class TokenizerJson {
    /** Decoders that turn each token into text without looking at later ones. */
    private static final Set<String> TOKEN_WISE =
            Set.of("ByteLevel", "Metaspace", "WordPiece", "BPEDecoder");

    private final Path file;
    private final ObjectNode content;
    private final TokenizerConfig config;
    private final Map<String, Integer> ids = new HashMap<>();
    private final Map<Integer, AddedToken> addedTokens = new TreeMap<>();

    TokenizerJson(Path file, ObjectNode content, TokenizerConfig config) {
        this.file = file;
        this.content = content;
        this.config = config;
        TokenizerJsonCheck.check(file, content);
        readVocabulary();
        content.putNull("truncation");
        content.putNull("padding");
        mergeAddedTokens();
    }

    private void readVocabulary() {
        JsonNode model = content.path("model");
        JsonNode vocabulary = model.path("vocab");
        if (vocabulary.isObject()) {
            vocabulary
                    .properties()
                    .forEach(entry -> ids.put(entry.getKey(), checkedId(entry.getValue())));
        } else if (vocabulary.isArray()) {
            for (int id = 0; id < vocabulary.size(); id++) {
                ids.put(vocabulary.get(id).path(0).asText(), id);
            }
        } else {
            throw new TokenizerException(file, "has no 'model' with a 'vocab'");
        }
        for (JsonNode merge : model.path("merges")) {
            checkMerge(merge, model.path("continuing_subword_prefix").asText(""));
        }
    }

    private void checkMerge(JsonNode merge, String prefix) {
        String left;
        String right;
        if (merge.isArray() && merge.size() == 2) {
            left = merge.get(0).asText();
            right = merge.get(1).asText();
        } else {
            String[] pair = merge.asText().split(" ", -1);
            if (pair.length != 2) {
                throw new TokenizerException(file, "merge " + merge + " is not a pair of tokens");
            }
            left = pair[0];
            right = pair[1];
        }
        if (!right.startsWith(prefix)) {
            throw new TokenizerException(
                    file, "merge " + merge + " lacks the prefix '" + prefix + "'");
        }
        String tail = right.substring(prefix.length());
        for (String token : new String[] {left, right, left + tail}) {
            if (!ids.containsKey(token)) {
                throw new TokenizerException(
                        file,
                        "merge "
                                + merge
                                + " names '"
                                + token
                                + "', which the vocabulary doesn't have");
            }
        }
    }

    private int checkedId(JsonNode id) {
        // Ids size arrays: a bound far above any vocabulary keeps a wrong file from filling the
        // memory.
        if (!id.isInt() || id.intValue() < 0 || id.intValue() >= 1 << 24) {
            throw new TokenizerException(file, "'" + id + "' is not a token id");
        }
        return id.intValue();
    }

    /**
     * Adds what only the configuration knows: first its table of added tokens, then special tokens
     * without an id.
     */
    private void mergeAddedTokens() {
        Map<String, AddedToken> all = new LinkedHashMap<>();
        for (JsonNode token : content.path("added_tokens")) {
            if (!token.path("content").isTextual()) {
                throw new TokenizerException(file, "an added token has no 'content'");
            }
            AddedToken added = AddedToken.of(token);
            all.put(added.content(), added);
        }
        for (AddedToken token : config.addedTokens().values()) {
            all.put(token.content(), token);
        }
        for (AddedToken token : config.specialTokens()) {
            AddedToken known = all.get(token.content());
            if (known == null) {
                all.put(token.content(), token.asSpecial());
            } else if (!known.special() && config.addedTokens().containsValue(known)) {
                all.put(token.content(), known.asSpecial());
            }
        }
        int next = ids.values().stream().mapToInt(id -> id + 1).max().orElse(0);
        ArrayNode list = content.putArray("added_tokens");
        for (AddedToken token : all.values()) {
            if (token.content().isEmpty()) {
                continue;
            }
            Integer id = ids.get(token.content());
            if (id == null) {
                id = next++;
                ids.put(token.content(), id);
            }
            addedTokens.put(id, token);
            list.addObject()
                    .put("id", id)
                    .put("content", token.content())
                    .put("single_word", token.singleWord())
                    .put("lstrip", token.lstrip())
                    .put("rstrip", token.rstrip())
                    .put("normalized", token.normalized())
                    .put("special", token.special());
        }
    }

    /** Changes that the reference's class makes to the file's settings. */
    void applyClass(String className) {
        JsonNode words = content.path("pre_tokenizer");
        if (words instanceof ObjectNode byteLevel
                && byteLevel.has("add_prefix_space")
                && byteLevel.path("type").asText().equals("ByteLevel")) {
            byteLevel.put("add_prefix_space", config.flag("add_prefix_space", false));
        }
        if (className.equals("LlamaTokenizer")) {
            content.set("post_processor", llamaTemplate());
        }
    }

    /**
     * The class puts BOS and EOS around the text as its flags say, whatever the file's template
     * does.
     */
    private ObjectNode llamaTemplate() {
        ObjectNode template = JsonFiles.MAPPER.createObjectNode().put("type", "TemplateProcessing");
        ArrayNode single = template.putArray("single");
        ArrayNode pair = template.putArray("pair");
        ObjectNode specialTokens = template.putObject("special_tokens");
        if (config.flag("add_bos_token", true)) {
            addSpecial(single, pair, specialTokens, "bos_token", 0);
        }
        addSequence(single, "A", 0);
        addSequence(pair, "A", 0);
        if (config.flag("add_eos_token", false)) {
            addSpecial(single, pair, specialTokens, "eos_token", 0);
        }
        addSequence(pair, "B", 1);
        return template;
    }

    private void addSpecial(
            ArrayNode single, ArrayNode pair, ObjectNode specialTokens, String role, int type) {
        String token = config.role(role);
        Integer id = token == null ? null : ids.get(token);
        if (id == null) {
            throw new TokenizerException(
                    config.file(), "a text is to get the '" + role + "', but there is none");
        }
        for (ArrayNode list : new ArrayNode[] {single, pair}) {
            list.addObject().putObject("SpecialToken").put("id", token).put("type_id", type);
        }
        ObjectNode entry = specialTokens.putObject(token).put("id", token);
        entry.putArray("ids").add(id);
        entry.putArray("tokens").add(token);
    }

    private static void addSequence(ArrayNode list, String id, int type) {
        list.addObject().putObject("Sequence").put("id", id).put("type_id", type);
    }

    Map<String, Integer> ids() {
        return ids;
    }

    Map<Integer, AddedToken> addedTokens() {
        return addedTokens;
    }

    String text() {
        return JsonFiles.write(content);
    }

    /**
     * Whether a sequence may be decoded in windows: no decoder changes text across tokens, but for
     * byte runs.
     */
    boolean decodesTokenByToken() {
        JsonNode decoder = content.path("decoder");
        if (TOKEN_WISE.contains(decoder.path("type").asText())) {
            return true;
        }
        boolean fused = false;
        for (JsonNode step : decoder.path("decoders")) {
            String type = step.path("type").asText();
            boolean strip = type.equals("Strip") && step.path("stop").asInt() == 0;
            boolean tokenWise =
                    !fused
                            && (type.equals("Replace")
                                    || type.equals("ByteFallback")
                                    || TOKEN_WISE.contains(type));
            fused |= type.equals("Fuse");
            if (!(type.equals("Fuse") || strip || tokenWise)) {
                return false;
            }
        }
        return decoder.path("type").asText().equals("Sequence");
    }
}
