package dev.ocellus.loader.random;

import dev.ocellus.loader.config.Json;

import java.util.ArrayList;
import java.util.List;

/** The special tokens of a family of chat models, and how a turn is written with them. */
enum ChatTokens {
    CHATML(
            List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
            "<|im_end|>",
            "<|endoftext|>",
            "'<|im_start|>' + message['role'] + '\\n'",
            "<|im_end|>\\n"),
    PHI3(
            List.of("<|endoftext|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"),
            "<|end|>",
            "<|endoftext|>",
            "'<|' + message['role'] + '|>\\n'",
            "<|end|>"),
    HARMONY(
            List.of(
                    "<|endoftext|>",
                    "<|start|>",
                    "<|message|>",
                    "<|channel|>",
                    "<|end|>",
                    "<|return|>"),
            "<|return|>",
            "<|endoftext|>",
            "'<|start|>' + message['role'] + '<|message|>'",
            "<|end|>"),
    INTERNVL_ZH(List.of("<s>", "</s>"), "</s>", "</s>", "' <' + message['role'] + '>: '", "</s>");

    /** In the order in which published tokenizers append them. */
    private static final List<String> IMAGE_TOKENS =
            List.of(
                    "<img>",
                    "</img>",
                    "<IMG_CONTEXT>",
                    "<quad>",
                    "</quad>",
                    "<ref>",
                    "</ref>",
                    "<box>",
                    "</box>");

    /** One token for each byte come first. */
    static final int BYTES = 256;

    private final List<String> own;
    final String stop;
    final String pad;
    private final String turnStart;
    private final String turnEnd;

    /**
     * @param turnStart Jinja expression of what begins the turn of {@code message}
     * @param turnEnd text of a Jinja string
     */
    ChatTokens(List<String> own, String stop, String pad, String turnStart, String turnEnd) {
        this.own = own;
        this.stop = stop;
        this.pad = pad;
        this.turnStart = turnStart;
        this.turnEnd = turnEnd;
    }

    /**
     * @param config of a chat model in either layout, or of a language model
     */
    static ChatTokens of(Json config) {
        String template = config.getString("template", "");
        String language =
                config.findObject("text_config").orElse(config).getString("model_type", "");
        if (template.equals("phi3-chat") || language.equals("phi3")) {
            return PHI3;
        }
        if (template.equals("internvl3_5_gpt_oss") || language.equals("gpt_oss")) {
            return HARMONY;
        }
        return template.equals("internvl_zh") ? INTERNVL_ZH : CHATML;
    }

    /** The special tokens; the first has the id {@link #BYTES}. */
    List<String> special() {
        List<String> all = new ArrayList<>(own);
        all.addAll(IMAGE_TOKENS);
        return all;
    }

    int id(String special) {
        return BYTES + special().indexOf(special);
    }

    /** For {@code tokenizer_config.json}: content is a string, or a list of images and texts. */
    String chatTemplate() {
        return String.join(
                "",
                "{% for message in messages %}",
                "{{ " + turnStart + " }}",
                "{% if message['content'] is string %}{{ message['content'] }}{% else %}",
                "{% for part in message['content'] %}",
                "{% if part['type'] == 'image' %}{{ '<IMG_CONTEXT>\\n' }}",
                "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}",
                "{% endfor %}{% endif %}",
                "{{ '" + turnEnd + "' }}",
                "{% endfor %}",
                "{% if add_generation_prompt %}",
                "{{ " + turnStart.replace("message['role']", "'assistant'") + " }}",
                "{% endif %}");
    }
}
