package dev.ocellus.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.graph.Weight;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.kernels.cuda.Gpu;
import dev.ocellus.kernels.cuda.GpuStream;
import dev.ocellus.kernels.cuda.SoftGpu;
import dev.ocellus.plan.Packing;
import dev.ocellus.tensor.DType;
import dev.ocellus.testing.SafetensorsWriter;
import dev.ocellus.testing.TestTensors;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Weights on the GPU against those of the processor and against the stored bytes. */
class CudaWeightStoreTest {
    private static final int ROWS = 37;
    private static final int COLS = 70;
    private static final int TAPS = 7;

    private static TestTensors tensors;
    private static KernelProvider provider;
    private static WorkerPool pool;
    private static Gpu gpu;
    private static CpuWeightStore host;

    @BeforeAll
    static void open(@TempDir Path folder) {
        SoftGpu.require();
        Random random = new Random(5);
        SafetensorsWriter w = new SafetensorsWriter();
        for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
            w.bytes("odd." + type, DType.U8, new byte[] {1}, 1);
            w.random("gate." + type, type, random, 0, 1, ROWS, COLS);
            w.random("up." + type, type, random, 0, 1, ROWS, COLS);
            w.random("large." + type, type, random, 0, 1, 700, 1000);
        }
        w.random("positions", DType.F16, random, 0, 1, 1, 5, 3);
        tensors = new TestTensors(w.write(folder.resolve("weights.safetensors")));
        provider = KernelProviders.get();
        pool = new WorkerPool(2);
        gpu = Gpu.open(0);
        host = new CpuWeightStore(provider, pool);
    }

    @AfterAll
    static void close() {
        if (gpu != null) {
            host.close();
            gpu.close();
            pool.close();
            tensors.close();
        }
    }

    private static CudaWeightStore store() {
        return new CudaWeightStore(gpu, provider, pool);
    }

    private static byte[] read(long address, long bytes) {
        try (Arena arena = Arena.ofConfined();
                GpuStream stream = gpu.newStream()) {
            MemorySegment to = arena.allocate(bytes);
            stream.copyOut(to, MemorySegment.ofAddress(address).reinterpret(bytes));
            stream.synchronize();
            return to.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private static byte[] onGpu(CudaWeightStore store, Packing p) {
        return read(store.address(p), CudaLayout.bytes(p));
    }

    private static byte[] onHost(Packing p) {
        return MemorySegment.ofAddress(host.address(p))
                .reinterpret(p.bytes())
                .toArray(ValueLayout.JAVA_BYTE);
    }

    private static byte[] stored(String name) {
        byte[] bytes = new byte[(int) tensors.get(name).byteSize()];
        tensors.get(name).copyTo(0, MemorySegment.ofArray(bytes));
        return bytes;
    }

    private static Weight typed(String name, DType type) {
        return Weight.matrix(tensors.get(name).packedAs(type));
    }

    @Test
    void matricesOfNumbersAreTheirRows() {
        try (CudaWeightStore store = store()) {
            for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
                Packing.Matrix matrix = new Packing.Matrix(tensors.matrix("gate." + type));
                assertThat(onGpu(store, matrix)).isEqualTo(stored("gate." + type));
                assertThat(store.address(matrix) % 256).isZero();
            }
        }
    }

    @Test
    void gatedMatricesOfNumbersFollowOneAnother() {
        try (CudaWeightStore store = store()) {
            Weight gate = tensors.matrix("gate.BF16");
            Weight up = tensors.matrix("up.BF16");
            byte[] both = onGpu(store, new Packing.GatedMatrix(gate, up));
            int half = both.length / 2;
            assertThat(Arrays.copyOfRange(both, 0, half)).isEqualTo(stored("gate.BF16"));
            assertThat(Arrays.copyOfRange(both, half, 2 * half)).isEqualTo(stored("up.BF16"));
        }
    }

    @Test
    void vectorsAndPositionsAreThoseOfTheHost() {
        try (CudaWeightStore store = store()) {
            for (Packing p :
                    List.of(
                            new Packing.Vector(tensors.vector("gate.F16")),
                            new Packing.Rows(tensors.matrix("gate.BF16")),
                            new Packing.Positions(
                                    Weight.matrix(tensors.get("positions"), 5), 1, 3))) {
                assertThat(onGpu(store, p)).as(p.toString()).isEqualTo(onHost(p));
            }
        }
    }

    @Test
    void filtersAreRowsOfTapsFirst() {
        try (CudaWeightStore store = store()) {
            byte[] got = onGpu(store, new Packing.Filter(tensors.matrix("gate.F32"), TAPS));
            byte[] rows = stored("gate.F32");
            int channels = COLS / TAPS;
            for (int r = 0; r < ROWS; r++) {
                for (int c = 0; c < channels; c++) {
                    for (int t = 0; t < TAPS; t++) {
                        int to = (r * COLS + t * channels + c) * 4;
                        int from = (r * COLS + c * TAPS + t) * 4;
                        assertThat(got[to + 1]).isEqualTo(rows[from + 1]);
                        assertThat(got[to + 3]).isEqualTo(rows[from + 3]);
                    }
                }
            }
        }
    }

    @Test
    void blocksAreThePanelsOfTheHost() {
        try (CudaWeightStore store = store()) {
            for (DType type : List.of(DType.Q8, DType.Q4, DType.F8)) {
                Weight gate = typed("gate.BF16", type);
                Packing matrix = new Packing.Matrix(gate);
                Packing gated = new Packing.GatedMatrix(gate, typed("up.BF16", type));
                assertThat(onGpu(store, matrix)).isEqualTo(onHost(matrix));
                assertThat(onGpu(store, gated)).isEqualTo(onHost(gated));
            }
        }
    }

    /** More than fits the buffers at once, in parts that begin anywhere. */
    @Test
    void manyGoUpInStretches() {
        try (CudaWeightStore store = store()) {
            List<Packing> all = new ArrayList<>();
            for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
                all.add(new Packing.Matrix(tensors.matrix("gate." + type)));
                all.add(new Packing.Matrix(tensors.matrix("large." + type)));
                all.add(new Packing.Matrix(typed("large." + type, DType.Q8)));
            }
            List<Long> heard = new ArrayList<>();
            long[] whole = new long[1];
            store.pack(
                    all,
                    (bytes, total) -> {
                        heard.add(bytes);
                        whole[0] = total;
                    });

            assertThat(heard).hasSizeGreaterThan(2).isSorted().last().isEqualTo(whole[0]);
            assertThat(store.bytes()).isEqualTo(whole[0]);
            for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
                Packing.Matrix matrix = new Packing.Matrix(tensors.matrix("large." + type));
                Packing.Matrix blocks = new Packing.Matrix(typed("large." + type, DType.Q8));
                assertThat(onGpu(store, matrix)).isEqualTo(stored("large." + type));
                assertThat(onGpu(store, blocks)).isEqualTo(onHost(blocks));
            }
        }
    }

    @Test
    void equalPackingsAreOneCopy() {
        try (CudaWeightStore store = store()) {
            long before = gpu.memory().used();
            Packing p = new Packing.Matrix(tensors.matrix("gate.F16"));
            long address = store.address(p);
            long taken = gpu.memory().used() - before;
            assertThat(store.address(new Packing.Matrix(tensors.matrix("gate.F16"))))
                    .isEqualTo(address);
            assertThat(gpu.memory().used() - before).isEqualTo(taken).isPositive();
            store.close();
            assertThat(gpu.memory().used()).isEqualTo(before);
            assertThatThrownBy(() -> store.address(p))
                    .hasMessageContaining("their model was closed");
        }
    }

    @Test
    void tooLittleMemoryIsASentence() {
        SoftGpu.requireSoftware();
        long bytes = gpu.memory().total();
        SoftGpu.deviceBytes(1 << 20);
        try (CudaWeightStore store = store()) {
            gpu.memory().trim();
            long used = gpu.memory().used();
            Packing p = new Packing.Matrix(tensors.matrix("large.F32"));
            assertThatThrownBy(() -> store.address(p))
                    .isInstanceOf(DeviceMemoryException.class)
                    .hasMessageContainingAll("the weights", "are free", "--weights q8");
            assertThat(store.bytes()).isZero();
            assertThat(gpu.memory().used()).isEqualTo(used);
        } finally {
            SoftGpu.deviceBytes(bytes);
        }
    }
}
