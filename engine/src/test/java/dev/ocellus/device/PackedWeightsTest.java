package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.graph.Graph;
import dev.ocellus.graph.Value;
import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.loader.CheckpointException;
import dev.ocellus.loader.WeightTypes;
import dev.ocellus.loader.safetensors.RowLookUp;
import dev.ocellus.loader.safetensors.SafetensorsException;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.plan.Packing;
import dev.ocellus.plan.PlanOptions;
import dev.ocellus.quantize.QuantizationReport;
import dev.ocellus.quantize.Quantizer;
import dev.ocellus.tensor.DType;
import dev.ocellus.testing.SafetensorsWriter;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.function.Function;

/** Weights that are stored in panels give what the original gives when it is packed. */
class PackedWeightsTest {
    private static final int COLS = 70;

    /** Parts that keep panels together, and parts that don't. */
    private static final List<Function<Checkpoint, Packing>> PARTS =
            List.of(
                    c -> new Packing.Matrix(matrix(c, "a")),
                    c -> new Packing.Matrix(matrix(c, "c").rows(16, 32)),
                    c -> new Packing.Matrix(matrix(c, "c").rows(16, 20)),
                    c -> new Packing.Matrix(matrix(c, "a").rows(3, 20)),
                    c -> new Packing.Matrix(matrix(c, "a").rows(32, 5)),
                    c ->
                            new Packing.Matrix(
                                    Weight.concat(
                                            "whole",
                                            List.of(
                                                    matrix(c, "c").rows(32, 16),
                                                    matrix(c, "c").rows(0, 16),
                                                    matrix(c, "a")))),
                    c ->
                            new Packing.Matrix(
                                    Weight.concat(
                                            "odd",
                                            List.of(matrix(c, "a"), matrix(c, "b").rows(5, 10)))),
                    c -> new Packing.GatedMatrix(matrix(c, "a"), matrix(c, "b")),
                    c ->
                            new Packing.GatedMatrix(
                                    matrix(c, "c").rows(0, 24), matrix(c, "c").rows(24, 24)));

    @TempDir private Path folder;
    private Path original;
    private Path packed;

    @BeforeEach
    void write() throws IOException {
        Random random = new Random(5);
        original = Files.createDirectories(folder.resolve("original"));
        packed = folder.resolve("packed");
        new SafetensorsWriter()
                .random("norm", DType.BF16, random, 1, 0.1, 9)
                .random("a", DType.BF16, random, 0, 1, 37, COLS)
                .random("b", DType.BF16, random, 0, 1, 37, COLS)
                .random("c", DType.BF16, random, 0, 1, 48, COLS)
                .write(original.resolve("model.safetensors"));
    }

    private QuantizationReport quantize(DType type) {
        return Quantizer.write(
                original, packed, new Quantizer.Options(WeightTypes.of(type), 10_000), null);
    }

    private static Weight matrix(Checkpoint c, String name) {
        return Weight.matrix(c.weights().get(name));
    }

    /** All rows of a packed matrix, those that fill up panels left out. */
    private static float[] values(WeightStore store, Packing p) {
        Weight w;
        DType type;
        long rows;
        switch (p) {
            case Packing.Matrix m -> {
                w = m.weight();
                type = m.type();
                rows = w.rows();
            }
            case Packing.GatedMatrix g -> {
                w = g.gate();
                type = g.type();
                rows = (2 * Panels.count(w.rows()) - 1) * Panels.ROWS;
            }
            default -> throw new IllegalArgumentException(p.label());
        }
        MemorySegment panels = MemorySegment.ofAddress(store.address(p)).reinterpret(p.bytes());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(rows * w.cols() * 4, 64);
            RowLookUp.packed(KernelProviders.get(), panels, type, 0, rows, w.cols(), out);
            return out.toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8", "Q4", "F8", "BF16", "F32"})
    void partsAreThoseOfTheOriginal(DType type) {
        quantize(type);
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(3));
                WeightStore store = device.newWeightStore();
                Checkpoint plain = Checkpoint.open(original, WeightTypes.of(type));
                Checkpoint stored = Checkpoint.open(packed)) {
            for (Function<Checkpoint, Packing> part : PARTS) {
                Packing wanted = part.apply(plain);
                assertThat(values(store, part.apply(stored)))
                        .as(wanted.label())
                        .isEqualTo(values(store, wanted));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8", "Q4", "F8", "BF16"})
    void packedMatricesCanBeVectorsToo(DType type) {
        quantize(type);
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(1));
                WeightStore store = device.newWeightStore();
                Checkpoint stored = Checkpoint.open(packed)) {
            Weight b = Weight.vector(stored.weights().get("b"));
            long address = store.address(new Packing.Vector(b.rows(75, 100)));

            float[] all = values(store, new Packing.Matrix(matrix(stored, "b")));
            assertThat(
                            MemorySegment.ofAddress(address)
                                    .reinterpret(400)
                                    .toArray(ValueLayout.JAVA_FLOAT))
                    .isEqualTo(java.util.Arrays.copyOfRange(all, 75, 175));
        }
    }

