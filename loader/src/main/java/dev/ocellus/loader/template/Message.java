package dev.ocellus.loader.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One message of a conversation.
 *
 * @param role {@code system}, {@code user}, {@code assistant} or what else the template knows
 * @param parts what it says, in order
 */
public record Message(String role, List<Part> parts) {

    /** A part of a message. */
    public sealed interface Part {
        /** Plain text. */
        record Text(String text) implements Part {}

        /** The place of an image; the template puts its placeholder here. */
        record Image() implements Part {}

        /** The place of a video; the template puts its placeholder here. */
        record Video() implements Part {}
    }

    public Message {
        parts = List.copyOf(parts);
    }

    /** A message of text alone. */
    public static Message text(String role, String text) {
        return new Message(role, List.of(new Part.Text(text)));
    }

    /**
     * The form that templates see: a single text is a string, anything else a list of typed parts.
     */
    Map<String, Object> toVariable() {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        if (parts.size() == 1 && parts.get(0) instanceof Part.Text(String text)) {
            message.put("content", text);
            return message;
        }
        List<Object> content = new ArrayList<>();
        for (Part part : parts) {
            content.add(
                    switch (part) {
                        case Part.Text(String text) -> Map.of("type", "text", "text", text);
                        case Part.Image() -> Map.of("type", "image");
                        case Part.Video() -> Map.of("type", "video");
                    });
        }
        message.put("content", content);
        return message;
    }
}
