package dev.ocellus.loader.template;

import java.util.List;
import java.util.Map;

/** Something that a template can call. */
@FunctionalInterface
interface Callable {
    Object call(List<Object> positional, Map<String, Object> named);
}
