package dev.ocellus.loader.image;

import com.fasterxml.jackson.databind.JsonNode;

/** What an image is resized to: the {@code size} of a {@code preprocessor_config.json}. */
public sealed interface TargetSize {
    /** Both sides given; the aspect ratio is not kept. */
    record Exact(int width, int height) implements TargetSize {}

    /** The shorter side gets {@code edge} pixels, the longer one keeps the aspect ratio. */
    record ShortestEdge(int edge) implements TargetSize {}

    /** As {@link ShortestEdge}, but smaller if the longer side would exceed {@code longest}. */
    record Edges(int shortest, int longest) implements TargetSize {}

    /**
     * Reads {@code key}: an object, or the plain number of old files, which is the shortest edge
     * unless {@code numberIsSquare}.
     */
    static TargetSize read(
            JsonFields fields, String key, TargetSize missing, boolean numberIsSquare) {
        if (!fields.has(key)) {
            return missing;
        }
        JsonNode value = fields.at(key);
        if (value.isNumber()) {
            int side = fields.side(key, 0);
            return numberIsSquare ? new Exact(side, side) : new ShortestEdge(side);
        }
        if (value.isObject()) {
            JsonFields size = fields.object(key);
            if (size.has("height") && size.has("width")) {
                return new Exact(size.side("width", 0), size.side("height", 0));
            }
            if (size.has("shortest_edge")) {
                int shortest = size.side("shortest_edge", 0);
                return size.has("longest_edge")
                        ? new Edges(shortest, size.side("longest_edge", 0))
                        : new ShortestEdge(shortest);
            }
        }
        throw fields.bad(
                key, "a number or an object with 'shortest_edge', or with 'height' and 'width'");
    }
}
