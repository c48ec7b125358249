package dev.ocellus.loader.template;

import java.util.List;
import java.util.Map;

/**
 * The arguments of a call: by position or by name.
 *
 * @param callee name of what is called, for messages
 */
record Named(String callee, List<Object> positional, Map<String, Object> named) {

    /** The argument at a position or of a name, or the default. */
    Object get(int position, String name, Object absent) {
        if (position < positional.size()) {
            return positional.get(position);
        }
        return named.containsKey(name) ? named.get(name) : absent;
    }

    String text(int position, String name, String absent) {
        Object value = get(position, name, absent);
        if (value != null && !(value instanceof String)) {
            throw new TemplateFault(
                    callee + ": '" + name + "' must be a string, not " + Values.typeName(value));
        }
        return (String) value;
    }

    int integer(int position, String name, int absent) {
        Object value = get(position, name, (long) absent);
        if (!(value instanceof Long number) || number != number.intValue()) {
            throw new TemplateFault(callee + ": '" + name + "' must be an integer");
        }
        return number.intValue();
    }

    boolean flag(int position, String name) {
        return Values.truth(get(position, name, false));
    }
}
