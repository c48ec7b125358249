package dev.ocellus.chat;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.config.ConfigException;
import dev.ocellus.loader.template.ChatTemplate;
import dev.ocellus.loader.template.Message;
import dev.ocellus.loader.tokenizer.Tokenizer;
import dev.ocellus.model.InternVl;

import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Finds the conversation format of a checkpoint. */
public final class ChatFormats {
    private static final String PLACEHOLDER = "<IMG_CONTEXT>";

    private ChatFormats() {}

    /**
     * The template named in the config for the original layout; the checkpoint's own chat template
     * else.
     *
     * @param internVl null for a language model alone
     */
    public static ChatFormat of(Checkpoint checkpoint, Tokenizer tokenizer, InternVl internVl) {
        if (internVl != null && !internVl.config().transformersLayout()) {
            String name = internVl.config().template();
            if (name == null) {
                throw new ConfigException(
                        checkpoint.config().name("template")
                                + " is missing, must be one of "
                                + String.join(", ", ConversationTemplate.names()));
            }
            return ChatFormat.Original.of(ConversationTemplate.named(name), tokenizer);
        }
        Optional<ChatTemplate> template = ChatTemplate.load(checkpoint.folder());
        if (template.isEmpty()) {
            return new ChatFormat.Plain(stopTokens(checkpoint, tokenizer));
        }
        Map<String, Object> variables = new HashMap<>();
        tokenizer.bosToken().ifPresent(t -> variables.put("bos_token", t));
        tokenizer.eosToken().ifPresent(t -> variables.put("eos_token", t));
        return new ChatFormat.Jinja(
                template.get(),
                Map.copyOf(variables),
                internVl == null ? null : imageMark(template.get(), variables, checkpoint),
                tokenizer.bosToken(),
                stopTokens(checkpoint, tokenizer));
    }

    /** What the template writes for an image: older conversions have a mark of their own. */
    private static String imageMark(
            ChatTemplate template, Map<String, Object> variables, Checkpoint checkpoint) {
        String shown =
                template.render(
                        List.of(new Message("user", List.of(new Message.Part.Image()))),
                        variables,
                        true);
        return shown.contains(Turn.IMAGE_MARK) ? Turn.IMAGE_MARK : placeholder(checkpoint);
    }

    /** Text of the token that stands for image content. */
    public static String placeholder(Checkpoint checkpoint) {
        return checkpoint
                .json("tokenizer_config.json")
                .map(c -> c.path("context_image_token").asText(PLACEHOLDER))
                .orElse(PLACEHOLDER);
    }

    /** End tokens of the tokenizer and of the generation config. */
    private static Set<Integer> stopTokens(Checkpoint checkpoint, Tokenizer tokenizer) {
        Set<Integer> stops = new LinkedHashSet<>();
        tokenizer.eosToken().ifPresent(t -> tokenizer.id(t).ifPresent(stops::add));
        checkpoint
                .json("generation_config.json")
                .ifPresent(
                        c -> {
                            JsonNode eos = c.path("eos_token_id");
                            if (eos.isInt()) {
                                stops.add(eos.asInt());
                            }
                            eos.forEach(id -> stops.add(id.asInt()));
                        });
        return Set.copyOf(stops);
    }
}
