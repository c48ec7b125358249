package dev.ocellus.loader.random;

import dev.ocellus.loader.config.Json;

import java.util.List;

/** Tensors of InternVL 1.0: InternViT, QLLaMA with its cross-attention, and the embedding heads. */
final class QLlamaTensors {
    private QLlamaTensors() {}

    static void add(TensorList list, Json config) {
        Json vision = config.getObject("vision_config");
        Json language = config.getObject("qllama_config");
        long visionSize = vision.getPositive("hidden_size");
        long hidden = language.getPositive("hidden_size");
        long embedSize = config.getPositive("clip_embed_dim", 768);
        VisionTensors.internVit(list.in("vision_model"), vision);
        TensorList qllama = list.in("qllama");
        LanguageTensors.add(qllama.in("model"), qllama, language);
        int frequency = config.getPositive("cross_attention_frequency", 2);
        for (int i = 0; i < language.getPositive("num_hidden_layers"); i += frequency) {
            crossAttention(qllama.in("model.layers." + i + ".cross_attn"), hidden, visionSize);
        }
        list.add("query_tokens", 1, config.getPositive("num_query_token", 96), hidden);
        list.add("text_projection", hidden, embedSize);
        list.add("logit_scale");
        attentionPooling(list.in("clip_projector"), visionSize, embedSize);
        attentionPooling(list.in("clip_projector2"), hidden, embedSize);
        list.linear("itm_head", 2, hidden, true);
    }

    private static void crossAttention(TensorList attention, long hidden, long visionSize) {
        attention.linear("q_proj", hidden, hidden, false);
        attention.linear("k_proj", hidden, visionSize, false);
        attention.linear("v_proj", hidden, visionSize, false);
        attention.linear("o_proj", hidden, hidden, false);
        attention.norm("norm1", hidden, false);
        attention.norm("norm2", visionSize, false);
    }

    private static void attentionPooling(TensorList pooling, long size, long embedSize) {
        for (String input : List.of("q", "k", "v")) {
            pooling.norm("norm1_" + input, size, true);
            pooling.add("cross_attn." + input + ".weight", size, size);
            pooling.add("cross_attn." + input + "_bias", size);
        }
        pooling.linear("cross_attn.proj", embedSize, size, true);
    }
}
