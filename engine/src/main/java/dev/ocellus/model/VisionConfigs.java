package dev.ocellus.model;

import dev.ocellus.loader.config.Json;

import java.util.List;

/**
 * Reads the vision part of a {@code config.json}. A missing key takes the family's published
 * default.
 */
public final class VisionConfigs {
    private VisionConfigs() {}

    /** Whether the config is one of a vision tower alone or of a whole CLIP model. */
    public static boolean matches(Json c) {
        return switch (c.getString("model_type", "")) {
            case "intern_vit_6b", "internvl_vision", "clip_vision_model", "clip" -> true;
            default -> false;
        };
    }

    /**
     * @param parentType model type of the whole model, which decides where the vision part does not
     *     state its own
     */
    public static VisionConfig read(Json c, String parentType) {
        String implied =
                switch (parentType) {
                    case "clip" -> "clip_vision_model";
                    case "internvl" -> "internvl_vision";
                    default -> "intern_vit_6b";
                };
        String type = c.getString("model_type", implied);
        return switch (type) {
            case "intern_vit_6b" -> internVit(c, type);
            case "internvl_vision" -> transformersInternVit(c, type);
            case "clip_vision_model" -> clip(c, type);
            default ->
                    throw c.invalid(
                            "model_type", "be intern_vit_6b, internvl_vision or clip_vision_model");
        };
    }

    private static VisionConfig internVit(Json c, String type) {
        return checked(
                c,
                new VisionConfig(
                        type,
                        c.getPositive("hidden_size", 3200),
                        c.getPositive("intermediate_size", 12800),
                        c.getPositive("num_hidden_layers", 48),
                        c.getPositive("num_attention_heads", 25),
                        c.getPositive("num_channels", 3),
                        side(c, "image_size", 0, 224),
                        side(c, "image_size", 1, 224),
                        side(c, "patch_size", 0, 14),
                        c.getDouble("layer_norm_eps", 1e-6),
                        DecoderConfigs.activation(c, "hidden_act", "gelu"),
                        c.getBoolean("qkv_bias", false),
                        c.getBoolean("qk_normalization", true),
                        rmsNorm(c, "rms_norm"),
                        false));
    }

    private static VisionConfig transformersInternVit(Json c, String type) {
        return checked(
                c,
                new VisionConfig(
                        type,
                        c.getPositive("hidden_size", 1024),
                        c.getPositive("intermediate_size", 4096),
                        c.getPositive("num_hidden_layers", 24),
                        c.getPositive("num_attention_heads", 16),
                        c.getPositive("num_channels", 3),
                        side(c, "image_size", 0, 448),
                        side(c, "image_size", 1, 448),
                        side(c, "patch_size", 0, 14),
                        c.getDouble("layer_norm_eps", 1e-6),
                        DecoderConfigs.activation(c, "hidden_act", "gelu"),
                        c.getBoolean("attention_bias", false),
                        c.getBoolean("use_qk_norm", false),
                        rmsNorm(c, "layer_norm"),
                        !c.getBoolean("use_mean_pooling", true)));
    }

    private static VisionConfig clip(Json c, String type) {
        return checked(
                c,
                new VisionConfig(
                        type,
                        c.getPositive("hidden_size", 768),
                        c.getPositive("intermediate_size", 3072),
                        c.getPositive("num_hidden_layers", 12),
                        c.getPositive("num_attention_heads", 12),
                        c.getPositive("num_channels", 3),
                        side(c, "image_size", 0, 224),
                        side(c, "image_size", 1, 224),
                        side(c, "patch_size", 0, 32),
                        c.getDouble("layer_norm_eps", 1e-5),
                        DecoderConfigs.activation(c, "hidden_act", "quick_gelu"),
                        true,
                        false,
                        false,
                        false));
    }

    private static VisionConfig checked(Json c, VisionConfig v) {
        c.check(
                v.hiddenSize() % v.numAttentionHeads() == 0,
                "hidden_size",
                "be a multiple of num_attention_heads " + v.numAttentionHeads());
        return v;
    }

    private static boolean rmsNorm(Json c, String fallback) {
        String type = c.getString("norm_type", fallback);
        c.check(
                type.equals("rms_norm") || type.equals("layer_norm"),
                "norm_type",
                "be rms_norm or layer_norm");
        return type.equals("rms_norm");
    }

    /** Height (0) or width (1) of a size that is published as one number or as two. */
    private static long side(Json c, String key, int which, int fallback) {
        List<Integer> sides = c.getInts(key);
        if (sides.isEmpty()) {
            return fallback;
        }
        c.check(
                sides.size() <= 2 && sides.stream().allMatch(s -> s > 0),
                key,
                "be one or two positive integers");
        return sides.get(Math.min(which, sides.size() - 1));
    }
}
