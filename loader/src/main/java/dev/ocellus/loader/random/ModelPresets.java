package dev.ocellus.loader.random;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.random.LanguageConfigs.Sizes;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * {@code config.json} of published models by name: every InternVL model ({@code internvl3-8b}; with
 * {@code -hf} behind it in the Hugging Face layout), and towers and language models alone.
 */
public final class ModelPresets {
    private static final String HF = "-hf";

    // Vocabularies with the nine image and grounding tokens.
    private static final int QWEN2 = 151655;
    private static final int QWEN2_5 = 151674;
    private static final int QWEN3 = 151936;
    private static final int INTERN_LM2 = 92553;
    private static final int INTERN_LM3 = 128521;
    private static final int YI = 64009;

    private static final Sizes QWEN2_5_0_5B = new Sizes(896, 4864, 24, 14, 2, QWEN2_5);
    private static final Sizes QWEN2_5_32B = new Sizes(5120, 27648, 64, 40, 8, QWEN2_5);
    private static final Sizes QWEN2_5_72B = new Sizes(8192, 29568, 80, 64, 8, QWEN2_5);
    private static final Sizes INTERN_LM2_1_8B = new Sizes(2048, 8192, 24, 16, 8, INTERN_LM2);
    private static final Sizes INTERN_LM2_7B = new Sizes(4096, 14336, 32, 32, 8, INTERN_LM2);
    private static final Sizes INTERN_LM2_20B = new Sizes(6144, 16384, 48, 48, 8, INTERN_LM2);
    private static final Sizes YI_34B = new Sizes(7168, 20480, 60, 56, 8, YI);
    private static final Sizes PHI3_MINI = new Sizes(3072, 8192, 32, 32, 32, 32020);

    private static final Map<String, Supplier<ObjectNode>> PRESETS = presets();

    private ModelPresets() {}

    /** All names, older models first. */
    public static List<String> names() {
        return List.copyOf(PRESETS.keySet());
    }

    /**
     * A fresh {@code config.json}, the caller's to change.
     *
     * @throws IllegalArgumentException if there is no preset of this name; the message lists them
     */
    public static ObjectNode config(String name) {
        Supplier<ObjectNode> preset = PRESETS.get(name);
        if (preset == null) {
            throw new IllegalArgumentException(
                    "no preset is named '%s'; there are %s"
                            .formatted(name, String.join(", ", names())));
        }
        return preset.get();
    }

    private static Map<String, Supplier<ObjectNode>> presets() {
        Map<String, Supplier<ObjectNode>> presets = new LinkedHashMap<>();
        presets.put("internvl-14b-224px", ModelPresets::internVl1);
        for (Chat chat : firstChats()) {
            put(presets, chat);
        }
        for (Chat chat : tiledChats()) {
            put(presets, chat);
        }
        presets.put("vit-300m", VisionConfigs::internVit300M);
        presets.put("vit-6b", () -> VisionConfigs.internVit6B(45, 448));
        presets.put("vit-6b-448px-v1-0", () -> VisionConfigs.internVit6B(48, 448));
        presets.put("vit-6b-224px", () -> VisionConfigs.internVit6B(48, 224));
        presets.put("clip-l-336", VisionConfigs::clipLarge336);
        presets.put("llama-135m", ModelPresets::llama135M);
        presets.put("llama-1b", ModelPresets::llama1B);
        presets.put(
                "llama-7b",
                () ->
                        LanguageConfigs.llama(
                                new Sizes(4096, 11008, 32, 32, 32, 32000), 10_000, 4096));
        return presets;
    }

    private static void put(Map<String, Supplier<ObjectNode>> presets, Chat chat) {
        presets.put(chat.name, chat::config);
        presets.put(chat.name + HF, () -> HuggingFaceLayout.of(chat.config()));
    }

    /** One image of 448 pixels, no tiles; the output grid of the unshuffle is transposed. */
    private static List<Chat> firstChats() {
        return List.of(
                // The vocabulary is not published; this one fits the total of 19.1 B.
                new Chat(
                        "internvl-chat-v1-1",
                        true,
                        LanguageConfigs.llama(
                                new Sizes(5120, 13824, 40, 40, 40, 76000), 10_000, 4096),
                        "internvl_zh"),
                new Chat(
                        "internvl-chat-v1-2",
                        true,
                        LanguageConfigs.llama(YI_34B, 5_000_000, 4096),
                        "Hermes-2"));
    }

