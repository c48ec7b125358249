package dev.ocellus.loader.template;

import java.util.AbstractList;
import java.util.List;

/** A sequence that is written with round brackets and equals no list. */
final class Tuple extends AbstractList<Object> {
    private final List<Object> items;

    Tuple(List<Object> items) {
        this.items = items;
    }

    @Override
    public Object get(int index) {
        return items.get(index);
    }

    @Override
    public int size() {
        return items.size();
    }
}
