package dev.ocellus.kernels.cuda;

import dev.ocellus.kernels.Activation;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall.MatMul;
import dev.ocellus.kernels.KernelCall.RmsNorm;
import dev.ocellus.tensor.DType;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Linear layers: the kernels of {@code matmul_few.cu} and {@code matmul.cu}, a library's products,
 * or with weights of block types {@link BlockMatMulKernels}. Thread-safe.
 *
 * <p>What does another product follows from its capacity and its types alone:
 *
 * <ul>
 *   <li>up to {@value #FEW_ROWS} rows: own kernels that are bound by the bytes of the weights;
 *   <li>more, and both factors have the same type (bfloat16 when activations are rounded to it,
 *       float32): the library, if there is one;
 *   <li>else own kernels with tiles.
 * </ul>
 *
 * Own kernels give a row the same bits in any company, also across the first and the last; a
 * library need not. A library multiplies all rows of the capacity; what it makes of those past the
 * run-time count stays in the scratch memory, unless {@link Conditions} allow more.
 */
final class MatMulKernels {
    static final int FEW_ROWS = FewRowKernels.ROWS;

    private static final String FAMILY = "matmul";

    /** Threads of blocks of tiles and of the kernels before and after products. */
    private static final int THREADS = 128;

    private static final int TILE = 64;
    private static final int TILE_STRIPS = TILE / FewRowKernels.STRIP;

    /** Columns that a thread of the rounding kernel takes. */
    private static final int ROUND_COLUMNS = 8;

    /** And one of the copying kernel, and of the one after a product. */
    private static final long COPY_COLUMNS = 4;

    private static final long FINISH_COLUMNS = 8;

    private final Gpu gpu;
    private final Blas blas;
    private final BlockMatMulKernels blocks;
    private final FewRowKernels fewRows;

    /**
     * @param blas null for none
     */
    MatMulKernels(Gpu gpu, Blas blas) {
        this.gpu = gpu;
        this.blas = blas;
        blocks = new BlockMatMulKernels(gpu);
        fewRows = new FewRowKernels(gpu);
    }

    long scratchBytes(MatMul call) {
        return switch (way(call)) {
            case BLOCKS -> blocks.scratchBytes(call);
            case FEW -> 0;
            case TILES -> roundedBytes(call);
            case LIBRARY -> factorBytes(call) + sumBytes(call) + blas.workspaceBytes();
        };
    }

    List<GpuWork> matMul(MatMul call, Conditions conditions, long scratch, Arena arena) {
        return switch (way(call)) {
            case BLOCKS -> blocks.matMul(call, scratch, arena);
            case FEW -> List.of(fewRows.matMul(call, arena));
            case TILES -> tiles(call, scratch, arena);
            case LIBRARY -> library(call, conditions, scratch, arena);
        };
    }

    /**
     * The two calls of {@link Fusion.NormedMatMul} as one.
     *
     * @return empty if there is no kernel for these: then they are bound one by one
     */
    Optional<List<GpuWork>> normed(RmsNorm norm, MatMul call, Arena arena) {
        return switch (way(call)) {
            case BLOCKS -> blocks.normed(norm, call, arena);
            case FEW -> Optional.of(List.of(fewRows.normed(norm, call, arena)));
            case TILES, LIBRARY -> Optional.empty();
        };
    }

    /** Whether a product's activations are rounded to bfloat16 for a library. */
    boolean roundsActivations(MatMul call) {
        return way(call) == Way.LIBRARY && call.compute() == ComputeType.BF16;
    }

    /** Whether a kernel follows the product of a library even where rows are to spare. */
    boolean finishes(MatMul call) {
        return way(call) == Way.LIBRARY
                && whole(call, new Factor(Blas.Factors.F32, call.x(), call.ldx())).isEmpty();
    }

    private enum Way {
        BLOCKS,
        FEW,
        TILES,
        LIBRARY
    }

    private Way way(MatMul call) {
        if (call.wType().isBlock()) {
            return Way.BLOCKS;
        }
        if (call.rows() <= FEW_ROWS) {
            return Way.FEW;
        }
        boolean sameTypes =
                call.compute() == ComputeType.BF16
                        || call.compute() == ComputeType.F32 && call.wType() == DType.F32;
        return blas != null && sameTypes ? Way.LIBRARY : Way.TILES;
    }

    private static boolean isGated(MatMul call) {
        return call.gated() == 1;
    }

    /** Rows of the weights. */
    private static long weightRows(MatMul call) {
        return isGated(call) ? 2 * call.n() : call.n();
    }

    /** Elements of a row of activations rounded to bfloat16. */
    private static long roundedPitch(MatMul call) {
        return Math.ceilDiv(call.k(), (long) ROUND_COLUMNS) * ROUND_COLUMNS;
    }

    /** Bytes of the rounded activations for own kernels. */
    private static long roundedBytes(MatMul call) {
        return call.compute() == ComputeType.BF16
                ? aligned(call.rows() * roundedPitch(call) * Short.BYTES)
                : 0;
    }

    /** Bytes of the activations as a library reads them, which come first in the scratch memory. */
    private static long factorBytes(MatMul call) {
        return call.compute() == ComputeType.F32
                ? aligned(call.rows() * call.k() * Float.BYTES)
                : roundedBytes(call);
    }

    /** Bytes of the sums that a library leaves, which come second. */
    private static long sumBytes(MatMul call) {
        return aligned(call.rows() * weightRows(call) * Float.BYTES);
    }

    private static long aligned(long bytes) {
        return Math.ceilDiv(bytes, (long) GpuMemory.ALIGNMENT) * GpuMemory.ALIGNMENT;
    }

    private List<GpuWork> tiles(MatMul call, long scratch, Arena arena) {
        Grid grid =
                Grid.of(
                        Math.ceilDiv(FewRowKernels.strips(call), TILE_STRIPS),
                        Math.ceilDiv(call.rows(), TILE));
        if (call.compute() == ComputeType.F32) {
            return List.of(
                    launch("matmul_tile_" + type(call), grid, THREADS, call, scratch, arena));
        }
        return List.of(
                round(call, scratch, arena),
                launch("matmul_tile_mma", grid, THREADS, call, scratch, arena));
    }

    /** Activations as a library reads them. */
    private record Factor(Blas.Factors type, long x, long ldx) {}

    private List<GpuWork> library(MatMul call, Conditions conditions, long scratch, Arena arena) {
        List<GpuWork> work = new ArrayList<>();
        Factor factor = factor(call, conditions, scratch, work, arena);
        long sums = scratch + factorBytes(call);
        long workspace = sums + sumBytes(call);
        boolean takesAllRows = call.rowCount() == 0 || conditions.spareRows();
        Optional<Blas.Product> whole = takesAllRows ? whole(call, factor) : Optional.empty();
        if (whole.isPresent()) {
            work.add(blas.bind(whole.get(), operands(call, factor, workspace), arena));
            return work;
        }
        long n = weightRows(call);
        Blas.Product product =
                new Blas.Product(
                        factor.type,
                        call.rows(),
                        n,
                        call.k(),
                        factor.ldx,
                        call.k(),
                        n,
                        0,
                        0,
                        false,
                        Activation.NONE);
        Blas.Operands at = Blas.Operands.of(factor.x, call.w(), 0, sums, workspace);
        work.add(blas.bind(product, at, arena));
        Grid grid = Grid.of(call.rows(), Math.ceilDiv(call.n(), THREADS * FINISH_COLUMNS));
        String finish = conditions.roundOut() ? "matmul_finish_rounded" : "matmul_finish";
        work.add(launch(finish, grid, THREADS, call, sums, arena));
        return work;
    }

    /** The activations where they are, or where the work that is added brings them. */
    private Factor factor(
            MatMul call, Conditions conditions, long scratch, List<GpuWork> work, Arena arena) {
        if (conditions.xRounded()) {
            return new Factor(Blas.Factors.BF16, call.x(), 2 * call.ldx());
        }
        if (call.compute() == ComputeType.BF16) {
            work.add(round(call, scratch, arena));
            return new Factor(Blas.Factors.BF16, scratch, roundedPitch(call));
        }
        if (call.rowCount() == 0 || conditions.spareRows()) {
            return new Factor(Blas.Factors.F32, call.x(), call.ldx());
        }
        Grid grid = Grid.of(call.rows(), Math.ceilDiv(call.k(), THREADS * COPY_COLUMNS));
        work.add(launch("matmul_copy", grid, THREADS, call, scratch, arena));
        return new Factor(Blas.Factors.F32, scratch, call.k());
    }

    /**
     * The call as one product of the library, or empty if it is more than that: a gate, a scale, a
     * residual after an activation, or what this library lacks.
     */
    private Optional<Blas.Product> whole(MatMul call, Factor factor) {
        boolean residual = call.residual() != 0;
        if (isGated(call)
                || call.scale() != 0
                || residual && call.activation() != Activation.NONE) {
            return Optional.empty();
        }
        boolean inPlace = call.residual() == call.out() && call.ldr() == call.ldo();
        var product =
                new Blas.Product(
                        factor.type,
                        call.rows(),
                        call.n(),
                        call.k(),
                        factor.ldx,
                        call.k(),
                        call.ldo(),
                        residual ? 1 : 0,
                        residual && !inPlace ? call.ldr() : 0,
                        call.bias() != 0,
                        call.activation());
        return Optional.of(product).filter(blas::supports);
    }

    private static Blas.Operands operands(MatMul call, Factor factor, long workspace) {
        long c = call.residual() == 0 ? call.out() : call.residual();
        return new Blas.Operands(factor.x, call.w(), call.bias(), c, call.out(), 0, 0, workspace);
    }

    /** Activations as bfloat16, at the start of the scratch memory. */
    private GpuWork round(MatMul call, long scratch, Arena arena) {
        long threads = roundedPitch(call) / ROUND_COLUMNS;
        Grid grid = Grid.of(call.rows(), Math.ceilDiv(threads, THREADS));
        return launch("matmul_round", grid, THREADS, call, scratch, arena);
    }

    private GpuWork launch(
            String kernel, Grid grid, int threads, MatMul call, long scratch, Arena arena) {
        GpuFunction function = gpu.function(FAMILY, kernel);
        return KernelLaunch.of(function, grid, threads, 0, call, scratch, arena);
    }

    private static String type(MatMul call) {
        return call.wType().name().toLowerCase(Locale.ROOT);
    }
}
