package dev.ocellus.loader.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The classes {@code LlamaTokenizer} and {@code InternLM3Tokenizer} over a SentencePiece model.
 *
 * <p>Legacy behaviour hands each segment to SentencePiece as it is, which puts a space before each.
 * The later behaviour switches that off and puts one mark before the whole text.
 */
final class LlamaModel implements SlowModel {
    private static final String MARK = SentencePieceModel.SPACE_MARK;

    private final SentencePieceModel pieces;
    private final boolean legacy;
    private final boolean addPrefixSpace;
    private final String unknownToken;
    private final int unknownLength;

    /**
     * @param pieces the model; without the dummy prefix unless legacy
     * @param unknownToken text of the unknown token
     */
    LlamaModel(
            SentencePieceModel pieces,
            boolean legacy,
            boolean addPrefixSpace,
            String unknownToken) {
        this.pieces = pieces;
        this.legacy = legacy;
        this.addPrefixSpace = addPrefixSpace;
        this.unknownToken = unknownToken;
        List<String> spelled = new ArrayList<>();
        pieces.encode(unknownToken, spelled);
        unknownLength = spelled.size();
    }

    @Override
    public int size() {
        return pieces.size();
    }

    @Override
    public String token(int id) {
        return pieces.piece(id);
    }

    @Override
    public int id(String token) {
        return pieces.id(token);
    }

    @Override
    public int unknownId() {
        return pieces.unknownId();
    }

    @Override
    public String prepare(String text) {
        if (legacy || text.isEmpty()) {
            return text;
        }
        String spaced = text.replace(MARK, " ");
        return addPrefixSpace ? MARK + spaced : spaced;
    }

    @Override
    public void tokenize(String segment, List<String> tokens) {
        if (legacy || !segment.startsWith(MARK) && !segment.startsWith(" ")) {
            pieces.encode(segment, tokens);
            return;
        }
        // SentencePiece may drop a leading space: behind the unknown token it is kept.
        List<String> spelled = new ArrayList<>();
        pieces.encode(unknownToken + segment, spelled);
        tokens.addAll(
                spelled.size() < unknownLength
                        ? spelled
                        : spelled.subList(unknownLength, spelled.size()));
    }

    @Override
    public List<String> afterwards(List<String> tokens, Set<String> specialTokens) {
        boolean markAlone =
                !legacy
                        && tokens.size() > 1
                        && tokens.get(0).equals(MARK)
                        && specialTokens.contains(tokens.get(1));
        return markAlone ? tokens.subList(1, tokens.size()) : tokens;
    }

    @Override
    public Run run(Set<String> specialTokens) {
        return new LlamaRun(specialTokens);
    }

    private final class LlamaRun implements Run {
        private final Set<String> specialTokens;
        private final StringBuilder held = new StringBuilder();
        private SentencePieceModel.Joiner joiner = pieces.joiner();
        private boolean afterSpecial;
        private int count;

        LlamaRun(Set<String> specialTokens) {
            this.specialTokens = specialTokens;
        }

        @Override
        public void accept(String token, StringBuilder text) {
            boolean takeMark = count == 0 && addPrefixSpace && token.startsWith(MARK);
            String piece = takeMark ? token.substring(1) : token;
            // Legacy text before a special token gets a space in front, so it waits until that
            // token may come.
            boolean hold = legacy && !specialTokens.isEmpty();
            if (specialTokens.contains(piece)) {
                if (legacy && !afterSpecial && count > 0) {
                    text.append(' ');
                }
                joiner.finish(held);
                text.append(held).append(piece);
                held.setLength(0);
                joiner = pieces.joiner();
                afterSpecial = true;
            } else {
                if (afterSpecial && count == 1 && addPrefixSpace && !piece.startsWith(MARK)) {
                    text.append(' ');
                }
                joiner.accept(piece, hold ? held : text);
                afterSpecial = false;
            }
            count++;
        }

        @Override
        public void finish(StringBuilder text) {
            joiner.finish(held);
            text.append(held);
        }
    }
}
