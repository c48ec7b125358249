package dev.ocellus.loader.tokenizer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Cuts a text at the added tokens in it: the leftmost match first, of several at one place the
 * longest.
 *
 * <p>The order in which partial matches are dropped follows the reference's trie step by step,
 * because overlapping tokens ("[CLS]" and "L") otherwise cut differently.
 */
final class AddedTokenTrie {
    private static final class Node {
        final Map<Character, Node> next = new HashMap<>();
        boolean end;
    }

    /** A match: from its first character to the one behind its last. */
    private record Cut(int start, int end) {}

    private final Node root = new Node();

    AddedTokenTrie(Set<String> tokens) {
        for (String token : tokens) {
            Node node = root;
            for (int i = 0; i < token.length(); i++) {
                node = node.next.computeIfAbsent(token.charAt(i), c -> new Node());
            }
            node.end = node != root;
        }
    }

    /** The pieces of the text, tokens and what lies between them; none is empty. */
    List<String> split(String text) {
        List<Integer> cuts = new ArrayList<>();
        TreeMap<Integer, Node> states = new TreeMap<>();
        int skip = 0;
        for (int current = 0; current < text.length(); current++) {
            if (current < skip) {
                continue;
            }
            Cut cut = step(text, current, states);
            if (cut != null) {
                cuts.add(cut.start());
                cuts.add(cut.end());
                skip = cut.end();
                states.clear();
            }
            Node first = current >= skip ? root.next.get(text.charAt(current)) : null;
            if (first != null) {
                states.put(current, first);
            }
        }
        for (Map.Entry<Integer, Node> state : states.entrySet()) {
            if (state.getValue().end) {
                cuts.add(state.getKey());
                break;
            }
        }
        return cut(text, cuts);
    }

    /** Moves all partial matches over one character; returns the match that is decided, or null. */
    private static Cut step(String text, int current, TreeMap<Integer, Node> states) {
        List<Integer> dropped = new ArrayList<>();
        for (Map.Entry<Integer, Node> state : states.entrySet()) {
            if (state.getValue().end) {
                return longest(text, current, state.getKey(), states);
            }
            Node next = state.getValue().next.get(text.charAt(current));
            if (next != null) {
                state.setValue(next);
            } else {
                dropped.add(state.getKey());
            }
        }
        dropped.forEach(states::remove);
        return null;
    }

    /**
     * An end was reached by the match that began at {@code start}: looks whether an earlier or
     * longer one exists.
     */
    private static Cut longest(String text, int current, int start, TreeMap<Integer, Node> states) {
        int matchStart = start;
        int matchEnd = current;
        for (Map.Entry<Integer, Node> state : states.entrySet()) {
            if (state.getKey() > matchStart) {
                break;
            }
            // States before the one that ended have already taken the current character.
            int ahead = state.getKey() < matchStart ? current + 1 : current;
            matchEnd = ahead;
            Node node = state.getValue();
            if (node.end) {
                matchStart = state.getKey();
            }
            while (ahead < text.length()) {
                node = node.next.get(text.charAt(ahead));
                if (node == null) {
                    break;
                }
                ahead++;
                if (node.end) {
                    matchStart = state.getKey();
                    matchEnd = ahead;
                }
            }
        }
        return new Cut(matchStart, matchEnd);
    }

    private static List<String> cut(String text, List<Integer> cuts) {
        List<String> pieces = new ArrayList<>();
        int start = 0;
        cuts.add(text.length());
        for (int end : cuts) {
            if (start < end) {
                pieces.add(text.substring(start, end));
                start = end;
            }
        }
        return pieces;
    }
}
