package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.plan.Packing;
import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;
import dev.ocellus.tensor.Tensor;
import dev.ocellus.testing.SafetensorsWriter;
import dev.ocellus.testing.TestTensors;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

class CpuWeightStoreTest {
    private static final int ROWS = 37;
    private static final int COLS = 5;
    private static final List<DType> STORED =
            Stream.of(DType.values()).filter(type -> !type.isBlock()).toList();

    private static TestTensors tensors;

    @BeforeAll
    static void write(@TempDir Path folder) {
        Random random = new Random(3);
        SafetensorsWriter w = new SafetensorsWriter();
        for (DType type : STORED) {
            // An odd byte in front, so that no tensor is aligned.
            w.bytes("odd." + type, DType.U8, new byte[] {1}, 1);
            w.bytes("m." + type, type, bytes(type, random), ROWS, COLS);
        }
        w.random("up", DType.BF16, random, 0, 1, ROWS, COLS);
        w.random("positions", DType.F16, random, 0, 1, 1, 5, 3);
        tensors = new TestTensors(w.write(folder.resolve("store.safetensors")));
    }

    /** Any bytes are numbers, but for exponents of infinities and NaN. */
    private static byte[] bytes(DType type, Random random) {
        byte[] b = new byte[(int) type.byteSize(ROWS * COLS)];
        random.nextBytes(b);
        int size = type.byteSize();
        for (int i = size - 1; type.isFloat() && i < b.length; i += size) {
            b[i] = (byte) (b[i] & 0xBB);
        }
        for (int i = 0; type == DType.BOOL && i < b.length; i++) {
            b[i] &= 1;
        }
        return b;
    }

    @AfterAll
    static void close() {
        tensors.close();
    }

    static List<KernelProvider> providers() {
        return KernelProviders.available();
    }

    private static Weight m(DType type) {
        return tensors.matrix("m." + type);
    }

    /** Stored elements as float32, in order. */
    private static float[] values(Weight w) {
        float[] all = new float[(int) w.elements()];
        int at = 0;
        for (Weight.Slice s : w.slices()) {
            byte[] raw = new byte[(int) s.tensor().byteSize()];
            s.tensor().copyTo(0, MemorySegment.ofArray(raw));
            Tensor t =
                    Tensor.of(
                            s.tensor().dtype(),
                            Shape.of(s.tensor().elements()),
                            MemorySegment.ofArray(raw));
            for (long i = 0; i < s.rows() * w.cols(); i++) {
                all[at++] = (float) t.getDouble(s.firstRow() * w.cols() + i);
            }
        }
        return all;
    }

    private static float[] floats(long address, long count) {
        return MemorySegment.ofAddress(address)
                .reinterpret(count * 4)
                .toArray(ValueLayout.JAVA_FLOAT);
    }

    private static float element(long address, DType type, long offset) {
        MemorySegment s = MemorySegment.ofAddress(address + offset).reinterpret(type.byteSize());
        return switch (type) {
            case F32 -> s.get(ValueLayout.JAVA_FLOAT, 0);
            case BF16 -> Conversions.bf16ToFloat(s.get(ValueLayout.JAVA_SHORT, 0));
            default -> Conversions.f16ToFloat(s.get(ValueLayout.JAVA_SHORT, 0));
        };
    }

    /**
     * Checks rows of panels [panel, panel + stride, ...] against the weight, and zeros after it.
     */
    private static void assertPanels(
            long address, DType type, Weight w, long firstPanel, long stride) {
        float[] want = values(w);
        long padded = Panels.count(w.rows()) * Panels.ROWS;
        for (long r = 0; r < padded; r++) {
            long row = (firstPanel + r / Panels.ROWS * stride) * Panels.ROWS + r % Panels.ROWS;
            for (long c = 0; c < w.cols(); c++) {
                float got = element(address, type, Panels.offset(type, row, c, w.cols()));
                float expected = r < w.rows() ? want[(int) (r * w.cols() + c)] : 0;
                assertThat(got).as("%s row %d column %d", w, r, c).isEqualTo(expected);
            }
        }
    }

    private static CpuWeightStore store(CpuDevice device) {
        return (CpuWeightStore) device.newWeightStore();
    }

    @ParameterizedTest
    @MethodSource("providers")
    void everyStoredTypeIsReadExactly(KernelProvider provider) {
        try (CpuDevice device = new CpuDevice(provider, new WorkerPool(2));
                CpuWeightStore store = store(device)) {
            for (DType type : STORED) {
                Weight w = m(type);
                var matrix = new Packing.Matrix(w);
                assertThat(matrix.type()).isEqualTo(Panels.supports(type) ? type : DType.F32);
                assertPanels(store.address(matrix), matrix.type(), w, 0, 1);
                assertThat(floats(store.address(new Packing.Vector(w)), w.elements()))
                        .as(type.name())
                        .containsExactly(values(w));
                var rows = new Packing.Rows(w);
                float[] want = values(w);
                for (int i = 0; i < want.length; i++) {
                    long offset = rows.type().byteSize((long) i);
                    assertThat(element(store.address(rows), rows.type(), offset))
                            .isEqualTo(want[i]);
                }
            }
        }
    }

