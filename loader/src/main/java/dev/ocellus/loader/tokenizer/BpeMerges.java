package dev.ocellus.loader.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * Byte-pair encoding by ranked merges: the pair of the lowest rank is joined everywhere in a word,
 * then the next.
 */
final class BpeMerges {
    private record Symbols(String left, String right) {}

    private record Pair(int left, int right, int rank) {}

    private static final Comparator<Pair> LOWEST_FIRST =
            Comparator.comparingInt(Pair::rank).thenComparingInt(Pair::left);

    private final Map<Symbols, Integer> ranks = new HashMap<>();

    /** Adds the next merge; one that was there before gets the new rank, as in the reference. */
    void add(String left, String right, int rank) {
        ranks.put(new Symbols(left, right), rank);
    }

    /** Joins the symbols of one word as far as the merges go. */
    List<String> merge(List<String> word) {
        String[] symbols = word.toArray(String[]::new);
        int[] previous = new int[symbols.length];
        int[] next = new int[symbols.length];
        PriorityQueue<Pair> agenda = new PriorityQueue<>(LOWEST_FIRST);
        for (int i = 0; i < symbols.length; i++) {
            previous[i] = i - 1;
            next[i] = i + 1 < symbols.length ? i + 1 : -1;
            offer(symbols, i - 1, i, agenda);
        }
        List<Pair> sameRank = new ArrayList<>();
        while (!agenda.isEmpty()) {
            // A union may itself begin a pair of lower rank: that one must wait until this rank is
            // done.
            int rank = agenda.peek().rank();
            sameRank.clear();
            while (!agenda.isEmpty() && agenda.peek().rank() == rank) {
                sameRank.add(agenda.poll());
            }
            for (Pair pair : sameRank) {
                int left = pair.left();
                int right = next[left];
                if (right != pair.right()
                        || symbols[left] == null
                        || rank(symbols[left], symbols[right]) != rank) {
                    continue;
                }
                symbols[left] += symbols[right];
                symbols[right] = null;
                next[left] = next[right];
                if (next[right] >= 0) {
                    previous[next[right]] = left;
                }
                offer(symbols, previous[left], left, agenda);
                offer(symbols, left, next[left], agenda);
            }
        }
        List<String> merged = new ArrayList<>();
        for (int i = 0; i >= 0 && i < symbols.length; i = next[i]) {
            merged.add(symbols[i]);
        }
        return merged;
    }

    private void offer(String[] symbols, int left, int right, PriorityQueue<Pair> agenda) {
        if (left >= 0 && right >= 0) {
            int rank = rank(symbols[left], symbols[right]);
            if (rank >= 0) {
                agenda.add(new Pair(left, right, rank));
            }
        }
    }

    private int rank(String left, String right) {
        return ranks.getOrDefault(new Symbols(left, right), -1);
    }
}
