package dev.ocellus.bench.gguf;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.CheckpointException;
import dev.ocellus.loader.Weights;
import dev.ocellus.loader.tokenizer.Tokenizer;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.DecoderConfig;
import dev.ocellus.model.Models;
import dev.ocellus.model.RopeFrequencies;
import dev.ocellus.model.RopeScaling;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The twin of a LLaMA checkpoint: the same weights in one GGUF file. Rows of query and key matrices
 * change places, since GGUF's rotary embedding turns neighbours where the checkpoint's turns halves
 * of a head.
 */
public final class LlamaTwin {
    private static final int NORMAL_TOKEN = 1;
    private static final int CONTROL_TOKEN = 3;
    private static final int UNUSED_TOKEN = 5;

    private final Checkpoint checkpoint;
    private final DecoderConfig config;
    private final GgufType type;
    private final GgufWriter writer = new GgufWriter();

    private LlamaTwin(Checkpoint checkpoint, GgufType type) {
        this.checkpoint = checkpoint;
        this.type = type;
        CausalLm model = Models.language(checkpoint);
        config = model.config();
        if (!config.architecture().equals("LlamaForCausalLM")
                || config.attentionBias()
                || config.mlpBias()) {
            throw new CheckpointException(
                    checkpoint.folder()
                            + ": only a LLaMA model without biases has a twin, this is "
                            + config.architecture());
        }
    }

    /**
     * Writes the twin.
     *
     * @param folder of a LLaMA checkpoint
     * @param type of the matrices; with Q4_0, embedding and head are Q8_0, as in this project's own
     *     quantised models
     * @throws CheckpointException if the model is of another kind
     */
    public static void write(Path folder, GgufType type, Path file) throws IOException {
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            LlamaTwin twin = new LlamaTwin(checkpoint, type);
            twin.metadata();
            twin.tokenizer(Tokenizer.load(folder));
            twin.tensors();
            twin.writer.write(file);
        }
    }

    private void metadata() {
        writer.put("general.architecture", "llama");
        writer.put("general.name", checkpoint.folder().getFileName() + " as " + type);
        writer.put("general.quantization_version", 2);
        writer.put("general.alignment", GgufWriter.ALIGNMENT);
        writer.put("llama.block_count", config.numHiddenLayers());
        writer.put("llama.context_length", config.maxPositionEmbeddings());
        writer.put("llama.embedding_length", config.hiddenSize());
        writer.put("llama.feed_forward_length", config.intermediateSize());
        writer.put("llama.attention.head_count", config.numAttentionHeads());
        writer.put("llama.attention.head_count_kv", config.numKeyValueHeads());
        writer.put("llama.attention.key_length", config.headDim());
        writer.put("llama.attention.value_length", config.headDim());
        writer.put("llama.attention.layer_norm_rms_epsilon", (float) config.rmsNormEps());
        writer.put("llama.rope.dimension_count", config.rotaryDim());
        writer.put("llama.rope.freq_base", (float) config.ropeTheta());
        writer.put("llama.vocab_size", config.vocabSize());
    }

    /** Tokens by their spelling; without merges, since nothing is tokenized in a measurement. */
    private void tokenizer(Tokenizer tokenizer) {
        int size = Math.toIntExact(config.vocabSize());
        List<String> tokens = new ArrayList<>();
        int[] types = new int[size];
        for (int i = 0; i < size; i++) {
            String token = tokenizer.token(i).orElse(null);
            types[i] =
                    token == null
                            ? UNUSED_TOKEN
                            : tokenizer.isSpecial(i) ? CONTROL_TOKEN : NORMAL_TOKEN;
            tokens.add(token == null ? "[unused" + i + "]" : token);
        }
        writer.put("tokenizer.ggml.model", "gpt2");
        writer.put("tokenizer.ggml.pre", "llama-bpe");
        writer.putStrings("tokenizer.ggml.tokens", tokens);
        writer.putInts("tokenizer.ggml.token_type", IntStream.of(types), size);
        writer.putStrings("tokenizer.ggml.merges", List.of());
        int end = tokenizer.eosToken().map(t -> tokenizer.id(t).orElse(0)).orElse(0);
        int begin = tokenizer.bosToken().map(t -> tokenizer.id(t).orElse(end)).orElse(end);
        writer.put("tokenizer.ggml.bos_token_id", begin);
        writer.put("tokenizer.ggml.eos_token_id", end);
    }

    private void tensors() {
        Weights all = checkpoint.weights();
        Weights model = all.in("model");
        GgufType vocabulary = type == GgufType.Q4_0 ? GgufType.Q8_0 : type;
        matrix(model, "embed_tokens.weight", "token_embd.weight", vocabulary);
        vector(model, "norm.weight", "output_norm.weight");
        if (all.has("lm_head.weight")) {
            matrix(all, "lm_head.weight", "output.weight", vocabulary);
        }
        ropeFactors();
        for (int i = 0; i < config.numHiddenLayers(); i++) {
            Weights layer = model.in("layers." + i);
            String block = "blk." + i + ".";
            vector(layer, "input_layernorm.weight", block + "attn_norm.weight");
            rotated(layer, "q_proj", block + "attn_q.weight");
            rotated(layer, "k_proj", block + "attn_k.weight");
            matrix(layer, "self_attn.v_proj.weight", block + "attn_v.weight", type);
            matrix(layer, "self_attn.o_proj.weight", block + "attn_output.weight", type);
            vector(layer, "post_attention_layernorm.weight", block + "ffn_norm.weight");
            matrix(layer, "mlp.gate_proj.weight", block + "ffn_gate.weight", type);
            matrix(layer, "mlp.up_proj.weight", block + "ffn_up.weight", type);
            matrix(layer, "mlp.down_proj.weight", block + "ffn_down.weight", type);
        }
    }

    private void matrix(Weights scope, String name, String twin, GgufType as) {
        long[] shape = shape(scope, name);
        writer.matrix(twin, as, shape[0], shape[1], new StoredRows(scope.get(name)));
    }

    private void vector(Weights scope, String name, String twin) {
        writer.vector(twin, shape(scope, name)[0], new StoredRows(scope.get(name)));
    }

    private static long[] shape(Weights scope, String name) {
        return scope.get(name).shape().toArray();
    }

    private void rotated(Weights layer, String projection, String twin) {
        String name = "self_attn." + projection + ".weight";
        long[] shape = shape(layer, name);
        StoredRows rows = new StoredRows(layer.get(name));
        long headDim = config.headDim();
        writer.matrix(
                twin,
                type,
                shape[0],
                shape[1],
                (index, row) -> rows.read(rotatedRow(index, headDim), row));
    }

    /** The stored row that becomes this one: pair j of a head are its values j and j + half. */
    static long rotatedRow(long row, long headDim) {
        long within = row % headDim;
        return row - within + within % 2 * (headDim / 2) + within / 2;
    }

    /** What the scaling of a long context divides each frequency by. */
    private void ropeFactors() {
        if (config.ropeScaling() instanceof RopeScaling.Plain) {
            return;
        }
        long length = config.maxPositionEmbeddings();
        RopeFrequencies scaled = config.frequencies(length, length);
        RopeFrequencies plain =
                RopeFrequencies.of(
                        new RopeScaling.Plain(),
                        config.ropeTheta(),
                        config.rotaryDim(),
                        length,
                        length,
                        length);
        writer.vector(
                "rope_freqs.weight",
                plain.half(),
                (index, row) -> {
                    for (int j = 0; j < row.length; j++) {
                        row[j] = plain.inverse(j) / scaled.inverse(j);
                    }
                });
    }
}
