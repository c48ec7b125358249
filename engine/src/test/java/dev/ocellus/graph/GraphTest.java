package dev.ocellus.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.SampleOptions;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;
import dev.ocellus.testing.SafetensorsWriter;
import dev.ocellus.testing.TestTensors;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.nio.file.Path;
import java.util.List;
import java.util.Random;

class GraphTest {
    private static final Count ROWS = new Count("rows", 6);
    private static final Count IMAGES = new Count("images", 3);

    private static TestTensors tensors;

    private final Graph g = new Graph("test");
    private final Value x = g.input("x", DType.F32, ROWS, 6, 8);
    private final Value ids = g.input("ids", DType.I32, ROWS, 6);

    @BeforeAll
    static void write(@TempDir Path folder) {
        Random random = new Random(1);
        tensors =
                new TestTensors(
                        new SafetensorsWriter()
                                .random("m.12x8", DType.F32, random, 0, 1, 12, 8)
                                .random("m.4x8", DType.F32, random, 0, 1, 4, 8)
                                .random("m.5x8", DType.F32, random, 0, 1, 5, 8)
                                .random("m.6x8", DType.F32, random, 0, 1, 6, 8)
                                .random("v.4", DType.F32, random, 0, 1, 4)
                                .random("v.8", DType.F32, random, 0, 1, 8)
                                .random("v.12", DType.F32, random, 0, 1, 12)
                                .write(folder.resolve("graph.safetensors")));
    }

    @AfterAll
    static void close() {
        tensors.close();
    }

    private static Weight m(String size) {
        return tensors.matrix("m." + size);
    }

    private static Weight v(int size) {
        return tensors.vector("v." + size);
    }

    private static void refuses(ThrowingCallable call, String... parts) {
        assertThatThrownBy(call)
                .isInstanceOf(GraphException.class)
                .message()
                .contains("graph test")
                .contains(parts);
    }

    private CacheState cache(long kvHeads, long headDim) {
        return new CacheState(
                new CacheShape(2, kvHeads, headDim, 4, DType.F32),
                g.input("sequence", DType.I32, ROWS, 6),
                g.input("slot", DType.I32, ROWS, 6),
                g.input("pages", DType.I64, null, 2, 5));
    }

    @Test
    void aLinearLayerNamesWeightAndInput() {
        Value y = g.linear(x, m("12x8"));
        g.scope("layers.3");
        refuses(() -> g.linear(y, m("4x8")), "layers.3, linear", "m.4x8 [4, 8]", y.shape() + "");
        refuses(() -> g.linear(x, m("12x8"), v(8)), "linear", "v.8 [8]", "m.12x8 [12, 8]");
    }

    @Test
    void normsAndScalesNameWeightAndInput() {
        refuses(() -> g.rmsNorm(x, v(12), 1e-6), "rmsNorm", "v.12 [12]", "[6, 8]");
        refuses(() -> g.rmsNorm(x, v(4), 1e-6, 3), "rmsNorm", "v.4 [4]", "3 groups", "[6, 8]");
        refuses(() -> g.layerNorm(x, v(12), v(8), 1e-6), "layerNorm", "v.12 [12]", "[6, 8]");
        refuses(() -> g.layerNorm(x, v(8), v(12), 1e-6), "layerNorm", "v.12 [12]", "[6, 8]");
        refuses(() -> g.scale(x, v(4)), "scale", "v.4 [4]", "[6, 8]");
    }

    @Test
    void operandsOfPointwiseOperationsMustAgree() {
        Value wide = g.linear(x, m("12x8"));
        refuses(() -> g.add(x, wide), "add", "[6, 8]", "[6, 12]");
        refuses(
                () -> g.gatedActivate(wide, x, Activation.SILU),
                "gatedActivate",
                "[6, 12]",
                "[6, 8]");
    }

    @Test
    void operandsOfOtherCountsDoNotMix() {
        Value full = g.input("full", DType.F32, null, 6, 8);
        refuses(() -> g.add(x, full), "add", "counts", "rows");
        refuses(() -> g.gatedActivate(full, x, Activation.SILU), "gatedActivate", "counts");
    }

