package dev.ocellus.loader.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;

import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Checks the components of a {@code tokenizer.json} before the native library sees them: that
 * library ends the process on some malformed ones instead of reporting them.
 */
final class TokenizerJsonCheck {
    private static final int MAX_DEPTH = 16;
    private static final Set<String> BEHAVIORS =
            Set.of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous");

    private static final List<String> BYTE_LEVEL =
            List.of("add_prefix_space flag?", "trim_offsets flag?", "use_regex flag?");
    private static final List<String> METASPACE =
            List.of(
                    "replacement character",
                    "prepend_scheme scheme?",
                    "add_prefix_space flag?",
                    "split flag?");

    /**
     * Fields of each type: name and kind, with a question mark where the field may be absent or
     * null.
     */
    private static final Map<String, List<String>> NORMALIZERS =
            Map.ofEntries(
                    Map.entry(
                            "BertNormalizer",
                            List.of(
                                    "clean_text flag",
                                    "handle_chinese_chars flag",
                                    "strip_accents flag?",
                                    "lowercase flag")),
                    Map.entry("Strip", List.of("strip_left flag", "strip_right flag")),
                    Map.entry("StripAccents", List.of()),
                    Map.entry("NFC", List.of()),
                    Map.entry("NFD", List.of()),
                    Map.entry("NFKC", List.of()),
                    Map.entry("NFKD", List.of()),
                    Map.entry("Lowercase", List.of()),
                    Map.entry("Nmt", List.of()),
                    Map.entry("ByteLevel", List.of()),
                    Map.entry("Precompiled", List.of("precompiled_charsmap table")),
                    Map.entry("Replace", List.of("pattern pattern", "content text")),
                    Map.entry("Prepend", List.of("prepend text")),
                    Map.entry("Sequence", List.of("normalizers list")));

    private static final Map<String, List<String>> PRE_TOKENIZERS =
            Map.ofEntries(
                    Map.entry("BertPreTokenizer", List.of()),
                    Map.entry("ByteLevel", BYTE_LEVEL),
                    Map.entry("CharDelimiterSplit", List.of("delimiter character")),
                    Map.entry("Metaspace", METASPACE),
                    Map.entry("Whitespace", List.of()),
                    Map.entry("WhitespaceSplit", List.of()),
                    Map.entry("UnicodeScripts", List.of()),
                    Map.entry(
                            "Split",
                            List.of("pattern pattern", "behavior behavior", "invert flag")),
                    Map.entry("Punctuation", List.of("behavior behavior?")),
                    Map.entry("Digits", List.of("individual_digits flag")),
                    Map.entry("Sequence", List.of("pretokenizers list")));

    private static final Map<String, List<String>> DECODERS =
            Map.ofEntries(
                    Map.entry("BPEDecoder", List.of("suffix text")),
                    Map.entry("ByteLevel", BYTE_LEVEL),
                    Map.entry("WordPiece", List.of("prefix text", "cleanup flag")),
                    Map.entry("Metaspace", METASPACE),
                    Map.entry(
                            "CTC",
                            List.of("pad_token text", "word_delimiter_token text", "cleanup flag")),
                    Map.entry("Replace", List.of("pattern pattern", "content text")),
                    Map.entry("Fuse", List.of()),
                    Map.entry("ByteFallback", List.of()),
                    Map.entry("Strip", List.of("content character", "start count", "stop zero")),
                    Map.entry("Sequence", List.of("decoders list")));

    private static final Map<String, List<String>> POST_PROCESSORS =
            Map.of(
                    "ByteLevel", BYTE_LEVEL,
                    "BertProcessing", List.of("sep token", "cls token"),
                    "RobertaProcessing",
                            List.of(
                                    "sep token",
                                    "cls token",
                                    "trim_offsets flag",
                                    "add_prefix_space flag"),
                    "TemplateProcessing", List.of(),
                    "Sequence", List.of("processors list"));

    private static final Map<String, List<String>> MODELS =
            Map.of(
                    "BPE",
                    List.of(
                            "unk_token text?",
                            "continuing_subword_prefix text?",
                            "end_of_word_suffix text?",
                            "fuse_unk flag?",
                            "byte_fallback flag?",
                            "ignore_merges flag?"),
                    "Unigram",
                    List.of("unk_id count?", "byte_fallback flag?"),
                    "WordPiece",
                    List.of(
                            "unk_token text",
                            "continuing_subword_prefix text",
                            "max_input_chars_per_word count"),
                    "WordLevel",
                    List.of("unk_token text"));

    private final Path file;

    private TokenizerJsonCheck(Path file) {
        this.file = file;
    }

    static void check(Path file, JsonNode content) {
        TokenizerJsonCheck check = new TokenizerJsonCheck(file);
        check.component(content.path("normalizer"), "normalizer", NORMALIZERS, 0);
        check.component(content.path("pre_tokenizer"), "pre_tokenizer", PRE_TOKENIZERS, 0);
        check.component(content.path("decoder"), "decoder", DECODERS, 0);
        check.component(content.path("post_processor"), "post_processor", POST_PROCESSORS, 0);
        check.model(content.path("model"));
    }

