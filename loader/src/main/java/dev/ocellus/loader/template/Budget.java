package dev.ocellus.loader.template;

import java.util.List;

/** Bounds of one rendering: work, size of any text or list, depth of nesting. */
final class Budget {
    static final int MAX_TEXT = 1 << 24;
    private static final int MAX_LIST = 1 << 20;
    private static final int MAX_DEPTH = 400;
    private static final long MAX_WORK = 5_000_000;
    private static final int CHARACTERS_PER_STEP = 64;

    private long work;
    private int depth;

    /** Counts work. */
    void work(long steps) {
        work += steps;
        if (work > MAX_WORK) {
            throw new TemplateFault("rendering takes more steps than allowed (" + MAX_WORK + ")");
        }
    }

    void enter() {
        work(1);
        if (++depth > MAX_DEPTH) {
            throw new TemplateFault("values or calls are nested too deeply");
        }
    }

    void leave() {
        depth--;
    }

    /** Checks the length of a text before it is made. */
    void length(long characters) {
        if (characters > MAX_TEXT) {
            throw new TemplateFault("a text is longer than allowed (" + MAX_TEXT + " characters)");
        }
        work(characters / CHARACTERS_PER_STEP);
    }

    String text(String text) {
        length(text.length());
        return text;
    }

    List<Object> list(List<Object> list) {
        if (list.size() > MAX_LIST) {
            throw new TemplateFault("a list is longer than allowed (" + MAX_LIST + " items)");
        }
        work(list.size());
        return list;
    }
}
