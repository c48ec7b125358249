package dev.ocellus.loader.random;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * {@code config.json} of the language models, as published, as sub-configurations of chat models:
 * with a head of its own even where the base model ties it, since the chat configurations force
 * that.
 */
final class LanguageConfigs {
    private LanguageConfigs() {}

    /**
     * The widths that all of them have.
     *
     * @param heads query heads
     */
    record Sizes(
            int hidden, int intermediate, int layers, int heads, int keyValueHeads, int vocab) {
        Sizes withVocab(int newVocab) {
            return new Sizes(hidden, intermediate, layers, heads, keyValueHeads, newVocab);
        }
    }

    static ObjectNode llama(Sizes sizes, double ropeTheta, int maxPositions) {
        ObjectNode config =
                common("llama", "LlamaForCausalLM", sizes, 1e-5, ropeTheta, maxPositions);
        config.put("attention_bias", false);
        config.put("mlp_bias", false);
        return config;
    }

    static ObjectNode internLm2(Sizes sizes, double dynamicFactor) {
        ObjectNode config =
                common("internlm2", "InternLM2ForCausalLM", sizes, 1e-5, 1_000_000, 32768);
        config.put("bias", false);
        config.put("attn_implementation", "eager");
        config.set("rope_scaling", dynamic(dynamicFactor));
        return config;
    }

    static ObjectNode internLm3(Sizes sizes) {
        ObjectNode config =
                common("internlm3", "InternLM3ForCausalLM", sizes, 1e-5, 50_000_000, 32768);
        config.put("bias", false);
        config.put("qkv_bias", false);
        config.put("head_dim", sizes.hidden / sizes.heads);
        config.set("rope_scaling", dynamic(6.0));
        return config;
    }

    /** Qwen2 and Qwen2.5. */
    static ObjectNode qwen2(Sizes sizes) {
        ObjectNode config = common("qwen2", "Qwen2ForCausalLM", sizes, 1e-6, 1_000_000, 32768);
        config.put("max_window_layers", sizes.layers);
        config.put("sliding_window", 32768);
        config.put("use_sliding_window", false);
        return config;
    }

    /** Qwen2.5 as the InternVL3 models configure it. */
    static ObjectNode qwen2Dynamic(Sizes sizes) {
        ObjectNode config = qwen2(sizes);
        config.set("rope_scaling", dynamic(2.0));
        return config;
    }

    static ObjectNode qwen3(Sizes sizes) {
        return qwen3("qwen3", "Qwen3ForCausalLM", sizes);
    }

    static ObjectNode qwen3Moe(Sizes sizes, int expertSize) {
        ObjectNode config = qwen3("qwen3_moe", "Qwen3MoeForCausalLM", sizes);
        config.put("decoder_sparse_step", 1);
        config.putArray("mlp_only_layers");
        config.put("moe_intermediate_size", expertSize);
        config.put("norm_topk_prob", true);
        config.put("num_experts", 128);
        config.put("num_experts_per_tok", 8);
        config.put("output_router_logits", false);
        config.put("router_aux_loss_coef", 0.001);
        return config;
    }

    private static ObjectNode qwen3(String type, String architecture, Sizes sizes) {
        ObjectNode config = common(type, architecture, sizes, 1e-6, 1_000_000, 40960);
        config.put("attention_bias", false);
        config.put("head_dim", 128);
        config.put("max_window_layers", sizes.layers);
        config.putNull("sliding_window");
        config.put("use_sliding_window", false);
        return config;
    }

    /** Phi-3-mini-128k. */
    static ObjectNode phi3(Sizes sizes) {
        ObjectNode config = common("phi3", "Phi3ForCausalLM", sizes, 1e-5, 10_000, 131072);
        config.put("embd_pdrop", 0.0);
        config.put("resid_pdrop", 0.0);
        config.put("original_max_position_embeddings", 4096);
        config.put("sliding_window", 262144);
        ObjectNode scaling = config.putObject("rope_scaling");
        scaling.put("type", "longrope");
        // One factor for each of the 48 rotary frequencies. The published ones were searched for;
        // these run over about the same ranges.
        factors(scaling.putArray("short_factor"), 3.0);
        factors(scaling.putArray("long_factor"), 64.0);
        return config;
    }

    private static void factors(ArrayNode list, double last) {
        int n = 48;
        for (int i = 0; i < n; i++) {
            list.add(Math.round(100 * Math.pow(last, (double) i / (n - 1))) / 100.0);
        }
    }

    /** gpt-oss-20b. */
    static ObjectNode gptOss(Sizes sizes) {
        ObjectNode config = common("gpt_oss", "GptOssForCausalLM", sizes, 1e-5, 150_000, 131072);
        config.put("attention_bias", true);
        config.put("head_dim", 64);
        config.put("initial_context_length", 4096);
        config.put("num_local_experts", 32);
        config.put("num_experts_per_tok", 4);
        config.put("output_router_logits", false);
        config.put("router_aux_loss_coef", 0.9);
        config.put("sliding_window", 128);
        config.put("swiglu_limit", 7.0);
        ArrayNode layerTypes = config.putArray("layer_types");
        for (int i = 0; i < sizes.layers; i++) {
            layerTypes.add(i % 2 == 0 ? "sliding_attention" : "full_attention");
        }
        config.putObject("rope_scaling")
                .put("beta_fast", 32.0)
                .put("beta_slow", 1.0)
                .put("factor", 32.0)
                .put("original_max_position_embeddings", 4096)
                .put("rope_type", "yarn")
                .put("truncate", false);
        return config;
    }

    static ObjectNode llama3Scaling() {
        return JsonNodeFactory.instance
                .objectNode()
                .put("factor", 32.0)
                .put("high_freq_factor", 4.0)
                .put("low_freq_factor", 1.0)
                .put("original_max_position_embeddings", 8192)
                .put("rope_type", "llama3");
    }

    private static ObjectNode dynamic(double factor) {
        return JsonNodeFactory.instance.objectNode().put("factor", factor).put("type", "dynamic");
    }

    private static ObjectNode common(
            String type,
            String architecture,
            Sizes sizes,
            double rmsNormEps,
            double ropeTheta,
            int maxPositions) {
        ObjectNode config = JsonNodeFactory.instance.objectNode();
        config.putArray("architectures").add(architecture);
        config.put("model_type", type);
        config.put("attention_dropout", 0.0);
        config.put("hidden_act", "silu");
        config.put("hidden_size", sizes.hidden);
        config.put("initializer_range", 0.02);
        config.put("intermediate_size", sizes.intermediate);
        config.put("max_position_embeddings", maxPositions);
        config.put("num_attention_heads", sizes.heads);
        config.put("num_hidden_layers", sizes.layers);
        config.put("num_key_value_heads", sizes.keyValueHeads);
        config.put("rms_norm_eps", rmsNormEps);
        config.putNull("rope_scaling");
        config.put("rope_theta", ropeTheta);
        config.put("tie_word_embeddings", false);
        config.put("torch_dtype", "bfloat16");
        config.put("use_cache", true);
        config.put("vocab_size", sizes.vocab);
        return config;
    }
}