    @ParameterizedTest
    @MethodSource("providers")
    void partsOfTensorsArePutTogether(KernelProvider provider) {
        try (CpuDevice device = new CpuDevice(provider, new WorkerPool(2));
                CpuWeightStore store = store(device)) {
            Weight same =
                    Weight.concat(
                            "same",
                            List.of(
                                    m(DType.BF16).rows(3, 20),
                                    tensors.matrix("up"),
                                    m(DType.BF16).rows(36, 1)));
            assertThat(same.kernelType()).isEqualTo(DType.BF16);
            assertPanels(store.address(new Packing.Matrix(same)), DType.BF16, same, 0, 1);
            Weight mixed =
                    Weight.concat(
                            "mixed", List.of(m(DType.F16).rows(1, 7), m(DType.I8).rows(5, 30)));
            assertThat(mixed.kernelType()).isEqualTo(DType.F32);
            assertPanels(store.address(new Packing.Matrix(mixed)), DType.F32, mixed, 0, 1);
        }
    }

    @ParameterizedTest
    @MethodSource("providers")
    void panelsOfGateAndUpAlternate(KernelProvider provider) {
        try (CpuDevice device = new CpuDevice(provider, new WorkerPool(2));
                CpuWeightStore store = store(device)) {
            Weight gate = m(DType.BF16);
            Weight up = tensors.matrix("up");
            long address = store.address(new Packing.GatedMatrix(gate, up));
            assertPanels(address, DType.BF16, gate, 0, 2);
            assertPanels(address, DType.BF16, up, 1, 2);
        }
    }

    @Test
    void equalPackingsAreOneCopy() {
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(1));
                CpuWeightStore store = store(device)) {
            Packing first = new Packing.Matrix(m(DType.F16));
            long address = store.address(first);
            assertThat(address % Panels.ALIGNMENT).isZero();
            assertThat(store.address(new Packing.Matrix(m(DType.F16)))).isEqualTo(address);
            assertThat(store.bytes()).isEqualTo(first.bytes());
            store.address(new Packing.Matrix(m(DType.F16).rows(0, 16)));
            assertThat(store.bytes()).isGreaterThan(first.bytes());
        }
    }

    @Test
    void manyArePackedTogetherAndHeardOf() {
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(3));
                CpuWeightStore store = store(device)) {
            Packing there = new Packing.Matrix(m(DType.F16));
            long address = store.address(there);
            List<Packing> all = new ArrayList<>(List.of(there));
            for (DType type : STORED) {
                all.add(new Packing.Matrix(m(type)));
                all.add(new Packing.Vector(m(type)));
            }
            List<Long> heard = new ArrayList<>();
            long before = store.bytes();
            store.pack(
                    all,
                    (bytes, total) -> {
                        assertThat(total).isGreaterThanOrEqualTo(bytes);
                        heard.add(bytes);
                    });

            assertThat(heard).isNotEmpty().isSorted();
            assertThat(store.bytes() - before).isEqualTo(heard.getLast());
            assertThat(store.address(there)).isEqualTo(address);
            for (DType type : STORED) {
                var matrix = new Packing.Matrix(m(type));
                assertPanels(store.address(matrix), matrix.type(), m(type), 0, 1);
            }
            store.pack(all, (bytes, total) -> heard.clear());
            assertThat(heard).as("nothing to do").isNotEmpty();
        }
    }

    @Test
    void positionsAreConvertedAndResized() {
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(1));
                CpuWeightStore store = store(device)) {
            Weight w = Weight.matrix(tensors.get("positions"), 5);
            float[] want = values(w);
            long same = store.address(new Packing.Positions(w, 2, 2));
            assertThat(floats(same, 15)).containsExactly(want);
            long wide = store.address(new Packing.Positions(w, 1, 3));
            assertThat(floats(wide, 3)).containsExactly(want[0], want[1], want[2]);
            assertThat(floats(wide, 12)).doesNotContain(Float.NaN);
            assertThat(store.bytes()).isEqualTo((15 + 12) * 4);
        }
    }

    @Test
    void aClosedStoreRefuses() {
        try (CpuDevice device = new CpuDevice(KernelProviders.get(), new WorkerPool(1))) {
            CpuWeightStore store = store(device);
            store.close();
            store.close();
            assertThatThrownBy(() -> store.address(new Packing.Vector(m(DType.F32))))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("their model was closed");
        }
    }
}
