package dev.ocellus.loader.tokenizer;

import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * SentencePiece's BPE: of all neighbours whose union is a piece, the one with the best score is
 * joined first.
 */
final class SentencePieceBpe {
    private static final Comparator<Pair> BEST_FIRST =
            Comparator.comparingDouble((Pair p) -> -p.score()).thenComparingInt(Pair::left);

    private final List<SentencePieceFile.Piece> pieces;
    private final Map<String, Integer> ids;
    private final PrefixMatcher userSymbols;

    /**
     * Two neighbouring symbols; {@code length} tells whether they are still what they were when
     * they were queued.
     */
    private record Pair(int left, int right, float score, int length) {}

    SentencePieceBpe(
            List<SentencePieceFile.Piece> pieces,
            Map<String, Integer> ids,
            PrefixMatcher userSymbols) {
        this.pieces = pieces;
        this.ids = ids;
        this.userSymbols = userSymbols;
    }

    void split(String text, List<String> result) {
        if (!text.isEmpty()) {
            new Run(text).split(result);
        }
    }

    /**
     * One text's symbols: a linked list in arrays; a symbol that was joined to its left neighbour
     * has length 0.
     */
    private final class Run {
        private final String text;
        private final int[] start;
        private final int[] length;
        private final int[] previous;
        private final int[] next;
        private final boolean[] frozen;
        private final int count;
        private final PriorityQueue<Pair> agenda = new PriorityQueue<>(BEST_FIRST);
        private final Map<String, Integer> unusedSplits = new HashMap<>();

        Run(String text) {
            this.text = text;
            int capacity = text.length();
            start = new int[capacity];
            length = new int[capacity];
            frozen = new boolean[capacity];
            int n = 0;
            for (int at = 0; at < text.length(); at += length[n++]) {
                int symbol = userSymbols.match(text, at);
                start[n] = at;
                frozen[n] = symbol > 0;
                length[n] = symbol > 0 ? symbol : Character.charCount(text.codePointAt(at));
            }
            count = n;
            previous = new int[count];
            next = new int[count];
            Arrays.setAll(previous, i -> i - 1);
            Arrays.setAll(next, i -> i + 1 < count ? i + 1 : -1);
        }

        void split(List<String> result) {
            for (int i = 1; i < count; i++) {
                offer(i - 1, i);
            }
            while (!agenda.isEmpty()) {
                Pair pair = agenda.poll();
                int left = pair.left();
                int right = pair.right();
                if (length[left] == 0
                        || length[right] == 0
                        || length[left] + length[right] != pair.length()) {
                    continue;
                }
                length[left] += length[right];
                length[right] = 0;
                next[left] = next[right];
                if (next[right] >= 0) {
                    previous[next[right]] = left;
                }
                offer(previous[left], left);
                offer(left, next[left]);
            }
            for (int i = 0; i >= 0; i = next[i]) {
                emit(text.substring(start[i], start[i] + length[i]), result);
            }
        }

        private void offer(int left, int right) {
            if (left < 0 || right < 0 || frozen[left] || frozen[right]) {
                return;
            }
            int total = length[left] + length[right];
            String union = text.substring(start[left], start[left] + total);
            Integer id = ids.get(union);
            if (id == null) {
                return;
            }
            agenda.add(new Pair(left, right, pieces.get(id).score(), total));
            if (pieces.get(id).type() == SentencePieceFile.UNUSED) {
                unusedSplits.put(union, length[left]);
            }
        }

        /** A piece that is marked as unused is taken apart again where it was joined. */
        private void emit(String piece, List<String> result) {
            Integer id = ids.get(piece);
            Integer at =
                    id != null && pieces.get(id).type() == SentencePieceFile.UNUSED
                            ? unusedSplits.get(piece)
                            : null;
            if (at == null) {
                result.add(piece);
            } else {
                emit(piece.substring(0, at), result);
                emit(piece.substring(at), result);
            }
        }
    }
}