    @Test
    void numbersOfOtherTypesAreNotTakenForFloats() {
        Value table = g.input("table", DType.I32, ROWS, 6, 8);
        refuses(() -> g.linear(table, m("12x8")), "linear", "%2[6, 8]", "float32");
        refuses(() -> g.activate(table, Activation.RELU), "activate", "float32");
        refuses(() -> g.add(table, table), "add", "float32");
        refuses(() -> g.embedding(x, m("12x8"), false), "embedding", "int32", "f32");
        Value vector = g.input("vector", DType.F32, ROWS, 6);
        refuses(() -> g.activate(vector, Activation.RELU), "activate", "two dimensions");
    }

    @Test
    void ropeNeedsATableOfItsRows() {
        Value inverse = g.input("inverse", DType.F32, null, 2, 2);
        Value scale = g.input("scale", DType.F32, null, 2);
        Value three = g.input("three", DType.F32, null, 3);
        Value other = g.input("other", DType.I32, null, 5);
        refuses(() -> g.ropeTable(x, ids, inverse, scale), "ropeTable", "position", "int32");
        refuses(() -> g.ropeTable(ids, other, inverse, scale), "ropeTable", "sequence", "6 elem");
        refuses(() -> g.ropeTable(ids, ids, inverse, three), "ropeTable", "[2, 2]", "[3]");
        Value table = g.ropeTable(ids, ids, inverse, scale);
        assertThat(table.shape()).isEqualTo(Shape.of(6, 4));
        assertThat(table.count()).isEqualTo(ROWS);
        assertThat(g.rope(x, table, 2).shape()).isEqualTo(x.shape());
        refuses(() -> g.rope(x, table, 3), "rope", "3 heads", "[6, 8]");
        refuses(() -> g.rope(x, table, 0), "rope", "0 heads", "[6, 8]");
        refuses(() -> g.rope(x, table, 4), "rope", "[6, 4]", "a head of 2");
        refuses(() -> g.rope(x, x, 2), "rope", "no table", "[6, 8]");
        Value longer = g.ropeTable(other, other, inverse, scale);
        refuses(() -> g.rope(x, longer, 2), "rope", "[5, 4]", "[6, 8]");
    }

    @Test
    void cachedAttentionChecksWidthsRowsAndOrder() {
        CacheState cache = cache(1, 4);
        Value k = g.linear(x, m("4x8"));
        Value appended = g.kvAppend(k, k, cache, 0);
        assertThat(g.pagedAttention(x, appended, cache, 0, 2, 0.5, 0).shape()).isEqualTo(x.shape());
        refuses(() -> g.kvAppend(x, x, cache, 0), "kvAppend", "[6, 8]", "4 values a token");
        refuses(() -> g.kvAppend(k, k, cache, 2), "kvAppend", "layer 2", "2 layers");
        refuses(
                () -> g.pagedAttention(x, appended, cache, 1, 2, 0.5, 0),
                "pagedAttention",
                "layer 1");
        refuses(
                () -> g.pagedAttention(x, k, cache, 0, 2, 0.5, 0),
                "pagedAttention",
                "not the state");
        refuses(
                () -> g.pagedAttention(x, appended, cache, 0, 4, 0.5, 0),
                "pagedAttention",
                "4 query heads",
                "[6, 8]",
                "1 heads of 4");
        refuses(() -> g.activate(appended, Activation.RELU), "activate", "cache state");
        refuses(() -> g.output("appended", appended), "appended", "cache state");
        Value short5 = g.input("short", DType.I32, null, 5);
        CacheState wrong = new CacheState(cache.shape(), short5, cache.slot(), cache.pages());
        refuses(() -> g.kvAppend(k, k, wrong, 0), "kvAppend", "sequence", "[5]", "6 elements");
    }

