package dev.ocellus.kernels.cuda;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * The names of the last work that was enqueued on a stream. Written by the stream's thread; another
 * one that reads them, to report a fault, may miss the latest.
 */
final class RecentWork {
    private static final int CAPACITY = 64;

    private final String[] names = new String[CAPACITY];
    private volatile int count;

    void add(String name) {
        int index = count;
        names[index % CAPACITY] = name;
        count = index + 1;
    }

    void clear() {
        count = 0;
    }

    /** Each name once, oldest first. */
    List<String> names() {
        Set<String> distinct = new LinkedHashSet<>();
        int end = count;
        for (int i = Math.max(0, end - CAPACITY); i < end; i++) {
            distinct.add(names[i % CAPACITY]);
        }
        return List.copyOf(distinct);
    }
}
