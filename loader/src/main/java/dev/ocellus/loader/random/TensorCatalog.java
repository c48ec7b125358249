package dev.ocellus.loader.random;

import dev.ocellus.loader.config.Json;
import dev.ocellus.loader.safetensors.TensorSpec;
import dev.ocellus.tensor.DType;

import java.util.List;

/**
 * The tensors that a published checkpoint of a given {@code config.json} holds: names, shapes, and
 * the dtype of {@code torch_dtype}. Covers InternVL 1.0, InternVL chat models in the original and
 * in the Hugging Face layout, and their towers and language models alone.
 */
public final class TensorCatalog {
    private TensorCatalog() {}

    /**
     * @return the tensors in the order of the module tree
     * @throws dev.ocellus.loader.config.ConfigException if the architecture is unknown or a key is
     *     missing or wrong
     */
    public static List<TensorSpec> of(Json config) {
        TensorList list = new TensorList(dtype(config));
        switch (config.getString("model_type")) {
            case "internvl_chat" -> chat(list, config);
            case "internvl" -> {
                if (config.has("qllama_config")) {
                    QLlamaTensors.add(list, config);
                } else {
                    huggingFaceChat(list, config);
                }
            }
            case "intern_vit_6b" -> VisionTensors.internVit(list, config);
            case "internvl_vision" -> VisionTensors.huggingFaceInternVit(list, config);
            case "clip_vision_model" -> VisionTensors.clip(list.in("vision_model"), config);
            default -> LanguageTensors.add(list.in("model"), list, config);
        }
        return list.tensors();
    }

    private static void chat(TensorList list, Json config) {
        if (config.has("flash_mode")) {
            throw config.invalid(
                    "flash_mode", "be absent: the tensors of Flash are not listed here");
        }
        Json vision = config.getObject("vision_config");
        Json language = config.getObject("llm_config");
        VisionTensors.internVit(list.in("vision_model"), vision);
        LanguageTensors.add(
                list.in("language_model").in("model"), list.in("language_model"), language);
        long in = bridgeWidth(config, vision);
        long out = language.getPositive("hidden_size");
        TensorList bridge = list.in("mlp1");
        bridge.norm("0", in, true);
        bridge.linear("1", out, in, true);
        bridge.linear("3", out, out, true);
    }

    private static void huggingFaceChat(TensorList list, Json config) {
        Json vision = config.getObject("vision_config");
        Json language = config.getObject("text_config");
        TensorList model = list.in("model");
        VisionTensors.huggingFaceInternVit(model.in("vision_tower"), vision);
        long in = bridgeWidth(config, vision);
        long out = language.getPositive("hidden_size");
        TensorList bridge = model.in("multi_modal_projector");
        bridge.norm("layer_norm", in, true);
        bridge.linear("linear_1", out, in, true);
        bridge.linear("linear_2", out, out, true);
        LanguageTensors.add(model.in("language_model"), list, language);
    }

    /**
     * Channels after the pixels of a block of 1 / downsample_ratio squared are put side by side.
     */
    private static long bridgeWidth(Json config, Json vision) {
        long edge = Math.round(1 / config.getDouble("downsample_ratio", 0.5));
        return vision.getPositive("hidden_size") * edge * edge;
    }

    private static DType dtype(Json config) {
        String key = config.has("dtype") ? "dtype" : "torch_dtype";
        String name = config.getString(key, "bfloat16");
        return switch (name) {
            case "bfloat16" -> DType.BF16;
            case "float16" -> DType.F16;
            case "float32" -> DType.F32;
            default -> throw config.invalid(key, "be bfloat16, float16 or float32");
        };
    }
}
