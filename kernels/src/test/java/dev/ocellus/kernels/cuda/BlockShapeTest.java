package dev.ocellus.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.Panels;
import dev.ocellus.kernels.cuda.BlockShape.Kernel;
import dev.ocellus.tensor.DType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.stream.Stream;

class BlockShapeTest {
    private static final int KIB = 1 << 10;
    private static final GpuInfo H200 = gpu("H200", 9, 0, 132, 227 * KIB);
    private static final GpuInfo A100 = gpu("A100", 8, 0, 108, 163 * KIB);
    private static final GpuInfo RTX_4090 = gpu("RTX 4090", 8, 9, 128, 99 * KIB);

    static Stream<GpuInfo> gpus() {
        return Stream.of(H200, A100, RTX_4090, gpu("small", 8, 6, 16, 99 * KIB));
    }

    @ParameterizedTest
    @MethodSource("gpus")
    void everyShapeFitsAndCoversTheProduct(GpuInfo gpu) {
        for (DType type : new DType[] {DType.Q8, DType.Q4, DType.F8}) {
            for (long rows : new long[] {1, 2, 8, 9, 16, 17, 33, 64, 65, 100, 128, 129, 1000}) {
                for (long n : new long[] {1, 17, 896, 4096, 14336, 151936}) {
                    for (long k : new long[] {1, 65, 896, 4096, 14336, 53248}) {
                        for (int gated = 0; gated < 2; gated++) {
                            check(gpu, call(type, rows, n, k, gated));
                        }
                    }
                }
            }
        }
    }

    private static void check(GpuInfo gpu, MatMul call) {
        BlockShape shape = BlockShape.of(call, gpu);
        assertThat(shape.sharedBytes()).as("%s", call).isBetween(1L, (long) gpu.sharedBytes());
        assertThat(shape.threads()).as("%s", call).isBetween(32, 512);
        long panels = Panels.count(call.n()) * (call.gated() == 1 ? 2 : 1);
        if (shape.isStream()) {
            assertThat(call.rows()).isLessThanOrEqualTo(8);
            assertThat((long) shape.grid().x()).isBetween(1L, 2L * gpu.multiprocessors());
        } else {
            // Warps of a tile times what one of them has of panels and rows, as the kernels divide.
            boolean wide = shape.kernel() == Kernel.TILE;
            long rowWarps = wide ? 2 : Math.min(8, Math.ceilDiv(call.rows(), 16));
            long tilePanels = shape.threads() / 32 / rowWarps * (wide ? 2 : 1);
            long tileRows = rowWarps * (wide ? 64 : 16);
            assertThat(shape.grid().x() * tilePanels).isGreaterThanOrEqualTo(panels);
            assertThat(shape.grid().y() * tileRows).isGreaterThanOrEqualTo(call.rows());
            assertThat(tilePanels % (call.gated() == 1 ? 2 : 1)).isZero();
        }
    }

    /** Of a model with 7 billion weights. */
    @Test
    void decodingFillsTheGpu() {
        assertThat(BlockShape.of(call(DType.Q8, 1, 12288, 4096, 0), H200))
                .extracting(BlockShape::kernel, s -> s.grid().x())
                .containsExactly(Kernel.ONE, 264);
        assertThat(BlockShape.of(call(DType.Q4, 8, 4096, 11008, 0), H200))
                .extracting(BlockShape::kernel, s -> s.grid().x())
                .containsExactly(Kernel.FEW, 132);
        assertThat(BlockShape.of(call(DType.Q8, 32, 4096, 4096, 0), H200))
                .extracting(BlockShape::kernel, BlockShape::grid)
                .containsExactly(Kernel.NARROW, new Grid(128, 1, 1));
        assertThat(BlockShape.of(call(DType.Q8, 512, 11008, 4096, 1), H200))
                .extracting(BlockShape::kernel, BlockShape::grid)
                .containsExactly(Kernel.TILE, new Grid(172, 4, 1));
    }

    @Test
    void activationsTooLongForTheSharedMemoryAreTiled() {
        assertThat(BlockShape.of(call(DType.Q8, 8, 8192, 28672, 0), H200).kernel())
                .isEqualTo(Kernel.NARROW);
        assertThat(BlockShape.of(call(DType.F8, 8, 4096, 11008, 0), H200).kernel())
                .isEqualTo(Kernel.NARROW);
        assertThat(BlockShape.of(call(DType.F8, 8, 4096, 4096, 0), H200).kernel())
                .isEqualTo(Kernel.FEW);
        assertThat(BlockShape.of(call(DType.Q8, 1, 8192, 28672, 0), RTX_4090).kernel())
                .isEqualTo(Kernel.ONE);
    }

    private static GpuInfo gpu(
            String name, int major, int minor, int multiprocessors, int sharedBytes) {
        return new GpuInfo(0, name, 1L << 34, major, minor, multiprocessors, sharedBytes, 12040);
    }

    private static MatMul call(DType type, long rows, long n, long k, long gated) {
        return new MatMul(
                4096,
                k,
                8192,
                type,
                0,
                0,
                0,
                0,
                12288,
                n,
                rows,
                0,
                n,
                k,
                ComputeType.ofBlocks(type),
                Activation.NONE,
                gated);
    }
}
