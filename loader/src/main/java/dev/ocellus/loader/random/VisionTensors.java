package dev.ocellus.loader.random;

import dev.ocellus.loader.config.Json;

import java.util.List;

/** Tensors of the vision towers. */
final class VisionTensors {
    private VisionTensors() {}

    /** InternViT under its original names: packed qkv. */
    static void internVit(TensorList list, Json config) {
        Tower tower = Tower.read(config);
        boolean qkvBias = config.getBoolean("qkv_bias", false);
        boolean qkNorm = config.getBoolean("qk_normalization", true);
        long d = tower.hiddenSize;
        TensorList embeddings = list.in("embeddings");
        embeddings.add("class_embedding", 1, 1, d);
        embeddings.add("position_embedding", 1, tower.positions(), d);
        tower.patchEmbedding(embeddings, "patch_embedding", true);
        for (int i = 0; i < tower.layers; i++) {
            TensorList layer = list.in("encoder.layers." + i);
            layer.norm("norm1", d, tower.layerNorm);
            layer.linear("attn.qkv", 3 * d, d, qkvBias);
            if (qkNorm) {
                layer.norm("attn.q_norm", d, false);
                layer.norm("attn.k_norm", d, false);
            }
            layer.linear("attn.proj", d, d, true);
            layer.add("ls1", d);
            layer.add("ls2", d);
            layer.norm("norm2", d, tower.layerNorm);
            tower.mlp(layer);
        }
    }

    /** InternViT under the names of the Hugging Face layout. */
    static void huggingFaceInternVit(TensorList list, Json config) {
        Tower tower = Tower.read(config);
        boolean attentionBias = config.getBoolean("attention_bias", false);
        boolean qkNorm = config.getBoolean("use_qk_norm", false);
        long d = tower.hiddenSize;
        TensorList embeddings = list.in("embeddings");
        embeddings.add("cls_token", 1, 1, d);
        embeddings.add("position_embeddings", 1, tower.positions(), d);
        tower.patchEmbedding(embeddings, "patch_embeddings.projection", true);
        for (int i = 0; i < tower.layers; i++) {
            TensorList layer = list.in("encoder.layer." + i);
            layer.norm("layernorm_before", d, tower.layerNorm);
            for (String projection : List.of("q_proj", "k_proj", "v_proj")) {
                layer.linear("attention." + projection, d, d, attentionBias);
            }
            if (qkNorm) {
                layer.norm("attention.q_norm", d, false);
                layer.norm("attention.k_norm", d, false);
            }
            layer.linear("attention.projection_layer", d, d, true);
            layer.add("lambda_1", d);
            layer.add("lambda_2", d);
            layer.norm("layernorm_after", d, tower.layerNorm);
            tower.mlp(layer);
        }
    }

    static void clip(TensorList list, Json config) {
        Tower tower = Tower.read(config);
        long d = tower.hiddenSize;
        TensorList embeddings = list.in("embeddings");
        embeddings.add("class_embedding", d);
        tower.patchEmbedding(embeddings, "patch_embedding", false);
        embeddings.add("position_embedding.weight", tower.positions(), d);
        list.norm("pre_layrnorm", d, true);
        for (int i = 0; i < tower.layers; i++) {
            TensorList layer = list.in("encoder.layers." + i);
            for (String projection : List.of("k_proj", "v_proj", "q_proj", "out_proj")) {
                layer.linear("self_attn." + projection, d, d, true);
            }
            layer.norm("layer_norm1", d, true);
            tower.mlp(layer);
            layer.norm("layer_norm2", d, true);
        }
        list.norm("post_layernorm", d, true);
    }

    /**
     * What all towers have.
     *
     * @param layerNorm whether norms have a bias
     */
    private record Tower(
            long hiddenSize,
            long mlpSize,
            int layers,
            int channels,
            List<Integer> image,
            List<Integer> patch,
            boolean layerNorm) {

        static Tower read(Json config) {
            return new Tower(
                    config.getPositive("hidden_size"),
                    config.getPositive("intermediate_size"),
                    config.getPositive("num_hidden_layers"),
                    config.getPositive("num_channels", 3),
                    sides(config, "image_size"),
                    sides(config, "patch_size"),
                    config.getString("norm_type", "rms_norm").equals("layer_norm"));
        }

        /** Height and width; one number means a square. */
        private static List<Integer> sides(Json config, String key) {
            List<Integer> sides = config.getInts(key);
            config.check(sides.size() == 1 || sides.size() == 2, key, "be one or two integers");
            config.check(sides.stream().allMatch(side -> side > 0), key, "be positive");
            return sides.size() == 2 ? sides : List.of(sides.getFirst(), sides.getFirst());
        }

        /** Patches of an image of the native size and the class token. */
        long positions() {
            return 1L + (long) (image.get(0) / patch.get(0)) * (image.get(1) / patch.get(1));
        }

        void patchEmbedding(TensorList list, String name, boolean bias) {
            list.add(name + ".weight", hiddenSize, channels, patch.get(0), patch.get(1));
            if (bias) {
                list.add(name + ".bias", hiddenSize);
            }
        }

        void mlp(TensorList layer) {
            layer.linear("mlp.fc1", mlpSize, hiddenSize, true);
            layer.linear("mlp.fc2", hiddenSize, mlpSize, true);
        }
    }
}
