package dev.ocellus.loader.tokenizer;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.text.PythonText;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A tokenizer that {@code tokenizer.json} defines, run by the library that the reference uses for
 * it.
 */
final class FastTokenizer implements Tokenizer {
    static final String FILE = "tokenizer.json";

    private final Path file;
    private final NativeTokenizer library;
    private final TokenizerConfig config;
    private final Map<String, Integer> ids;
    private final String[] tokens;
    private final boolean[] special;
    private final boolean incremental;
    private final List<DecodedText> stages;

    /** A change of decoded text that the class or the configuration asks for. */
    private enum DecodedText {
        CLIP_WORDS,
        CLEAN_UP
    }

    private FastTokenizer(
            Path file,
            NativeTokenizer library,
            TokenizerJson json,
            TokenizerConfig config,
            String className) {
        this.file = file;
        this.library = library;
        this.config = config;
        ids = json.ids();
        int size = ids.values().stream().mapToInt(id -> id + 1).max().orElse(0);
        tokens = new String[size];
        special = new boolean[size];
        ids.forEach((token, id) -> tokens[id] = token);
        json.addedTokens()
                .forEach(
                        (id, token) -> {
                            tokens[id] = token.content();
                            special[id] = token.special();
                        });
        incremental = json.decodesTokenByToken();
        stages = new ArrayList<>();
        if (className.equals("CLIPTokenizer")) {
            stages.add(DecodedText.CLIP_WORDS);
        }
        if (config.flag("clean_up_tokenization_spaces", false)) {
            stages.add(DecodedText.CLEAN_UP);
        }
    }

    static FastTokenizer open(Path folder, String className, TokenizerConfig config) {
        Path file = folder.resolve(FILE);
        ObjectNode content = JsonFiles.object(file);
        TokenizerJson json = new TokenizerJson(file, content, config);
        json.applyClass(className);
        try {
            return new FastTokenizer(
                    file, new NativeTokenizer(json.text()), json, config, className);
        } catch (IllegalArgumentException e) {
            throw new TokenizerException(file, "can't be used: " + e.getMessage(), e);
        }
    }

    @Override
    public int[] encode(String text, boolean addSpecialTokens) {
        try {
            return library.encode(PythonText.wellFormed(text), addSpecialTokens);
        } catch (RuntimeException e) {
            throw new TokenizerException(file, "a text can't be encoded: " + e.getMessage(), e);
        }
    }

    @Override
    public String decode(int[] ids, boolean skipSpecialTokens) {
        List<Integer> shown = new ArrayList<>(ids.length);
        for (int id : ids) {
            if (isShown(id, skipSpecialTokens)) {
                shown.add(id);
            }
        }
        TextStage stage = stage();
        return stage.accept(library.decode(shown)) + stage.finish();
    }

    private boolean isShown(int id, boolean skipSpecialTokens) {
        return id >= 0
                && id < tokens.length
                && tokens[id] != null
                && !(skipSpecialTokens && special[id]);
    }

    private TextStage stage() {
        List<TextStage> chain = new ArrayList<>();
        for (DecodedText change : stages) {
            switch (change) {
                case CLIP_WORDS -> {
                    chain.add(new TextStage.Replace("</w>", " "));
                    chain.add(new TextStage.Strip());
                }
                case CLEAN_UP -> chain.add(TextStage.cleanUp());
            }
        }
        return TextStage.chain(chain);
    }

    @Override
    public StreamingDecoder streaming(boolean skipSpecialTokens) {
        return new Decoder(skipSpecialTokens);
    }

    /**
     * Decodes a window of the last ids twice, without and with the new one: what is longer is new
     * text. The window always begins with an id whose text is out already, so that rules for the
     * first token of a text don't show.
     */
    private final class Decoder implements StreamingDecoder {
        private final boolean skipSpecialTokens;
        private final TextStage stage = stage();
        private final List<Integer> window = new ArrayList<>();
        private int shownIds;
        private String shown = "";

        Decoder(boolean skipSpecialTokens) {
            this.skipSpecialTokens = skipSpecialTokens;
        }

        @Override
        public String append(int id) {
            if (!isShown(id, skipSpecialTokens)) {
                return "";
            }
            window.add(id);
            if (!incremental || isByteFallback(tokens[id])) {
                return "";
            }
            String text = library.decode(window);
            if (text.endsWith("\ufffd")) {
                // The end of an unfinished character, or a malformed one: the next token tells.
                return "";
            }
            String fresh = text.substring(shown.length());
            window.subList(0, shownIds).clear();
            shownIds = window.size();
            shown = library.decode(window);
            return stage.accept(fresh);
        }

        @Override
        public String finish() {
            return stage.accept(library.decode(window).substring(shown.length())) + stage.finish();
        }
    }

    /** A run of byte tokens is text or not as a whole, so it waits for the token behind it. */
    private static boolean isByteFallback(String token) {
        return token.length() == 6 && token.startsWith("<0x") && token.endsWith(">");
    }

    @Override
    public OptionalInt id(String token) {
        Integer id = ids.get(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    @Override
    public Optional<String> token(int id) {
        return id >= 0 && id < tokens.length ? Optional.ofNullable(tokens[id]) : Optional.empty();
    }

    @Override
    public boolean isSpecial(int id) {
        return id >= 0 && id < special.length && special[id];
    }

    @Override
    public int vocabularySize() {
        return tokens.length;
    }

    @Override
    public Optional<String> bosToken() {
        return Optional.ofNullable(config.role("bos_token"));
    }

    @Override
    public Optional<String> eosToken() {
        return Optional.ofNullable(config.role("eos_token"));
    }

    @Override
    public Optional<String> padToken() {
        return Optional.ofNullable(config.role("pad_token"));
    }

    @Override
    public Optional<String> unkToken() {
        return Optional.ofNullable(config.role("unk_token"));
    }
}
