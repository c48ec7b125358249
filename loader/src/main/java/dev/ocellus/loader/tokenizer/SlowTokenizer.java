package dev.ocellus.loader.tokenizer;

import dev.ocellus.loader.text.PythonText;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * The rules that all slow tokenizer classes of the reference share: the text is cut at added
 * tokens, each segment is tokenised on its own, and decoding keeps added tokens apart from the
 * rest.
 */
final class SlowTokenizer implements Tokenizer {

    /**
     * The choices in which the classes differ.
     *
     * @param addBos whether the begin token is put before a text
     * @param addEos whether the end token is put after it
     * @param separator what stands between runs of text and added tokens in decoded text
     * @param cleanUp whether decoded text loses spaces before punctuation
     */
    record Options(boolean addBos, boolean addEos, String separator, boolean cleanUp) {}

    private final SlowModel model;
    private final TokenizerConfig config;
    private final Options options;
    private final Map<Integer, AddedToken> addedById = new HashMap<>();
    private final Map<String, Integer> addedIds = new HashMap<>();
    private final AddedTokenTrie trie;
    private final Set<Integer> specialIds = new HashSet<>();
    private final Set<String> specialTokens = new HashSet<>();
    private final Set<String> separateTokens = new HashSet<>();
    private final int size;

    SlowTokenizer(SlowModel model, TokenizerConfig config, Options options) {
        this.model = model;
        this.config = config;
        this.options = options;
        config.addedTokens().forEach(this::add);
        addMissingSpecialTokens();
        trie = new AddedTokenTrie(addedIds.keySet());
        for (AddedToken token : config.specialTokens()) {
            specialTokens.add(token.content());
            specialIds.add(idOrUnknown(token.content()));
        }
        separateTokens.addAll(addedIds.keySet());
        separateTokens.removeAll(specialTokens);
        for (String token : config.additionalSpecialTokens()) {
            if (idOrUnknown(token) >= model.size()) {
                separateTokens.add(token);
            }
        }
        size =
                Math.max(
                        model.size(),
                        addedById.keySet().stream().mapToInt(id -> id + 1).max().orElse(0));
    }

    private void add(int id, AddedToken token) {
        addedById.put(id, token);
        addedIds.put(token.content(), id);
    }

    /**
     * Special tokens without an id take theirs in the vocabulary, or the next free ones in the
     * reference's order.
     */
    private void addMissingSpecialTokens() {
        Set<String> vocabulary = new HashSet<>();
        for (int id = 0; id < model.size(); id++) {
            AddedToken added = addedById.get(id);
            vocabulary.add(added == null ? model.token(id) : added.content());
        }
        vocabulary.addAll(addedIds.keySet());
        int next = vocabulary.size();
        for (AddedToken token : config.specialTokens()) {
            if (addedIds.containsKey(token.content()) || token.content().isEmpty()) {
                continue;
            }
            int known = model.id(token.content());
            add(known >= 0 ? known : next++, token.asSpecial());
        }
    }

    @Override
    public int[] encode(String text, boolean addSpecialTokens) {
        List<String> tokens = tokenize(PythonText.wellFormed(text));
        int bos = addSpecialTokens && options.addBos() ? idOfRole("bos_token") : -1;
        int eos = addSpecialTokens && options.addEos() ? idOfRole("eos_token") : -1;
        int[] ids = new int[tokens.size() + (bos < 0 ? 0 : 1) + (eos < 0 ? 0 : 1)];
        int n = 0;
        if (bos >= 0) {
            ids[n++] = bos;
        }
        for (String token : tokens) {
            ids[n++] = idOrUnknown(token);
        }
        if (eos >= 0) {
            ids[n] = eos;
        }
        return ids;
    }

    private List<String> tokenize(String text) {
        List<String> segments = trie.split(model.prepare(text));
        for (int i = 0; i < segments.size(); i++) {
            Integer id = addedIds.get(segments.get(i));
            if (id != null) {
                applyFlags(addedById.get(id), segments, i);
            }
        }
        List<String> tokens = new ArrayList<>();
        for (String segment : segments) {
            if (segment.isEmpty()) {
                continue;
            }
            if (addedIds.containsKey(segment)) {
                tokens.add(segment);
            } else {
                model.tokenize(segment, tokens);
            }
        }
        return model.afterwards(tokens, specialTokens);
    }

