package dev.ocellus.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

import java.util.List;

/** Prompts byte for byte as the original code writes them. */
class ConversationTemplateTest {
    private static final String SYSTEM_2 =
            "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, 是一个有用无害的人工智能助手。";
    private static final String SYSTEM_2_5 =
            "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的多模态大语言模型。";

    private static final List<Turn> ONE = List.of(turn("Why?", null));
    private static final List<Turn> TWO = List.of(turn("Who?", "Me."), turn("Why?", null));

    private static Turn turn(String question, String answer) {
        return new Turn(question, List.of(), answer);
    }

    private static String render(String name, List<Turn> turns) {
        return ConversationTemplate.named(name).render(turns, null);
    }

    @Test
    void hermesAndInternLm2HaveNoNewLineAfterTheEnd() {
        for (String name : List.of("Hermes-2", "internlm2-chat")) {
            assertThat(render(name, ONE))
                    .isEqualTo(
                            "<|im_start|>system\n"
                                    + SYSTEM_2
                                    + "<|im_end|><|im_start|>user\nWhy?<|im_end|><|im_start|>assistant\n");
            assertThat(render(name, TWO))
                    .isEqualTo(
                            "<|im_start|>system\n"
                                    + SYSTEM_2
                                    + "<|im_end|><|im_start|>user\nWho?<|im_end|><|im_start|>assistant\nMe.<|im_end|>"
                                    + "<|im_start|>user\nWhy?<|im_end|><|im_start|>assistant\n");
            assertThat(ConversationTemplate.named(name).stop()).isEqualTo("<|im_end|>");
        }
    }

    @Test
    void internVl25HasANewLineAfterTheEnd() {
        assertThat(render("internvl2_5", TWO))
                .isEqualTo(
                        "<|im_start|>system\n"
                                + SYSTEM_2_5
                                + "<|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\nMe.<|im_end|>\n"
                                + "<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n");
        assertThat(ConversationTemplate.named("internvl2_5").stop()).isEqualTo("<|im_end|>");
    }

    @Test
    void phi3() {
        assertThat(render("phi3-chat", TWO))
                .isEqualTo(
                        "<|system|>\n"
                                + SYSTEM_2
                                + "<|end|><|user|>\nWho?<|end|><|assistant|>\nMe.<|end|><|user|>\nWhy?<|end|><|assistant|>\n");
        assertThat(ConversationTemplate.named("phi3-chat").stop()).isEqualTo("<|end|>");
    }

    @Test
    void bilingualLlama() {
        assertThat(render("internvl_zh", ONE)).isEqualTo(" <human>: Why? <bot>:");
        assertThat(render("internvl_zh", TWO))
                .isEqualTo(" <human>: Who? <bot>: Me.</s><human>: Why? <bot>:");
        assertThat(ConversationTemplate.named("internvl_zh").stop()).isEqualTo("</s>");
    }

    @Test
    void gptOss() {
        assertThat(render("internvl3_5_gpt_oss", ONE))
                .isEqualTo(
                        "<|start|>system<|message|>You are InternVL, a large language model trained by Shanghai AI Laboratory.\n"
                                + "Knowledge cutoff: 2024-06\nCurrent date: 2025-08-06\n\nReasoning: low\n\n"
                                + "# Valid channels: final. Channel must be included for every message.<|end|>"
                                + "<|start|>user<|message|>Why?<|end|><|start|>assistant");
        assertThat(ConversationTemplate.named("internvl3_5_gpt_oss").stop())
                .isEqualTo("<|return|>");
    }

    @Test
    void aSystemMessageReplacesTheTemplates() {
        assertThat(ConversationTemplate.named("internvl2_5").render(ONE, "Be brief."))
                .startsWith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n");
    }

    @Test
    void anUnknownNameSaysWhichAreKnown() {
        assertThatThrownBy(() -> ConversationTemplate.named("vicuna"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "conversation template \"vicuna\" is not known; known are Hermes-2, internlm2-chat, internvl2_5,"
                                + " internvl3_5_gpt_oss, internvl_zh, phi3-chat");
    }
}
