package dev.ocellus.model;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.Weights;
import dev.ocellus.loader.config.ConfigException;
import dev.ocellus.loader.config.Json;

import java.util.stream.Stream;

/** Finds out what a checkpoint folder holds and describes its model; loads no weights. */
public final class Models {
    private Models() {}

    /** An InternVL chat model. */
    public static InternVl internVl(Checkpoint checkpoint) {
        Json json = checkpoint.config();
        if (!InternVlConfigs.matches(json)) {
            throw new ConfigException(
                    json.name("model_type")
                            + " is \""
                            + json.getString("model_type", "")
                            + "\"; chat needs internvl_chat or internvl");
        }
        InternVlConfig config = InternVlConfigs.read(json);
        Weights all = checkpoint.weights();
        if (!config.transformersLayout()) {
            return new InternVl(
                    config,
                    new InternVit(config.vision(), all.in("vision_model")),
                    language(
                            config.language(),
                            all.in("language_model.model"),
                            all.in("language_model")),
                    all.in("mlp1"));
        }
        // Older saves lack the leading "model." and keep the head under the language model.
        boolean older = all.has("language_model.model.embed_tokens.weight");
        Weights root = older ? all : all.in("model");
        return new InternVl(
                config,
                new InternVit(config.vision(), root.in("vision_tower")),
                older
                        ? language(
                                config.language(),
                                all.in("language_model.model"),
                                all.in("language_model"))
                        : language(config.language(), root.in("language_model"), all),
                root.in("multi_modal_projector"));
    }

    /** A language model on its own. */
    public static CausalLm language(Checkpoint checkpoint) {
        Weights all = checkpoint.weights();
        return language(DecoderConfigs.read(checkpoint.config(), false), all.in("model"), all);
    }

    private static CausalLm language(DecoderConfig config, Weights model, Weights top) {
        return switch (config.architecture()) {
            case "LlamaForCausalLM", "InternLM3ForCausalLM" -> new Llama(config, model, top);
            case "Qwen2ForCausalLM" -> new Qwen2(config, model, top);
            case "Qwen3ForCausalLM" -> new Qwen3(config, model, top);
            case "Phi3ForCausalLM" -> new Phi3(config, model, top);
            case "InternLM2ForCausalLM" -> new InternLm2(config, model, top);
            default ->
                    throw new IllegalStateException(
                            "no class for architecture " + config.architecture());
        };
    }

    /** A vision tower on its own, or that of a whole CLIP or InternVL chat checkpoint. */
    public static VisionTower vision(Checkpoint checkpoint) {
        Json json = checkpoint.config();
        Json vision = json.findObject("vision_config").orElse(json);
        VisionConfig config = VisionConfigs.read(vision, json.getString("model_type", ""));
        Weights all = checkpoint.weights();
        if (config.modelType().equals("clip_vision_model")) {
            return new ClipVision(config, all.in("vision_model"));
        }
        Weights tower =
                Stream.of("vision_model", "vision_tower", "model.vision_tower")
                        .map(all::in)
                        .filter(w -> !w.isEmpty())
                        .findFirst()
                        .orElse(all);
        return new InternVit(config, tower);
    }
}