    private static void applyFlags(AddedToken token, List<String> segments, int i) {
        String left = i > 0 ? segments.get(i - 1) : "";
        String right = i + 1 < segments.size() ? segments.get(i + 1) : "";
        if (token.rstrip() && !right.isEmpty()) {
            segments.set(i + 1, PythonText.stripLeft(right));
        }
        if (token.lstrip() && !left.isEmpty()) {
            segments.set(i - 1, PythonText.stripRight(left));
        }
        // The neighbours are judged as they were before stripping, but what is joined is the
        // stripped text.
        if (token.singleWord() && !left.isEmpty() && !left.endsWith(" ")) {
            segments.set(i - 1, segments.get(i - 1) + token.content());
            segments.set(i, "");
        } else if (token.singleWord() && !right.isEmpty() && !right.startsWith(" ")) {
            segments.set(i + 1, token.content() + segments.get(i + 1));
            segments.set(i, "");
        }
    }

    private int idOfRole(String role) {
        String token = config.role(role);
        return token == null ? -1 : idOrUnknown(token);
    }

    private int idOrUnknown(String token) {
        Integer added = addedIds.get(token);
        if (added != null) {
            return added;
        }
        int id = model.id(token);
        return id >= 0 ? id : model.unknownId();
    }

    @Override
    public String decode(int[] ids, boolean skipSpecialTokens) {
        StringBuilder text = new StringBuilder();
        StreamingDecoder decoder = streaming(skipSpecialTokens);
        for (int id : ids) {
            text.append(decoder.append(id));
        }
        return text.append(decoder.finish()).toString();
    }

    @Override
    public StreamingDecoder streaming(boolean skipSpecialTokens) {
        return new Decoder(skipSpecialTokens);
    }

    private final class Decoder implements StreamingDecoder {
        private final boolean skipSpecialTokens;
        private final TextStage cleanUp =
                options.cleanUp() ? TextStage.cleanUp() : TextStage.none();
        private SlowModel.Run run;
        private boolean runIsEmpty;
        private boolean empty = true;

        Decoder(boolean skipSpecialTokens) {
            this.skipSpecialTokens = skipSpecialTokens;
        }

        @Override
        public String append(int id) {
            String token = spelled(id);
            if (token == null
                    || skipSpecialTokens
                            && (specialIds.contains(id) || specialTokens.contains(token))) {
                return "";
            }
            StringBuilder text = new StringBuilder();
            StringBuilder part = new StringBuilder();
            if (separateTokens.contains(token)) {
                endRun(text);
                addPart(token, text);
            } else {
                if (run == null) {
                    run = model.run(skipSpecialTokens ? Set.of() : specialTokens);
                    runIsEmpty = true;
                }
                run.accept(token, part);
                addRunText(part, text);
            }
            return cleanUp.accept(text.toString());
        }

        @Override
        public String finish() {
            StringBuilder text = new StringBuilder();
            boolean endsWithRun = run != null;
            endRun(text);
            if (endsWithRun && runIsEmpty) {
                // The reference joins the last run even when its text is empty.
                addPart("", text);
            }
            return cleanUp.accept(text.toString()) + cleanUp.finish();
        }

        private void endRun(StringBuilder text) {
            if (run != null) {
                StringBuilder part = new StringBuilder();
                run.finish(part);
                addRunText(part, text);
                run = null;
            }
        }

        private void addRunText(StringBuilder part, StringBuilder text) {
            if (part.isEmpty()) {
                return;
            }
            if (runIsEmpty) {
                addPart("", text);
                runIsEmpty = false;
            }
            text.append(part);
        }

        private void addPart(String part, StringBuilder text) {
            if (!empty) {
                text.append(options.separator());
            }
            text.append(part);
            empty = false;
        }
    }

    private String spelled(int id) {
        AddedToken added = addedById.get(id);
        return added != null ? added.content() : model.token(id);
    }

    @Override
    public OptionalInt id(String token) {
        Integer added = addedIds.get(token);
        int id = added != null ? added : model.id(token);
        return id >= 0 ? OptionalInt.of(id) : OptionalInt.empty();
    }

    @Override
    public Optional<String> token(int id) {
        return Optional.ofNullable(spelled(id));
    }

    @Override
    public boolean isSpecial(int id) {
        return specialIds.contains(id);
    }

    @Override
    public int vocabularySize() {
        return size;
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