    private static List<Chat> tiledChats() {
        return List.of(
                new Chat(
                        "mini-internvl-chat-2b-v1-5",
                        false,
                        internLm2(INTERN_LM2_1_8B),
                        "internlm2-chat"),
                new Chat(
                        "mini-internvl-chat-4b-v1-5",
                        false,
                        LanguageConfigs.phi3(PHI3_MINI),
                        "phi3-chat"),
                new Chat(
                        "internvl-chat-v1-5",
                        true,
                        LanguageConfigs.internLm2(INTERN_LM2_20B, 3.0),
                        "internlm2-chat"),
                new Chat(
                        "internvl2-1b",
                        false,
                        LanguageConfigs.qwen2(QWEN2_5_0_5B.withVocab(QWEN2)),
                        "Hermes-2"),
                new Chat("internvl2-2b", false, internLm2(INTERN_LM2_1_8B), "internlm2-chat"),
                new Chat("internvl2-4b", false, LanguageConfigs.phi3(PHI3_MINI), "phi3-chat"),
                new Chat("internvl2-8b", false, internLm2(INTERN_LM2_7B), "internlm2-chat"),
                new Chat("internvl2-26b", true, internLm2(INTERN_LM2_20B), "internlm2-chat"),
                new Chat(
                        "internvl2-40b",
                        true,
                        LanguageConfigs.llama(YI_34B, 5_000_000, 4096),
                        "Hermes-2"),
                new Chat(
                        "internvl2-llama3-76b",
                        true,
                        LanguageConfigs.llama(
                                new Sizes(8192, 28672, 80, 64, 8, 128265), 500_000, 8192),
                        "internlm2-chat"),
                latest("internvl2_5-1b", false, LanguageConfigs.qwen2(QWEN2_5_0_5B)),
                latest("internvl2_5-2b", false, internLm2(INTERN_LM2_1_8B)),
                latest(
                        "internvl2_5-4b",
                        false,
                        LanguageConfigs.qwen2(new Sizes(2048, 11008, 36, 16, 2, QWEN2_5))),
                latest("internvl2_5-8b", false, internLm2(INTERN_LM2_7B)),
                latest("internvl2_5-26b", true, internLm2(INTERN_LM2_20B)),
                latest("internvl2_5-38b", true, LanguageConfigs.qwen2(QWEN2_5_32B)),
                latest("internvl2_5-78b", true, LanguageConfigs.qwen2(QWEN2_5_72B)),
                latest("internvl3-1b", false, LanguageConfigs.qwen2Dynamic(QWEN2_5_0_5B)),
                latest(
                        "internvl3-2b",
                        false,
                        LanguageConfigs.qwen2Dynamic(new Sizes(1536, 8960, 28, 12, 2, QWEN2_5))),
                latest(
                        "internvl3-8b",
                        false,
                        LanguageConfigs.qwen2Dynamic(new Sizes(3584, 18944, 28, 28, 4, QWEN2_5))),
                latest(
                        "internvl3-9b",
                        false,
                        LanguageConfigs.internLm3(new Sizes(4096, 10240, 48, 32, 2, INTERN_LM3))),
                latest(
                        "internvl3-14b",
                        false,
                        LanguageConfigs.qwen2Dynamic(new Sizes(5120, 13824, 48, 40, 8, QWEN2_5))),
                latest("internvl3-38b", true, LanguageConfigs.qwen2Dynamic(QWEN2_5_32B)),
                latest("internvl3-78b", true, LanguageConfigs.qwen2Dynamic(QWEN2_5_72B)),
                latest(
                        "internvl3_5-1b",
                        false,
                        LanguageConfigs.qwen3(new Sizes(1024, 3072, 28, 16, 8, QWEN3))),
                latest(
                        "internvl3_5-2b",
                        false,
                        LanguageConfigs.qwen3(new Sizes(2048, 6144, 28, 16, 8, QWEN3))),
                latest(
                        "internvl3_5-4b",
                        false,
                        LanguageConfigs.qwen3(new Sizes(2560, 9728, 36, 32, 8, QWEN3))),
                latest(
                        "internvl3_5-8b",
                        false,
                        LanguageConfigs.qwen3(new Sizes(4096, 12288, 36, 32, 8, QWEN3))),
                latest(
                        "internvl3_5-14b",
                        false,
                        LanguageConfigs.qwen3(new Sizes(5120, 17408, 40, 40, 8, QWEN3))),
                latest(
                        "internvl3_5-38b",
                        true,
                        LanguageConfigs.qwen3(new Sizes(5120, 25600, 64, 64, 8, QWEN3))),
                latest(
                        "internvl3_5-30b-a3b",
                        false,
                        LanguageConfigs.qwen3Moe(new Sizes(2048, 6144, 48, 32, 4, QWEN3), 768)),
                latest(
                        "internvl3_5-241b-a28b",
                        true,
                        LanguageConfigs.qwen3Moe(new Sizes(4096, 12288, 94, 64, 4, QWEN3), 1536)),
                new Chat(
                        "internvl3_5-gpt-oss-20b-a4b",
                        false,
                        LanguageConfigs.gptOss(new Sizes(2880, 2880, 24, 64, 8, 201088)),
                        "internvl3_5_gpt_oss"));
    }

