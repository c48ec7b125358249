package dev.ocellus.loader.template;

import java.util.Map;

/** An object whose attributes a template may assign from any scope. */
record Namespace(Map<String, Object> attributes) {}
