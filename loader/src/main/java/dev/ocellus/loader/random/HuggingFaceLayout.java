package dev.ocellus.loader.random;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import java.util.List;

/** Re-expresses the {@code config.json} of an original chat model in the Hugging Face layout. */
final class HuggingFaceLayout {
    private HuggingFaceLayout() {}

    static ObjectNode of(ObjectNode chat) {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add("InternVLForConditionalGeneration");
        config.put("model_type", "internvl");
        config.set("downsample_ratio", chat.get("downsample_ratio"));
        config.put("image_seq_length", 256);
        config.put("image_token_id", 151667);
        config.put("projector_hidden_act", "gelu");
        config.put("tie_word_embeddings", false);
        config.put("torch_dtype", "bfloat16");
        config.put("vision_feature_layer", -1);
        config.put("vision_feature_select_strategy", "default");
        config.set("text_config", language(chat.withObject("llm_config").deepCopy()));
        config.set("vision_config", vision(chat.withObject("vision_config")));
        return config;
    }

    /** InternLM2 and InternLM3 become Llama, whose computation they are. */
    private static ObjectNode language(ObjectNode language) {
        if (language.get("model_type").textValue().startsWith("internlm")) {
            language.putArray("architectures").add("LlamaForCausalLM");
            language.put("model_type", "llama");
            language.remove(List.of("bias", "qkv_bias", "attn_implementation"));
            language.put("attention_bias", false);
            language.put("mlp_bias", false);
        }
        return language;
    }

    private static ObjectNode vision(ObjectNode original) {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add("InternVLVisionModel");
        config.put("model_type", "internvl_vision");
        config.set("attention_bias", original.get("qkv_bias"));
        config.put("attention_dropout", 0.0);
        config.put("dropout", 0.0);
        config.put("hidden_act", "gelu");
        config.put("hidden_dropout_prob", 0.0);
        config.set("hidden_size", original.get("hidden_size"));
        int imageSize = original.get("image_size").intValue();
        config.putArray("image_size").add(imageSize).add(imageSize);
        config.put("initializer_factor", 0.1);
        config.put("initializer_range", 1e-10);
        config.set("intermediate_size", original.get("intermediate_size"));
        config.put("layer_norm_eps", 1e-6);
        config.put("layer_scale_init_value", 0.1);
        config.set("norm_type", original.get("norm_type"));
        config.set("num_attention_heads", original.get("num_attention_heads"));
        config.put("num_channels", 3);
        config.set("num_hidden_layers", original.get("num_hidden_layers"));
        config.putArray("patch_size").add(14).add(14);
        config.put("projection_dropout", 0.0);
        config.put("torch_dtype", "bfloat16");
        config.put("use_absolute_position_embeddings", true);
        config.put("use_mask_token", false);
        config.put("use_mean_pooling", true);
        config.set("use_qk_norm", original.get("qk_normalization"));
        return config;
    }
}
