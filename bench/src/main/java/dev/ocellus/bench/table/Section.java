package dev.ocellus.bench.table;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Rows that are measured together and can be asked for by name. */
enum Section {
    DECODE,
    PREFILL,
    JAVA_PEERS,
    THREADS,
    CONTEXT,
    GEMM,
    TOWERS,
    PREPROCESSING,
    FIRST_TOKEN;

    /** As people write it. */
    String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * @throws IllegalArgumentException if there is none of that name
     */
    static Section of(String text) {
        return Arrays.stream(values())
                .filter(s -> s.text().equals(text))
                .findFirst()
                .orElseThrow(
                        () ->
                                new IllegalArgumentException(
                                        text
                                                + " is no section; there are "
                                                + Arrays.stream(values())
                                                        .map(Section::text)
                                                        .collect(Collectors.joining(", "))));
    }
}