    @Test
    void attentionChecksHeadsAndSegments() {
        Value q = g.input("q", DType.F32, IMAGES, 3, 5, 8);
        Value k = g.input("k", DType.F32, IMAGES, 3, 7, 4);
        Value few = g.input("few", DType.F32, null, 2, 7, 4);
        Value out = g.attention(q, k, k, 2, 1, 0.5);
        assertThat(out.shape()).isEqualTo(q.shape());
        assertThat(out.count()).isEqualTo(IMAGES);
        refuses(() -> g.attention(q, k, k, 3, 1, 0.5), "attention", "3 heads", "[3, 5, 8]");
        refuses(() -> g.attention(q, k, k, 2, 0, 0.5), "attention", "2 heads over 0");
        refuses(() -> g.attention(q, k, q, 2, 1, 0.5), "attention", "[3, 7, 4]", "[3, 5, 8]");
        refuses(() -> g.attention(q, few, few, 2, 1, 0.5), "attention", "counts");
        refuses(() -> g.attention(x, x, x, 2, 2, 0.5), "attention", "[6, 8]");
    }

    @Test
    void rowsAreChosenByAnIntegerIndex() {
        Value wide = g.linear(x, m("12x8"));
        Value two = g.input("two", DType.I32, null, 2);
        Value all = g.selectRows(x, x, ids);
        assertThat(all.shape()).isEqualTo(x.shape());
        Value some = g.selectRows(wide, two);
        assertThat(some.shape()).isEqualTo(Shape.of(2, 12));
        assertThat(some.count()).isNull();
        refuses(() -> g.selectRows(x, wide, ids), "selectRows", "[6, 8]", "[6, 12]");
        refuses(() -> g.selectRows(x, x, two), "selectRows", "[6, 8]", "[2]");
        refuses(() -> g.selectRows(x, x), "selectRows", "index", "int32");
    }

    @Test
    void tokensAreChosenByOptionsForEachRow() {
        Value options = g.input("options", DType.I64, ROWS, 6, SampleOptions.FIELDS);
        Value tokens = g.sample(x, options);
        assertThat(tokens.shape()).isEqualTo(Shape.of(6));
        assertThat(tokens.dtype()).isEqualTo(DType.I32);
        assertThat(tokens.count()).isEqualTo(ROWS);
        Value few = g.input("few", DType.I64, null, 2, SampleOptions.FIELDS);
        refuses(() -> g.sample(x, few), "sample", "[2, 9]", "[6, 8]");
        refuses(() -> g.sample(x, x), "sample", "options", "i64");
    }

    @Test
    void imagesAreCutAndAssembled() {
        Value pixels = g.input("pixels", DType.F32, IMAGES, 3, 2, 4, 8);
        Value patches = g.patchify(pixels, 2);
        assertThat(patches.shape()).isEqualTo(Shape.of(3, 8, 8));
        assertThat(patches.count()).isEqualTo(IMAGES);
        assertThat(patches.rowsPerEntry()).isEqualTo(8);
        assertThat(g.patchify(pixels, 3).shape()).isEqualTo(Shape.of(3, 2, 18));
        refuses(() -> g.patchify(pixels, 5), "patchify", "[3, 2, 4, 8]", "patches of 5");
        refuses(() -> g.patchify(pixels, 0), "patchify", "patches of 0");
        refuses(() -> g.patchify(x, 2), "patchify", "[6, 8]");
        Value tokens = g.assembleTokens(patches, v(8), m("5x8"), 2, 4);
        assertThat(tokens.shape()).isEqualTo(Shape.of(3, 9, 8));
        refuses(
                () -> g.assembleTokens(patches, v(4), m("5x8"), 2, 4),
                "assembleTokens",
                "v.4 [4]",
                "[3, 8, 8]");
        refuses(
                () -> g.assembleTokens(patches, v(8), m("5x8"), 2, 3),
                "assembleTokens",
                "m.5x8 [5, 8]",
                "[3, 8, 8]");
        refuses(
                () -> g.assembleTokens(patches, v(8), m("6x8"), 2, 4),
                "assembleTokens",
                "m.6x8 [6, 8]",
                "square");
        Value merged = g.pixelUnshuffle(tokens, 1, 2, 4, 2, false);
        assertThat(merged.shape()).isEqualTo(Shape.of(3, 2, 32));
        refuses(
                () -> g.pixelUnshuffle(tokens, 1, 2, 4, 3, false),
                "pixelUnshuffle",
                "2 x 4",
                "blocks of 3",
                "[3, 9, 8]");
        refuses(() -> g.pixelUnshuffle(tokens, 0, 2, 4, 2, false), "pixelUnshuffle", "[3, 9, 8]");
        refuses(() -> g.pixelUnshuffle(tokens, 1, 2, 4, 2, true), "transposed", "square");
    }

