package dev.ocellus.loader.tokenizer;

import java.util.List;
import java.util.Set;

/** The class {@code InternLM2Tokenizer} over a SentencePiece model without dummy prefix. */
final class InternLm2Model implements SlowModel {
    private final SentencePieceModel pieces;

    InternLm2Model(SentencePieceModel pieces) {
        this.pieces = pieces;
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
    public void tokenize(String segment, List<String> tokens) {
        pieces.encode(segment, tokens);
    }

    @Override
    public Run run(Set<String> specialTokens) {
        return new InternLm2Run(specialTokens);
    }

    /**
     * Text between special tokens gets a space in front of it, so it waits until such a token may
     * come.
     */
    private final class InternLm2Run implements Run {
        private final Set<String> specialTokens;
        private final TextStage cleanUp = TextStage.cleanUp();
        private final StringBuilder held = new StringBuilder();
        private SentencePieceModel.Joiner joiner = pieces.joiner();
        private boolean afterSpecial;

        InternLm2Run(Set<String> specialTokens) {
            this.specialTokens = specialTokens;
        }

        @Override
        public void accept(String token, StringBuilder text) {
            if (!specialTokens.contains(token)) {
                joiner.accept(token, held);
                afterSpecial = false;
                if (specialTokens.isEmpty()) {
                    text.append(cleanUp.accept(held.toString()));
                    held.setLength(0);
                }
                return;
            }
            joiner.finish(held);
            text.append(cleanUp.accept((afterSpecial ? "" : " ") + held + token));
            held.setLength(0);
            joiner = pieces.joiner();
            afterSpecial = true;
        }

        @Override
        public void finish(StringBuilder text) {
            joiner.finish(held);
            text.append(cleanUp.accept(held.toString())).append(cleanUp.finish());
        }
    }
}
