package dev.ocellus.loader.tokenizer;

import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The class {@code CLIPTokenizer} without the optional text repair library: lower case, single
 * spaces, BPE with an end-of-word mark.
 */
final class ClipModel implements SlowModel {
    private static final String END_OF_WORD = "</w>";

    /** The reference reads as many merges as the published vocabulary of 49408 has room for. */
    private static final int MAX_MERGES = 49152 - 256 - 2;

    private static final Pattern WORDS =
            Pattern.compile(
                    "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+",
                    Pattern.UNICODE_CHARACTER_CLASS
                            | Pattern.UNICODE_CASE
                            | Pattern.CASE_INSENSITIVE);

    private final BpeFiles files;
    private final int unknownId;

    ClipModel(Path folder, String unknownToken) {
        files = BpeFiles.read(folder, ClipModel::merges);
        unknownId = unknownToken == null ? -1 : files.ids().getOrDefault(unknownToken, -1);
    }

    private static List<String> merges(String text) {
        return text.strip().lines().skip(1).limit(MAX_MERGES).toList();
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
    public void tokenize(String segment, List<String> tokens) {
        Matcher word = WORDS.matcher(clean(segment));
        while (word.find()) {
            String text = word.group();
            if (text.equals("<|startoftext|>") || text.equals("<|endoftext|>")) {
                tokens.add(text);
                continue;
            }
            List<String> symbols =
                    new ArrayList<>(Arrays.asList(ByteAlphabet.spell(text).split("")));
            symbols.set(symbols.size() - 1, symbols.getLast() + END_OF_WORD);
            tokens.addAll(files.merges().merge(symbols));
        }
    }

    /**
     * Control characters away, ideographs apart, NFC, words in lower case with one space between
     * them.
     */
    private static String clean(String text) {
        StringBuilder cleaned = new StringBuilder(text.length());
        text.codePoints()
                .forEach(
                        c -> {
                            if (isSpace(c)) {
                                cleaned.append(' ');
                            } else if (isIdeograph(c)) {
                                cleaned.append(' ').appendCodePoint(c).append(' ');
                            } else if (c != 0xfffd && !isControl(c)) {
                                cleaned.appendCodePoint(c);
                            }
                        });
        String normalized = Normalizer.normalize(cleaned, Normalizer.Form.NFC);
        List<String> words = new ArrayList<>();
        for (String word : normalized.split("[\\s\\x1c-\\x1f\\x85\\p{Z}]+")) {
            if (!word.isEmpty()) {
                words.add(word.toLowerCase(Locale.ROOT));
            }
        }
        return String.join(" ", words);
    }

    private static boolean isSpace(int c) {
        return c == '\t'
                || c == '\n'
                || c == '\r'
                || Character.getType(c) == Character.SPACE_SEPARATOR;
    }

    private static boolean isControl(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED ->
                    true;
            default -> false;
        };
    }

    private static boolean isIdeograph(int c) {
        return c >= 0x4e00 && c <= 0x9fff
                || c >= 0x3400 && c <= 0x4dbf
                || c >= 0x20000 && c <= 0x2a6df
                || c >= 0x2a700 && c <= 0x2b73f
                || c >= 0x2b740 && c <= 0x2b81f
                || c >= 0x2b820 && c <= 0x2ceaf
                || c >= 0xf900 && c <= 0xfaff
                || c >= 0x2f800 && c <= 0x2fa1f;
    }

    @Override
    public Run run(Set<String> specialTokens) {
        TextStage stage =
                TextStage.chain(
                        List.of(new TextStage.Replace(END_OF_WORD, " "), new TextStage.Strip()));
        ByteRun bytes = new ByteRun();
        return new Run() {
            @Override
            public void accept(String token, StringBuilder text) {
                StringBuilder part = new StringBuilder();
                bytes.accept(token, part);
                text.append(stage.accept(part.toString()));
            }

            @Override
            public void finish(StringBuilder text) {
                StringBuilder part = new StringBuilder();
                bytes.finish(part);
                text.append(stage.accept(part.toString())).append(stage.finish());
            }
        };
    }
}
