package dev.ocellus.model;

import dev.ocellus.kernels.Activation;
import dev.ocellus.loader.config.ConfigException;
import dev.ocellus.loader.config.Json;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads the language part of a {@code config.json}. A missing key takes the family's published
 * default.
 */
public final class DecoderConfigs {

    /** Published defaults of a family, used where a config lacks a key. */
    private record Family(
            String architecture,
            int vocabSize,
            int hiddenSize,
            int intermediateSize,
            int layers,
            int heads,
            int headDim,
            double eps,
            int maxPositions,
            boolean bias) {}

    private static final Map<String, Family> FAMILIES =
            new TreeMap<>(
                    Map.of(
                            "llama",
                            new Family(
                                    "LlamaForCausalLM",
                                    32000,
                                    4096,
                                    11008,
                                    32,
                                    32,
                                    0,
                                    1e-6,
                                    2048,
                                    false),
                            "qwen2",
                            new Family(
                                    "Qwen2ForCausalLM",
                                    151936,
                                    4096,
                                    22016,
                                    32,
                                    32,
                                    0,
                                    1e-6,
                                    32768,
                                    true),
                            "qwen3",
                            new Family(
                                    "Qwen3ForCausalLM",
                                    151936,
                                    4096,
                                    22016,
                                    32,
                                    32,
                                    128,
                                    1e-6,
                                    32768,
                                    false),
                            "internlm2",
                            new Family(
                                    "InternLM2ForCausalLM",
                                    103168,
                                    4096,
                                    11008,
                                    32,
                                    32,
                                    0,
                                    1e-6,
                                    2048,
                                    true),
                            "internlm3",
                            new Family(
                                    "InternLM3ForCausalLM",
                                    128512,
                                    4096,
                                    11008,
                                    32,
                                    32,
                                    0,
                                    1e-6,
                                    32768,
                                    false),
                            "phi3",
                            new Family(
                                    "Phi3ForCausalLM",
                                    32064,
                                    3072,
                                    8192,
                                    32,
                                    32,
                                    0,
                                    1e-5,
                                    4096,
                                    false)));

    private DecoderConfigs() {}

    /**
     * @param tiedByDefault what {@code tie_word_embeddings} is when the key is missing
     */
    public static DecoderConfig read(Json c, boolean tiedByDefault) {
        String type = family(c);
        Family f = FAMILIES.get(type);
        int hidden = c.getPositive("hidden_size", f.hiddenSize());
        int heads = c.getPositive("num_attention_heads", f.heads());
        int kvHeads = c.getPositive("num_key_value_heads", heads);
        c.check(heads % kvHeads == 0, "num_key_value_heads", "divide num_attention_heads " + heads);
        int headDim =
                c.getPositive(
                        "head_dim", f.headDim() > 0 ? f.headDim() : Math.max(hidden / heads, 1));
        c.check(
                c.has("head_dim") || f.headDim() > 0 || hidden % heads == 0,
                "hidden_size",
                "be a multiple of num_attention_heads " + heads);
        int maxPositions = c.getPositive("max_position_embeddings", f.maxPositions());
        Biases biases = biases(type, c, f);
        checkWindow(type, c, maxPositions);
        Json rope = c.findObject("rope_parameters").orElse(c);
        double partial =
                c.getDouble("partial_rotary_factor", rope.getDouble("partial_rotary_factor", 1));
        c.check(partial > 0 && partial <= 1, "partial_rotary_factor", "be over 0 and at most 1");
        return new DecoderConfig(
                f.architecture(),
                c.getPositive("vocab_size", f.vocabSize()),
                hidden,
                c.getPositive("intermediate_size", f.intermediateSize()),
                c.getPositive("num_hidden_layers", f.layers()),
                heads,
                kvHeads,
                headDim,
                c.getDouble("rms_norm_eps", f.eps()),
                activation(c, "hidden_act", "silu"),
                rope.getDouble("rope_theta", c.getDouble("rope_theta", 10000)),
                RopeScalings.read(c, maxPositions, (long) (headDim * partial)),
                partial,
                maxPositions,
                c.getBoolean("tie_word_embeddings", tiedByDefault),
                biases.attention(),
                biases.output(),
                biases.mlp());
    }

    private record Biases(boolean attention, boolean output, boolean mlp) {}

    private static Biases biases(String type, Json c, Family f) {
        return switch (type) {
            case "llama" -> {
                boolean attention = c.getBoolean("attention_bias", false);
                yield new Biases(attention, attention, c.getBoolean("mlp_bias", false));
            }
            case "internlm2" -> {
                boolean bias = c.getBoolean("bias", f.bias());
                yield new Biases(bias, bias, false);
            }
            case "internlm3" -> {
                boolean bias = c.getBoolean("bias", false);
                yield new Biases(c.getBoolean("qkv_bias", false), bias, bias);
            }
            case "qwen3" -> {
                boolean attention = c.getBoolean("attention_bias", false);
                yield new Biases(attention, attention, false);
            }
            default -> new Biases(f.bias(), false, false);
        };
    }

    /** Windows that never bite are ignored; one that does would change answers. */
    private static void checkWindow(String type, Json c, int maxPositions) {
        boolean used =
                switch (type) {
                    case "phi3" -> c.has("sliding_window");
                    case "qwen2", "qwen3" ->
                            c.getBoolean("use_sliding_window", false)
                                    && c.getInt("max_window_layers", Integer.MAX_VALUE)
                                            < c.getInt("num_hidden_layers", 32);
                    default -> false;
                };
        if (used && c.getInt("sliding_window", Integer.MAX_VALUE) < maxPositions) {
            throw c.invalid(
                    "sliding_window",
                    "be at least max_position_embeddings "
                            + maxPositions
                            + ": sliding windows are not supported");
        }
    }

    /** The family of a config: from its first architecture, else from its model type. */
    private static String family(Json c) {
        List<String> architectures = c.getStrings("architectures");
        String name =
                architectures.isEmpty() ? c.getString("model_type") : architectures.getFirst();
        for (Map.Entry<String, Family> e : FAMILIES.entrySet()) {
            String architecture = e.getValue().architecture();
            // Early LLaMA files differ in case; parts of chat models name the class without a head.
            if (name.equals(e.getKey())
                    || name.equalsIgnoreCase(architecture)
                    || name.equals(architecture.replace("ForCausalLM", "Model"))) {
                return e.getKey();
            }
        }
        throw new ConfigException(
                c.name(architectures.isEmpty() ? "model_type" : "architectures")
                        + " is \""
                        + name
                        + "\"; the language models known here are "
                        + String.join(
                                ", ",
                                FAMILIES.values().stream().map(Family::architecture).toList()));
    }

    static Activation activation(Json c, String key, String fallback) {
        String name = c.getString(key, fallback);
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "silu", "swish" -> Activation.SILU;
            case "gelu" -> Activation.GELU;
            case "quick_gelu" -> Activation.QUICK_GELU;
            case "gelu_new", "gelu_pytorch_tanh", "gelu_fast" -> Activation.GELU_TANH;
            case "relu" -> Activation.RELU;
            default -> throw c.invalid(key, "be silu, gelu, quick_gelu, gelu_pytorch_tanh or relu");
        };
    }
}