    @Test
    void countsAreHandedOnByOperationsOnRows() {
        Value h = g.embedding(ids, m("12x8"), false);
        for (Value made :
                List.of(
                        h,
                        g.linear(h, m("12x8")),
                        g.rmsNorm(h, v(8), 1e-6),
                        g.rmsNorm(h, v(4), 1e-6, 2),
                        g.layerNorm(h, v(8), null, 1e-6),
                        g.add(h, x),
                        g.scale(h, v(8)),
                        g.activate(h, Activation.GELU),
                        g.gatedActivate(h, x, Activation.SILU),
                        g.selectRows(h, x, ids),
                        g.selectRows(h, ids))) {
            assertThat(made.count()).as(made.node().toString()).isEqualTo(ROWS);
            assertThat(made.dtype()).isEqualTo(DType.F32);
        }
    }

    @Test
    void inputsAreCheckedAndNamedOnce() {
        refuses(() -> g.input("x", DType.F32, ROWS, 6, 8), "input x", "already");
        refuses(() -> g.input("y", DType.F32, ROWS, 5, 8), "input y", "[5, 8]", "capacity=6");
        refuses(() -> g.input("y", DType.F32, null), "input y", "[]");
        refuses(() -> g.input("y", DType.F32, null, 0, 3), "input y", "[0, 3]");
        assertThat(g.inputs()).containsOnlyKeys("x", "ids");
        assertThatThrownBy(() -> new Count("rows", 0))
                .isInstanceOf(GraphException.class)
                .hasMessageContaining("count rows has capacity 0");
    }

    @Test
    void outputsAreNamedOnce() {
        g.output("x", x);
        refuses(() -> g.output("x", ids), "two outputs named x");
        assertThat(g.outputs()).containsEntry("x", x);
    }

    @Test
    void someOutputsAreOptional() {
        g.output("x", x);
        g.optionalOutput("y", g.add(x, x));
        assertThat(g.outputs()).containsOnlyKeys("x", "y");
        assertThat(g.isOptional("x")).isFalse();
        assertThat(g.isOptional("y")).isTrue();
        refuses(() -> g.optionalOutput("x", x), "two outputs named x");
    }

    @Test
    void weightsKnowTheirRows() {
        Weight all = m("12x8");
        Weight parts = Weight.concat("parts", List.of(all.rows(2, 3), all.rows(0, 1)));
        assertThat(parts.rows()).isEqualTo(4);
        assertThat(parts.rows(2, 2))
                .isEqualTo(Weight.concat("other", List.of(all.rows(4, 1), all.rows(0, 1))));
        assertThat(parts.rows(0, 3)).isEqualTo(all.rows(2, 3)).hasSameHashCodeAs(all.rows(2, 3));
        assertThatThrownBy(() -> all.rows(10, 3))
                .isInstanceOf(GraphException.class)
                .hasMessageContaining("m.12x8 has 12 rows; rows 10 to 13");
        assertThatThrownBy(() -> Weight.concat("odd", List.of(all, v(8))))
                .isInstanceOf(GraphException.class)
                .hasMessageContaining("m.12x8 and v.8 have rows of 8 and 1");
        assertThatThrownBy(() -> Weight.matrix(tensors.get("m.12x8"), 7))
                .isInstanceOf(GraphException.class)
                .hasMessageContaining("m.12x8 [12, 8] can't be cut into 7 rows");
    }

    @Test
    void aGraphDescribesItself() {
        g.scope("mlp");
        g.output("y", g.linear(x, m("12x8")));
        assertThat(g.describe()).contains("%2 = linear[%0[6, 8]] @mlp -> [6, 12]", "output y = %2");
    }
}
