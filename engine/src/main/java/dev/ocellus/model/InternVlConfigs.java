package dev.ocellus.model;

import dev.ocellus.kernels.Activation;
import dev.ocellus.loader.config.Json;

/** Reads the {@code config.json} of an InternVL chat model in either layout. */
public final class InternVlConfigs {
    private InternVlConfigs() {}

    /**
     * Whether the config is one of an InternVL chat model. InternVL 1.0 shares a model type with
     * the transformers layout, but has a QLLaMA.
     */
    public static boolean matches(Json c) {
        String type = c.getString("model_type", "");
        return type.equals("internvl_chat") || type.equals("internvl") && !c.has("qllama_config");
    }

    public static InternVlConfig read(Json c) {
        return c.getString("model_type").equals("internvl") ? transformers(c) : original(c);
    }

    private static InternVlConfig original(Json c) {
        VisionConfig vision = VisionConfigs.read(c.getObject("vision_config"), "internvl_chat");
        String ps = c.getString("ps_version", "v1");
        c.check(ps.equals("v1") || ps.equals("v2"), "ps_version", "be v1 or v2");
        InternVlConfig config =
                new InternVlConfig(
                        vision,
                        DecoderConfigs.read(c.firstObject("llm_config", "text_config"), false),
                        false,
                        c.getInt("select_layer", -1),
                        c.getDouble("downsample_ratio", 0.5),
                        Activation.GELU,
                        ps.equals("v1"),
                        c.getString("template", null),
                        c.getString("system_message", null),
                        -1,
                        c.getPositive("force_image_size", (int) vision.imageHeight()),
                        c.getBoolean("dynamic_image_size", false),
                        c.getBoolean("use_thumbnail", false),
                        c.getPositive("min_dynamic_patch", 1),
                        c.getPositive("max_dynamic_patch", 6),
                        c.getBoolean("pad2square", false));
        return checked(c, config, "select_layer");
    }

    private static InternVlConfig transformers(Json c) {
        VisionConfig vision = VisionConfigs.read(c.getObject("vision_config"), "internvl");
        InternVlConfig config =
                new InternVlConfig(
                        vision,
                        DecoderConfigs.read(
                                c.getObject("text_config"),
                                c.getBoolean("tie_word_embeddings", false)),
                        true,
                        c.getInt("vision_feature_layer", -1),
                        c.getDouble("downsample_ratio", 0.5),
                        DecoderConfigs.activation(c, "projector_hidden_act", "gelu"),
                        false,
                        null,
                        null,
                        c.getInt("image_token_id", 151667),
                        (int) vision.imageHeight(),
                        true,
                        true,
                        1,
                        12,
                        false);
        c.check(
                c.getString("vision_feature_select_strategy", "default").equals("default"),
                "vision_feature_select_strategy",
                "be default");
        return checked(c, config, "vision_feature_layer");
    }

    private static InternVlConfig checked(Json c, InternVlConfig config, String layerKey) {
        int layers = config.vision().numHiddenLayers();
        c.check(
                config.visionBlocks() >= 0 && config.visionBlocks() <= layers,
                layerKey,
                "name a hidden state of a tower of " + layers + " layers");
        double inverse = 1 / config.downsampleRatio();
        c.check(
                inverse >= 1 && Math.abs(inverse - Math.rint(inverse)) < 1e-9,
                "downsample_ratio",
                "be one over a whole number");
        return config;
    }
}
