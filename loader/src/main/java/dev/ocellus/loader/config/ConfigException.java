package dev.ocellus.loader.config;

import dev.ocellus.loader.CheckpointException;

/** A JSON file of a checkpoint lacks a key or holds a value of the wrong type or range. */
public final class ConfigException extends CheckpointException {
    public ConfigException(String message) {
        super(message);
    }

    public ConfigException(String message, Throwable cause) {
        super(message, cause);
    }
}