    @Test
    void theCopyIsDescribedAsWhatItIs() {
        QuantizationReport report = quantize(DType.Q8);

        try (Checkpoint stored = Checkpoint.open(packed)) {
            StoredTensor a = stored.weights().get("a");
            assertThat(a.dtype()).isEqualTo(DType.Q8);
            assertThat(a.shape().toArray()).containsExactly(37, COLS);
            assertThat(a.byteSize()).isEqualTo(Panels.bytes(DType.Q8, 37, COLS));
            assertThat(a.isPanels()).isTrue();
            assertThat(stored.weights().get("norm").dtype()).isEqualTo(DType.BF16);
            assertThat(stored.files()).as("shards").hasSizeGreaterThan(1);
            assertThat(stored.byteSize()).isEqualTo(report.bytesAfter());
        }
        assertThat(report.matrices())
                .extracting(QuantizationReport.Matrix::name)
                .containsExactly("a", "b", "c");
        assertThat(report.worst(2)).hasSize(2);
        assertThat(report.worst(1).getFirst().error()).isBetween(2e-3, 1e-2);
    }

    @Test
    void theErrorOfF8IsThatOfItsThreeBits() {
        QuantizationReport report = quantize(DType.F8);

        assertThat(report.worst(1).getFirst().error()).isBetween(2e-2, 3.5e-2);
    }

    @Test
    void theProcessorDoesNotMultiplyF8() {
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(1));
                Checkpoint plain = Checkpoint.open(original, WeightTypes.of(DType.F8))) {
            Graph graph = new Graph("linear");
            Value x = graph.input("x", DType.F32, null, 1, COLS);
            graph.output("y", graph.linear(x, matrix(plain, "a")));
            PlanOptions options = new PlanOptions(ComputeType.F32);
            assertThatThrownBy(() -> device.plan(graph, options))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContainingAll("f8", "a", "--device cuda", "--weights q8");
        }
    }

    @Test
    void whatATypeCannotHoldIsRefusedAndNothingStays() {
        new SafetensorsWriter()
                .floats("huge", DType.F32, new float[] {1, 1e9f, 3, 4}, 2, 2)
                .write(original.resolve("model.safetensors"));

        assertThatThrownBy(() -> quantize(DType.Q8))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(
                        "'huge' has elements that are not finite or too large for q8");
        assertThat(packed).doesNotExist();
    }

    @Test
    void aCutFileIsATypedError() throws IOException {
        Quantizer.write(original, packed, Quantizer.Options.DEFAULT, null);
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(2));
                WeightStore store = device.newWeightStore();
                Checkpoint stored = Checkpoint.open(packed)) {
            try (RandomAccessFile file =
                    new RandomAccessFile(stored.files().getFirst().toFile(), "rw")) {
                file.setLength(file.length() / 2);
            }
            assertThatThrownBy(() -> store.address(new Packing.Matrix(matrix(stored, "c"))))
                    .isInstanceOf(SafetensorsException.class)
                    .hasMessageContaining("the file was cut");
            assertThat(store.bytes()).isZero();
        }
    }
}
