package dev.ocellus.loader.random;

import dev.ocellus.loader.config.Json;

/** Tensors of the language models. */
final class LanguageTensors {
    private LanguageTensors() {}

    /**
     * @param body where embedding, layers and final norm go
     * @param head where the output matrix goes, unless it is tied to the embedding
     */
    static void add(TensorList body, TensorList head, Json config) {
        String type = config.getString("model_type");
        Sizes sizes = Sizes.read(config);
        boolean internLm2 = type.equals("internlm2");
        body.add(
                internLm2 ? "tok_embeddings.weight" : "embed_tokens.weight",
                sizes.vocab,
                sizes.hidden);
        for (int i = 0; i < sizes.layers; i++) {
            TensorList layer = body.in("layers." + i);
            switch (type) {
                case "internlm2" -> internLm2Layer(layer, sizes, config);
                case "phi3" -> phi3Layer(layer, sizes);
                case "gpt_oss" -> gptOssLayer(layer, sizes, config);
                case "llama", "qwen2", "internlm3", "qwen3", "qwen3_moe" ->
                        llamaLayer(layer, sizes, config, type);
                default ->
                        throw config.invalid(
                                "model_type",
                                "be llama, internlm2, internlm3, qwen2, qwen3, qwen3_moe, phi3"
                                        + " or gpt_oss");
            }
        }
        body.norm("norm", sizes.hidden, false);
        if (!config.getBoolean("tie_word_embeddings", false)) {
            head.add(internLm2 ? "output.weight" : "lm_head.weight", sizes.vocab, sizes.hidden);
        }
    }

    private static void llamaLayer(TensorList layer, Sizes sizes, Json config, String type) {
        boolean qkvBias =
                switch (type) {
                    case "qwen2" -> true;
                    case "internlm3" -> config.getBoolean("qkv_bias", false);
                    default -> config.getBoolean("attention_bias", false);
                };
        boolean outputBias =
                switch (type) {
                    case "qwen2" -> false;
                    case "internlm3" -> config.getBoolean("bias", false);
                    default -> config.getBoolean("attention_bias", false);
                };
        layer.norm("input_layernorm", sizes.hidden, false);
        attention(layer.in("self_attn"), sizes, qkvBias, outputBias);
        if (type.startsWith("qwen3")) {
            layer.norm("self_attn.q_norm", sizes.headDim, false);
            layer.norm("self_attn.k_norm", sizes.headDim, false);
        }
        layer.norm("post_attention_layernorm", sizes.hidden, false);
        if (type.equals("qwen3_moe")) {
            long experts = config.getPositive("num_experts");
            layer.linear("mlp.gate", experts, sizes.hidden, false);
            for (int e = 0; e < experts; e++) {
                long size = config.getPositive("moe_intermediate_size");
                gatedMlp(layer.in("mlp.experts." + e), sizes.hidden, size, false);
            }
        } else {
            boolean bias = config.getBoolean(type.equals("internlm3") ? "bias" : "mlp_bias", false);
            gatedMlp(layer.in("mlp"), sizes.hidden, sizes.intermediate, bias);
        }
    }

    private static void attention(
            TensorList attention, Sizes sizes, boolean qkvBias, boolean outputBias) {
        attention.linear("q_proj", sizes.queryRows(), sizes.hidden, qkvBias);
        attention.linear("k_proj", sizes.keyRows(), sizes.hidden, qkvBias);
        attention.linear("v_proj", sizes.keyRows(), sizes.hidden, qkvBias);
        attention.linear("o_proj", sizes.hidden, sizes.queryRows(), outputBias);
    }

    private static void gatedMlp(TensorList mlp, long hidden, long intermediate, boolean bias) {
        mlp.linear("gate_proj", intermediate, hidden, bias);
        mlp.linear("up_proj", intermediate, hidden, bias);
        mlp.linear("down_proj", hidden, intermediate, bias);
    }

    private static void internLm2Layer(TensorList layer, Sizes sizes, Json config) {
        boolean bias = config.getBoolean("bias", true);
        layer.norm("attention_norm", sizes.hidden, false);
        layer.linear("attention.wqkv", sizes.packedRows(), sizes.hidden, bias);
        layer.linear("attention.wo", sizes.hidden, sizes.queryRows(), bias);
        layer.norm("ffn_norm", sizes.hidden, false);
        layer.linear("feed_forward.w1", sizes.intermediate, sizes.hidden, false);
        layer.linear("feed_forward.w3", sizes.intermediate, sizes.hidden, false);
        layer.linear("feed_forward.w2", sizes.hidden, sizes.intermediate, false);
    }

    private static void phi3Layer(TensorList layer, Sizes sizes) {
        layer.norm("input_layernorm", sizes.hidden, false);
        layer.linear("self_attn.qkv_proj", sizes.packedRows(), sizes.hidden, false);
        layer.linear("self_attn.o_proj", sizes.hidden, sizes.queryRows(), false);
        layer.norm("post_attention_layernorm", sizes.hidden, false);
        layer.linear("mlp.gate_up_proj", 2 * sizes.intermediate, sizes.hidden, false);
        layer.linear("mlp.down_proj", sizes.hidden, sizes.intermediate, false);
    }

    /** Experts are stored [experts, in, out], unlike every other linear layer. */
    private static void gptOssLayer(TensorList layer, Sizes sizes, Json config) {
        long experts = config.getPositive("num_local_experts");
        boolean bias = config.getBoolean("attention_bias", true);
        layer.norm("input_layernorm", sizes.hidden, false);
        attention(layer.in("self_attn"), sizes, bias, bias);
        layer.add("self_attn.sinks", sizes.heads);
        layer.norm("post_attention_layernorm", sizes.hidden, false);
        TensorList mlp = layer.in("mlp");
        mlp.linear("router", experts, sizes.hidden, true);
        mlp.add("experts.gate_up_proj", experts, sizes.hidden, 2 * sizes.intermediate);
        mlp.add("experts.gate_up_proj_bias", experts, 2 * sizes.intermediate);
        mlp.add("experts.down_proj", experts, sizes.intermediate, sizes.hidden);
        mlp.add("experts.down_proj_bias", experts, sizes.hidden);
    }

    /** What all language models have. */
    private record Sizes(
            long vocab,
            long hidden,
            long intermediate,
            int layers,
            long heads,
            long keyValueHeads,
            long headDim) {

        static Sizes read(Json config) {
            int hidden = config.getPositive("hidden_size");
            int heads = config.getPositive("num_attention_heads");
            if (!config.has("head_dim")) {
                config.check(
                        hidden % heads == 0,
                        "hidden_size",
                        "be a multiple of num_attention_heads " + heads);
            }
            return new Sizes(
                    config.getPositive("vocab_size"),
                    hidden,
                    config.getPositive("intermediate_size"),
                    config.getPositive("num_hidden_layers"),
                    heads,
                    config.getPositive("num_key_value_heads", heads),
                    config.getPositive("head_dim", hidden / heads));
        }

        long queryRows() {
            return heads * headDim;
        }

        long keyRows() {
            return keyValueHeads * headDim;
        }

        long packedRows() {
            return queryRows() + 2 * keyRows();
        }
    }
}
