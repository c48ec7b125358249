package dev.ocellus.graph;

import dev.ocellus.kernels.Activation;

/**
 * The operations of a graph: attributes only. Inputs are listed in the order in which the node has
 * them; all are float32 unless said. Formulas are those of the kernels of the same name in {@code
 * dev.ocellus.kernels.KernelCall}.
 */
public sealed interface Op {

    /** What the operation is called in drawings and tables. */
    default String name() {
        String s = getClass().getSimpleName();
        return Character.toLowerCase(s.charAt(0)) + s.substring(1);
    }

    /** A tensor given from outside at each run. */
    record Input(String label) implements Op {
        @Override
        public String name() {
            return "input " + label;
        }
    }

    /**
     * ids (int32 [rows]) to rows of the table [vocabulary, hidden]; a tied table is also the output
     * head's weight.
     */
    record Embedding(Weight table, boolean tied) implements Op {}

    /** x [.., k] times the transpose of weight [n, k], plus bias [n] (may be null). */
    record Linear(Weight weight, Weight bias) implements Op {}

    /**
     * Root mean square normalisation of each of {@code groups} equal spans of a row; weight [cols /
     * groups].
     */
    record RmsNorm(Weight weight, double eps, long groups) implements Op {}

    /** Layer normalisation; bias may be null. */
    record LayerNorm(Weight weight, Weight bias, double eps) implements Op {}

    /** a + b. */
    record Add() implements Op {}

    /** x times a weight for each column (layer scale). */
    record Scale(Weight weight) implements Op {}

    record Activate(Activation activation) implements Op {}

    /** act(gate) * up. */
    record GatedActivate(Activation activation) implements Op {}

    /**
     * Inputs: position int32 [rows], sequence int32 [rows], inverse frequencies [sequences, half],
     * scale [sequences].
     */
    record RopeTable(long half) implements Op {}

    /** Inputs: x, table of {@link RopeTable}. */
    record Rope(long heads, long headDim, long half) implements Op {}

    /**
     * Inputs: keys, values, sequence int32, slot int32, pages int64 [sequences, maxPages]. Writes
     * the cache; its value stands for the cache after that and has no data.
     */
    record KvAppend(int layer, CacheShape cache) implements Op {}

    /**
     * Inputs: q, keys as given by {@link KvAppend} (for the order of events), sequence, slot,
     * pages. With {@code window} above 0 a row attends to the last {@code window} slots only.
     */
    record PagedAttention(int layer, long heads, CacheShape cache, double scale, long window)
            implements Op {}

    /**
     * Inputs: q, k, v, each [segments, length, heads * headDim]; full attention inside a segment.
     */
    record Attention(long heads, long kvHeads, long headDim, double scale) implements Op {}

    /**
     * Inputs: x, y, index int32 [rows]: row r is y[index[r]], or x[r] where the index is negative.
     * With one value input x is absent.
     */
    record SelectRows() implements Op {}

    /**
     * Convolution of x [images, height, width, channels]: each output is the product of a patch and
     * a filter of weight [n, channels * kernel height * kernel width], as stored (channel, ky, kx),
     * plus bias [n] (may be null).
     */
    record Conv2d(Weight weight, Weight bias, ConvWindow window) implements Op {}

    /**
     * Normalisation of x [images, .., channels] over all pixels of an image and each of {@code
     * groups} equal spans of channels; weight and bias [channels].
     */
    record GroupNorm(Weight weight, Weight bias, long groups, double eps) implements Op {}

    /** pixels [images, channels, height, width] to [images, patches, channels * patch * patch]. */
    record Patchify(long patch) implements Op {}

    /**
     * Class token in front of the patch embeddings of a grid [height, width], position embedding
     * added. The position table [1 + g^2, d] is resized to the grid where that differs from g x g
     * (bicubic, a = -0.75, no antialias).
     */
    record AssembleTokens(Weight cls, Weight position, long height, long width) implements Op {}

    /**
     * Inputs: logits [rows, vocabulary], options int64 [rows, {@link
     * dev.ocellus.kernels.SampleOptions#FIELDS}] with the bits of the fields. Its value is int32
     * [rows]: the tokens that follow. For devices that choose tokens.
     */
    record Sample() implements Op {}

    /** Pixel unshuffle of a token grid, leading {@code skip} tokens left out. */
    record PixelUnshuffle(long skip, long height, long width, long block, boolean transposed)
            implements Op {}
}