    private static Chat latest(String name, boolean large, ObjectNode language) {
        return new Chat(name, large, language, "internvl2_5");
    }

    private static ObjectNode internLm2(Sizes sizes) {
        return LanguageConfigs.internLm2(sizes, 2.0);
    }

    /** InternVL 1.0, the contrastive and captioning model. */
    private static ObjectNode internVl1() {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add("InternVLModel");
        config.put("model_type", "internvl");
        config.put("attn_pool_num_heads", 16);
        config.put("clip_embed_dim", 768);
        config.put("cross_attention_frequency", 2);
        config.putNull("force_image_size");
        config.put("initializer_range", 0.02);
        config.put("label_smoothing", 0.0);
        config.put("num_query_token", 96);
        config.put("torch_dtype", "bfloat16");
        config.put("use_backbone_lora", 0);
        config.put("use_qllama_lora", 0);
        ObjectNode qllama =
                LanguageConfigs.llama(new Sizes(4096, 11008, 32, 32, 32, 49954), 10_000, 2048);
        qllama.put("rms_norm_eps", 1e-6);
        qllama.put("bos_token_id", 1).put("eos_token_id", 2).put("pad_token_id", 0);
        config.set("qllama_config", qllama);
        config.set("vision_config", VisionConfigs.internVit6B(48, 224));
        return config;
    }

    /** The shape of SmolLM2-135M. */
    private static ObjectNode llama135M() {
        ObjectNode config =
                LanguageConfigs.llama(new Sizes(576, 1536, 30, 9, 3, 49152), 100_000, 8192);
        return config.put("tie_word_embeddings", true);
    }

    /** The shape of Llama-3.2-1B. */
    private static ObjectNode llama1B() {
        ObjectNode config =
                LanguageConfigs.llama(new Sizes(2048, 8192, 16, 32, 8, 128256), 500_000, 131072);
        config.put("head_dim", 64);
        config.set("rope_scaling", LanguageConfigs.llama3Scaling());
        return config.put("tie_word_embeddings", true);
    }

    /**
     * A row of the list of released chat models.
     *
     * @param large whether the tower is InternViT-6B with 45 blocks, otherwise InternViT-300M
     */
    private record Chat(String name, boolean large, ObjectNode language, String template) {
        ObjectNode config() {
            boolean tiles = !name.endsWith("v1-1") && !name.endsWith("v1-2");
            ObjectNode config = JsonNodeFactory.instance.objectNode();
            config.putArray("architectures").add("InternVLChatModel");
            config.put("model_type", "internvl_chat");
            config.put("downsample_ratio", 0.5);
            config.put("dynamic_image_size", tiles);
            config.put("force_image_size", 448);
            config.put("max_dynamic_patch", tiles ? 12 : 6);
            config.put("min_dynamic_patch", 1);
            config.put("pad2square", false);
            config.put("ps_version", tiles ? "v2" : "v1");
            config.put("select_layer", -1);
            config.put("template", template);
            config.put("torch_dtype", "bfloat16");
            config.put("use_backbone_lora", 0);
            config.put("use_llm_lora", 0);
            config.put("use_thumbnail", tiles);
            config.set("llm_config", language.deepCopy());
            config.set(
                    "vision_config",
                    large ? VisionConfigs.internVit6B(45, 448) : VisionConfigs.internVit300M());
            return config;
        }
    }
}
