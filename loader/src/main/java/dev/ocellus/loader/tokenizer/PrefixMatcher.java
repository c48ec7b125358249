package dev.ocellus.loader.tokenizer;

import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Finds the longest of a few strings at a position of a text. */
final class PrefixMatcher {
    private final Map<Character, List<String>> byFirst = new HashMap<>();

    PrefixMatcher(Collection<String> strings) {
        Comparator<String> longestFirst = Comparator.comparingInt(String::length).reversed();
        byFirst.putAll(
                strings.stream()
                        .sorted(longestFirst)
                        .collect(Collectors.groupingBy(s -> s.charAt(0))));
    }

    /** Length of the longest match at {@code at}, or 0. */
    int match(String text, int at) {
        for (String candidate : byFirst.getOrDefault(text.charAt(at), List.of())) {
            if (text.startsWith(candidate, at)) {
                return candidate.length();
            }
        }
        return 0;
    }
}
