package dev.ocellus.loader.random;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** {@code config.json} of the vision towers, as published. */
final class VisionConfigs {
    private VisionConfigs() {}

    /** InternViT-300M-448px and -V2_5. */
    static ObjectNode internVit300M() {
        ObjectNode config = internVit(1024, 4096, 24, 16, 448);
        config.put("norm_type", "layer_norm");
        config.put("qk_normalization", false);
        config.put("qkv_bias", true);
        return config;
    }

    /** InternViT-6B; 45 blocks at 448 pixels since V1-2, 48 before. */
    static ObjectNode internVit6B(int layers, int imageSize) {
        ObjectNode config = internVit(3200, 12800, layers, 25, imageSize);
        config.put("norm_type", "rms_norm");
        config.put("qk_normalization", true);
        config.put("qkv_bias", false);
        return config;
    }

    private static ObjectNode internVit(
            int hidden, int intermediate, int layers, int heads, int imageSize) {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add("InternVisionModel");
        config.put("model_type", "intern_vit_6b");
        config.put("attention_dropout", 0.0);
        config.put("drop_path_rate", 0.0);
        config.put("dropout", 0.0);
        config.put("hidden_act", "gelu");
        config.put("hidden_size", hidden);
        config.put("image_size", imageSize);
        config.put("initializer_factor", 0.1);
        config.put("initializer_range", 1e-10);
        config.put("intermediate_size", intermediate);
        config.put("layer_norm_eps", 1e-6);
        config.put("num_attention_heads", heads);
        config.put("num_channels", 3);
        config.put("num_hidden_layers", layers);
        config.put("patch_size", 14);
        config.put("torch_dtype", "bfloat16");
        config.put("use_flash_attn", true);
        return config;
    }

    /** The vision half of CLIP ViT-L/14 at 336 pixels. */
    static ObjectNode clipLarge336() {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add("CLIPVisionModel");
        config.put("model_type", "clip_vision_model");
        config.put("attention_dropout", 0.0);
        config.put("dropout", 0.0);
        config.put("hidden_act", "quick_gelu");
        config.put("hidden_size", 1024);
        config.put("image_size", 336);
        config.put("initializer_factor", 1.0);
        config.put("initializer_range", 0.02);
        config.put("intermediate_size", 4096);
        config.put("layer_norm_eps", 1e-5);
        config.put("num_attention_heads", 16);
        config.put("num_channels", 3);
        config.put("num_hidden_layers", 24);
        config.put("patch_size", 14);
        config.put("projection_dim", 768);
        config.put("torch_dtype", "float32");
        return config;
    }
}
