package dev.ocellus.loader.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/** SentencePiece's unigram model: the split with the highest sum of scores. */
final class SentencePieceUnigram {
    /** How much worse than the worst piece an unknown character is. */
    private static final float UNKNOWN_PENALTY = 10;

    private final List<SentencePieceFile.Piece> pieces;
    private final Map<String, Integer> ids;
    private final int longest;
    private final float unknownScore;
    private final float maxScore;

    SentencePieceUnigram(List<SentencePieceFile.Piece> pieces, Map<String, Integer> ids) {
        this.pieces = pieces;
        this.ids = ids;
        longest = ids.keySet().stream().mapToInt(String::length).max().orElse(0);
        float min = Float.MAX_VALUE;
        // The reference starts from the smallest positive number, so that negative scores never
        // count.
        float max = Float.MIN_NORMAL;
        for (SentencePieceFile.Piece piece : pieces) {
            if (piece.type() == SentencePieceFile.NORMAL) {
                min = Math.min(min, piece.score());
                max = Math.max(max, piece.score());
            }
        }
        unknownScore = min - UNKNOWN_PENALTY;
        maxScore = max;
    }

    void split(String text, List<String> result) {
        int size = text.length();
        float[] best = new float[size + 1];
        int[] from = new int[size + 1];
        Arrays.fill(from, -1);
        for (int at = 0; at < size; ) {
            int character = Character.charCount(text.codePointAt(at));
            boolean single = false;
            for (int end = at + 1; end <= Math.min(size, at + longest); end++) {
                Integer id = ids.get(text.substring(at, end));
                if (id == null || pieces.get(id).type() == SentencePieceFile.UNUSED) {
                    continue;
                }
                improve(best, from, at, end, best[at] + score(pieces.get(id)));
                single |= end - at == character;
            }
            if (!single) {
                improve(best, from, at, at + character, best[at] + unknownScore);
            }
            at += character;
        }
        int first = result.size();
        for (int end = size; end > 0; end = from[end]) {
            result.add(text.substring(from[end], end));
        }
        Collections.reverse(result.subList(first, result.size()));
    }

    private static void improve(float[] best, int[] from, int at, int end, double score) {
        if (from[end] < 0 || score > best[end]) {
            best[end] = (float) score;
            from[end] = at;
        }
    }

    /** A user-defined piece has a bonus so that it is always taken. */
    private double score(SentencePieceFile.Piece piece) {
        if (piece.type() == SentencePieceFile.USER_DEFINED) {
            return piece.text().getBytes(StandardCharsets.UTF_8).length * maxScore - 0.1;
        }
        return piece.score();
    }
}
