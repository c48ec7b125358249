package dev.ocellus.chat;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The prompt format of a family of original InternVL checkpoints, named by {@code template} in
 * their config.
 *
 * @param system text in front, with {@code {system}} where the system message goes
 * @param user what a question begins with
 * @param assistant what an answer begins with
 * @param afterQuestion what follows a question
 * @param afterAnswer what follows an answer when another question comes
 * @param answerHeader what stands between the assistant's beginning and the text of an earlier
 *     answer
 * @param stop text of the token that ends an answer
 * @param systemMessage the template's own system message
 */
public record ConversationTemplate(
        String name,
        String system,
        String user,
        String assistant,
        String afterQuestion,
        String afterAnswer,
        String answerHeader,
        String stop,
        String systemMessage) {

    private static final String SYSTEM_2 =
            "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, 是一个有用无害的人工智能助手。";
    private static final String SYSTEM_2_5 =
            "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。";
    private static final String SYSTEM_GPT_OSS =
            "You are InternVL, a large language model trained by Shanghai AI Laboratory.\n"
                    + "Knowledge cutoff: 2024-06\nCurrent date: 2025-08-06\n\nReasoning: low\n\n"
                    + "# Valid channels: final. Channel must be included for every message.";

    private static final Map<String, ConversationTemplate> ALL = new TreeMap<>();

    static {
        add(chatMl("Hermes-2", "", SYSTEM_2));
        add(chatMl("internlm2-chat", "", SYSTEM_2));
        add(chatMl("internvl2_5", "\n", SYSTEM_2_5));
        add(
                new ConversationTemplate(
                        "phi3-chat",
                        "<|system|>\n{system}<|end|>",
                        "<|user|>\n",
                        "<|assistant|>\n",
                        "<|end|>",
                        "<|end|>",
                        "",
                        "<|end|>",
                        SYSTEM_2));
        add(
                new ConversationTemplate(
                        "internvl_zh",
                        "{system} ",
                        "<human>: ",
                        "<bot>:",
                        " ",
                        "</s>",
                        " ",
                        "</s>",
                        ""));
        add(
                new ConversationTemplate(
                        "internvl3_5_gpt_oss",
                        "<|start|>system<|message|>{system}<|end|>",
                        "<|start|>user<|message|>",
                        "<|start|>assistant",
                        "<|end|>",
                        "<|end|>",
                        "<|channel|>final<|message|>",
                        "<|return|>",
                        SYSTEM_GPT_OSS));
    }

    private static void add(ConversationTemplate t) {
        ALL.put(t.name(), t);
    }

    private static ConversationTemplate chatMl(String name, String afterEnd, String system) {
        String end = "<|im_end|>" + afterEnd;
        return new ConversationTemplate(
                name,
                "<|im_start|>system\n{system}" + end,
                "<|im_start|>user\n",
                "<|im_start|>assistant\n",
                end,
                end,
                "",
                "<|im_end|>",
                system);
    }

    /**
     * @throws IllegalArgumentException if there is no template of this name
     */
    public static ConversationTemplate named(String name) {
        ConversationTemplate t = ALL.get(name);
        if (t == null) {
            throw new IllegalArgumentException(
                    "conversation template \""
                            + name
                            + "\" is not known; known are "
                            + String.join(", ", ALL.keySet()));
        }
        return t;
    }

    /** Names of all templates. */
    public static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    /**
     * The conversation up to where the answer to the last question begins; images are still marks.
     *
     * @param systemText replaces the template's system message; null keeps it
     */
    public String render(List<Turn> turns, String systemText) {
        StringBuilder s =
                new StringBuilder(
                        system.replace(
                                "{system}", systemText == null ? systemMessage : systemText));
        for (Turn t : turns) {
            s.append(user).append(t.marked()).append(afterQuestion).append(assistant);
            if (t.answer() != null) {
                s.append(answerHeader).append(t.answer()).append(afterAnswer);
            }
        }
        return s.toString();
    }
}
