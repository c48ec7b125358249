package dev.ocellus.loader.template;

/**
 * The value of a name or key that does not exist: empty text and false; anything else is a fault
 * with this message.
 */
record Undefined(String message) {}