    private void model(JsonNode model) {
        String type = model.path("type").asText(untaggedType(model));
        fields(model, "model", type, MODELS, 0);
        if (model.path("dropout").asDouble(0) != 0) {
            throw fault("model", "'dropout' must be null: tokenising is not random");
        }
        boolean isList = model.path("vocab").isArray();
        if (isList != type.equals("Unigram")) {
            throw fault("model", "'vocab' has the wrong form for " + type);
        }
        for (int i = 0; isList && i < model.get("vocab").size(); i++) {
            JsonNode piece = model.get("vocab").get(i);
            if (piece.size() != 2 || !piece.path(0).isTextual() || !piece.path(1).isNumber()) {
                throw fault("model", "piece " + i + " is not a text with a score");
            }
        }
    }

    /** Files of before 2021 don't name the model's type; its fields tell. */
    private static String untaggedType(JsonNode model) {
        if (model.path("vocab").isArray()) {
            return "Unigram";
        }
        return model.has("max_input_chars_per_word") ? "WordPiece" : "BPE";
    }

    private void component(
            JsonNode node, String where, Map<String, List<String>> types, int depth) {
        if (node.isMissingNode() || node.isNull()) {
            return;
        }
        if (depth > MAX_DEPTH) {
            throw fault(where, "is nested too deeply");
        }
        fields(node, where, node.path("type").asText(), types, depth);
        if (types == POST_PROCESSORS && node.path("type").asText().equals("TemplateProcessing")) {
            template(node);
        }
    }

    private void fields(
            JsonNode node, String where, String type, Map<String, List<String>> types, int depth) {
        List<String> fields = types.get(type);
        if (fields == null || !node.isObject()) {
            throw fault(
                    where,
                    "type '"
                            + type
                            + "' is not supported, only "
                            + types.keySet().stream().sorted().toList());
        }
        for (String field : fields) {
            boolean optional = field.endsWith("?");
            String name = field.substring(0, field.indexOf(' '));
            String kind = field.substring(name.length() + 1, field.length() - (optional ? 1 : 0));
            JsonNode value = node.path(name);
            boolean absent = value.isMissingNode() || value.isNull();
            if (absent ? !optional : !isKind(value, kind)) {
                throw fault(
                        where,
                        type + "." + name + " is not a valid " + kind + ": " + abbreviated(value));
            }
            if (kind.equals("list")) {
                for (JsonNode step : value) {
                    component(step, where, types, depth + 1);
                }
            }
        }
    }

    private boolean isKind(JsonNode value, String kind) {
        return switch (kind) {
            case "flag" -> value.isBoolean();
            case "text" -> value.isTextual();
            case "character" -> value.isTextual() && value.asText().codePoints().count() == 1;
            case "count" -> isId(value);
            case "zero" -> value.isInt() && value.intValue() == 0;
            case "list" -> value.isArray() && !value.path(0).isNull();
            case "behavior" -> BEHAVIORS.contains(value.asText());
            case "scheme" -> Set.of("always", "never", "first").contains(value.asText());
            case "pattern" ->
                    value.isObject()
                            && value.size() == 1
                            && (value.path("String").isTextual()
                                    || value.path("Regex").isTextual());
            case "token" -> value.size() == 2 && value.path(0).isTextual() && isId(value.path(1));
            case "table" -> isTable(value);
            default -> throw new IllegalStateException(kind);
        };
    }

    private static boolean isId(JsonNode value) {
        return value.isInt() && value.intValue() >= 0;
    }

    private boolean isTable(JsonNode value) {
        try {
            byte[] table = Base64.getDecoder().decode(value.asText());
            return value.isTextual() && new CharsMap(table) != null;
        } catch (IllegalArgumentException | ProtobufReader.MalformedException e) {
            throw new TokenizerException(
                    file, "'normalizer' has a bad replacement table: " + e.getMessage(), e);
        }
    }

    private void template(JsonNode template) {
        JsonNode special = template.path("special_tokens");
        for (JsonNode token : special) {
            boolean valid =
                    token.path("id").isTextual()
                            && token.path("ids").isArray()
                            && token.path("tokens").isArray()
                            && token.path("ids").size() == token.path("tokens").size();
            for (JsonNode id : token.path("ids")) {
                valid &= isId(id);
            }
            for (JsonNode text : token.path("tokens")) {
                valid &= text.isTextual();
            }
            if (!valid) {
                throw fault(
                        "post_processor",
                        "a special token of the template has no matching ids and tokens");
            }
        }
        pieces(template.path("single"), Set.of("A"), special);
        pieces(template.path("pair"), Set.of("A", "B"), special);
    }

    private void pieces(JsonNode pieces, Set<String> sequences, JsonNode special) {
        boolean valid = pieces.isArray();
        for (JsonNode piece : pieces) {
            JsonNode sequence = piece.path("Sequence");
            JsonNode token = piece.path("SpecialToken");
            valid &=
                    piece.size() == 1
                            && isId((sequence.isObject() ? sequence : token).path("type_id"))
                            && (sequence.isObject()
                                    ? sequences.contains(sequence.path("id").asText())
                                    : special.has(token.path("id").asText()));
        }
        if (!valid) {
            throw fault(
                    "post_processor",
                    "the template is not a list of known sequences and special tokens");
        }
    }

    private static String abbreviated(JsonNode value) {
        String text = value.isMissingNode() ? "it is missing" : value.toString();
        return text.length() > 60 ? text.substring(0, 60) + "..." : text;
    }

    private TokenizerException fault(String where, String rule) {
        return new TokenizerException(file, "'" + where + "': " + rule);
    }
}
