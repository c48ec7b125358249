package dev.ocellus.loader.tokenizer;

import java.nio.file.Path;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The classes {@code Qwen2Tokenizer} and {@code GPT2Tokenizer}: BPE over bytes inside words that a
 * pattern cuts.
 */
final class ByteLevelModel implements SlowModel {
    private static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNICODE_CASE;
    private static final Pattern QWEN2_WORDS =
            Pattern.compile(
                    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
                            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                    FLAGS);
    private static final Pattern GPT2_WORDS =
            Pattern.compile(
                    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                    FLAGS);

    private final BpeFiles files;
    private final Pattern words;
    private final UnaryOperator<String> preparation;
    private final int unknownId;

    private ByteLevelModel(
            BpeFiles files, Pattern words, UnaryOperator<String> preparation, String unknownToken) {
        this.files = files;
        this.words = words;
        this.preparation = preparation;
        this.unknownId = unknownToken == null ? -1 : files.ids().getOrDefault(unknownToken, -1);
    }

    static ByteLevelModel qwen2(Path folder, String unknownToken) {
        BpeFiles files = BpeFiles.read(folder, ByteLevelModel::qwen2Merges);
        return new ByteLevelModel(
                files,
                QWEN2_WORDS,
                text -> Normalizer.normalize(text, Normalizer.Form.NFC),
                unknownToken);
    }

    static ByteLevelModel gpt2(Path folder, String unknownToken, boolean addPrefixSpace) {
        BpeFiles files = BpeFiles.read(folder, ByteLevelModel::gpt2Merges);
        return new ByteLevelModel(
                files, GPT2_WORDS, text -> addPrefixSpace ? " " + text : text, unknownToken);
    }

    private static List<String> qwen2Merges(String text) {
        List<String> lines = text.lines().toList();
        boolean versioned = !lines.isEmpty() && lines.get(0).startsWith("#version:");
        return lines.stream().skip(versioned ? 1 : 0).filter(l -> !l.isBlank()).toList();
    }

    /**
     * The first line is a version, what follows the last line break is nothing: both are dropped
     * unread.
     */
    private static List<String> gpt2Merges(String text) {
        String[] lines = text.split("\n", -1);
        return Arrays.asList(lines)
                .subList(Math.min(1, lines.length), Math.max(1, lines.length - 1));
    }

    @Override
    public int size() {
        return files.ids().size();
    }

    @Override
    public String token(int id) {
        return id >= 0 && id < files.tokens().length ? files.tokens()[id] : null;
    }

    @Override
    public int id(String token) {
        return files.ids().getOrDefault(token, -1);
    }

    @Override
    public int unknownId() {
        return unknownId;
    }

    @Override
    public String prepare(String text) {
        return preparation.apply(text);
    }

    @Override
    public void tokenize(String segment, List<String> tokens) {
        Matcher word = words.matcher(segment);
        while (word.find()) {
            String spelled = ByteAlphabet.spell(word.group());
            tokens.addAll(files.merges().merge(Arrays.asList(spelled.split(""))));
        }
    }

    @Override
    public Run run(Set<String> specialTokens) {
        return new ByteRun();
    }
}
