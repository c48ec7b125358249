package dev.ocellus.kernels.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KvPanels;
import dev.ocellus.kernels.Launch;
import dev.ocellus.kernels.Panels;
import dev.ocellus.tensor.DType;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * The kernels written in C ({@code kernels/c}), for one instruction set. Immutable and thread-safe;
 * the library stays loaded for the life of the process.
 */
public final class NativeProvider implements KernelProvider {
    /** Forces an instruction set: avx2, avx512, avx512bf16 or neon. */
    public static final String ISA_PROPERTY = "ocellus.isa";

    /** Instruction sets for which there are kernels, fastest first. */
    public static final List<String> INSTRUCTION_SETS =
            List.of("avx512bf16", "avx512", "avx2", "neon");

    /** Longest head that the attention kernels take. */
    private static final long MAX_HEAD_DIM = 256;

    /** Of a row of int8 activations: a group of integers, two starts of sums and two scales. */
    private static final long GROUP_ROW_BYTES = Panels.GROUP + 2 * (Integer.BYTES + Float.BYTES);

    /** Keys that attention processes together; RANGE in {@code kernels/c/attention.h}. */
    private static final long KEY_RANGE = 512;

    /** Rows times key/value heads that are work enough for all threads. */
    private static final long MANY_HEADS = 32;

    /**
     * The provider, or the reason why there is none.
     *
     * @param reason empty if there is a provider
     */
    public record Search(Optional<NativeProvider> provider, String reason) {}

    private final NativeLibrary library;

    private NativeProvider(NativeLibrary library) {
        this.library = library;
    }

    /** The best instruction set of this machine, or the one that {@link #ISA_PROPERTY} forces. */
    public static Search find() {
        return find(Optional.ofNullable(System.getProperty(ISA_PROPERTY)));
    }

    /** The named instruction set, if this machine has it. */
    public static Search find(String instructionSet) {
        return find(Optional.of(instructionSet));
    }

    private static Search find(Optional<String> instructionSet) {
        try {
            NativeLibrary library = NativeLibrary.open(instructionSet);
            return new Search(Optional.of(new NativeProvider(library)), "");
        } catch (NativeUnavailableException e) {
            return new Search(Optional.empty(), e.getMessage());
        }
    }

    @Override
    public String name() {
        return "native";
    }

    @Override
    public String description() {
        return library.instructionSet() + " (" + library.source() + ")";
    }

    @Override
    public ComputeType preferredCompute() {
        return instructionSet().equals("avx512bf16") ? ComputeType.BF16 : ComputeType.F32;
    }

    /** The instruction set in use. */
    public String instructionSet() {
        return library.instructionSet();
    }

    /**
     * Room for the packed activations of a product and the sums of a group normalisation, for the
     * parts of attention.
     */
    @Override
    public long scratchBytes(KernelCall call) {
        return switch (call) {
            case KernelCall.MatMul m when m.compute() == ComputeType.INT8 ->
                    Math.multiplyExact(m.rows(), Panels.groups(m.k()) * GROUP_ROW_BYTES);
            case KernelCall.MatMul m when packs(m) ->
                    Math.multiplyExact(m.rows(), (m.k() + 1) / 2 * 2 * Float.BYTES);
            case KernelCall.Conv2d c -> Conv2dLaunches.scratchBytes(c);
            case KernelCall.GroupNorm g -> GroupNormLaunches.scratchBytes(g);
            case KernelCall.PagedAttention a when splits(a) -> {
                long ranges = (a.maxPages() * a.pageTokens() + KEY_RANGE - 1) / KEY_RANGE;
                long part = (a.headDim() + 15) / 16 * 16 + 16;
                yield Math.multiplyExact(a.rows() * a.heads() * ranges, part * Float.BYTES);
            }
            default -> 0;
        };
    }

    /**
     * Whether ranges of keys are processed apart and merged by a second launch: for steps that
     * decode few rows of long contexts. The results are the same.
     */
    private static boolean splits(KernelCall.PagedAttention a) {
        return a.rows() * a.kvHeads() < MANY_HEADS && a.maxPages() * a.pageTokens() > KEY_RANGE;
    }

    /** A single row of float32 is used as it is, if the weights don't pad it to an even length. */
    private static boolean packs(KernelCall.MatMul m) {
        return m.rows() > 1
                || m.compute() == ComputeType.BF16
                || m.wType() != DType.F32 && m.k() % 2 != 0;
    }

    /**
     * @throws IllegalArgumentException if a type or a size is one that the kernels don't take
     */
    @Override
    public List<Launch> bind(KernelCall call, long scratch, Arena arena) {
        check(call);
        MemorySegment arguments = Arguments.write(call, scratch, arena);
        return switch (call) {
            case KernelCall.MatMul m when m.compute() == ComputeType.INT8 ->
                    List.of(launch("BlockMatMulPack", arguments), launch("BlockMatMul", arguments));
            case KernelCall.MatMul m when packs(m) ->
                    List.of(launch("MatMulPack", arguments), launch("MatMul", arguments));
            case KernelCall.Conv2d c ->
                    Conv2dLaunches.of(
                            c, launch("Conv2dPack", arguments), launch("Conv2d", arguments));
            case KernelCall.GroupNorm g ->
                    List.of(
                            launch("GroupNormSums", arguments),
                            launch("GroupNormScales", arguments),
                            launch("GroupNorm", arguments));
            case KernelCall.PagedAttention a when splits(a) ->
                    List.of(
                            launch("PagedAttention", arguments),
                            launch("PagedAttentionMerge", arguments));
            default -> List.of(launch(call.getClass().getSimpleName(), arguments));
        };
    }

    private Launch launch(String kernel, MemorySegment arguments) {
        return new NativeLaunch(library.kernel(kernel).orElseThrow(), arguments);
    }

    private static void check(KernelCall call) {
        switch (call) {
            case KernelCall.MatMul m -> checkProduct("matmul", m.wType(), m.compute());
            case KernelCall.Conv2d c -> {
                checkType("weights", c.wType());
                checkProduct("conv2d", c.wType(), c.compute());
            }
            case KernelCall.GroupNorm g -> {
                if (g.groups() < 1 || g.cols() % g.groups() != 0) {
                    throw new IllegalArgumentException(
                            "group norm: "
                                    + g.cols()
                                    + " channels are no "
                                    + g.groups()
                                    + " equal groups");
                }
            }
            case KernelCall.PagedAttention a -> {
                checkPages(a.cacheType(), a.pageTokens());
                checkHeads(a.heads(), a.kvHeads(), a.headDim());
                checkFactors(a.compute());
                if (a.compute() == ComputeType.BF16 && !KvPanels.meetsBf16(a.cacheType())) {
                    throw new IllegalArgumentException(
                            "attention: compute type BF16 needs a BF16 or Q8 cache, not "
                                    + a.cacheType());
                }
            }
            case KernelCall.Attention a -> {
                checkHeads(a.heads(), a.kvHeads(), a.headDim());
                checkFactors(a.compute());
            }
            case KernelCall.KvAppend k -> {
                checkPages(k.cacheType(), k.pageTokens());
                checkHeads(k.kvHeads(), k.kvHeads(), k.headDim());
            }
            case KernelCall.Gather g -> {
                if (g.packed() == 0 || !g.tableType().isBlock()) {
                    checkType("table", g.tableType());
                }
            }
            case KernelCall.PackPanels p -> {
                checkType("weights", p.sourceType());
                if (!Panels.packs(p.sourceType(), p.panelType())) {
                    throw new IllegalArgumentException(
                            "weights of type "
                                    + p.sourceType()
                                    + " can't be packed as "
                                    + p.panelType()
                                    + "; only as what they are, Q8 or Q4");
                }
            }
            default -> {}
        }
    }

    private static void checkProduct(String name, DType weights, ComputeType compute) {
        if (!weights.isBlock()) {
            checkType("weights", weights);
        }
        if (compute == ComputeType.BF16 && weights != DType.BF16) {
            throw new IllegalArgumentException(
                    name + ": compute type BF16 needs BF16 weights, not " + weights);
        }
        if ((compute == ComputeType.INT8) != weights.isBlock()) {
            throw new IllegalArgumentException(
                    name
                            + ": Q8 and Q4 weights and compute type INT8 go together, not "
                            + weights
                            + " and "
                            + compute);
        }
    }

    private static void checkType(String what, DType type) {
        if (!Panels.supportsRows(type)) {
            throw new IllegalArgumentException(
                    "no kernel for a "
                            + what
                            + " type of "
                            + type
                            + "; F32, F16 and BF16 have one");
        }
    }

    private static void checkFactors(ComputeType compute) {
        if (compute == ComputeType.INT8) {
            throw new IllegalArgumentException("attention: compute type must be F32 or BF16");
        }
    }

    private static void checkPages(DType type, long pageTokens) {
        if (!KvPanels.supports(type)) {
            throw new IllegalArgumentException(
                    "no kernel for a cache of type " + type + "; F32, F16, BF16 and Q8 have one");
        }
        if (!KvPanels.supports(pageTokens)) {
            throw new IllegalArgumentException(
                    "a page of " + pageTokens + " tokens; there can be 4, 8 or a multiple of 16");
        }
    }

    private static void checkHeads(long heads, long kvHeads, long headDim) {
        if (headDim < 1 || headDim > MAX_HEAD_DIM) {
            throw new IllegalArgumentException(
                    "attention: headDim " + headDim + " is not between 1 and " + MAX_HEAD_DIM);
        }
        if (heads % kvHeads != 0) {
            throw new IllegalArgumentException(
                    "attention: " + heads + " heads cannot share " + kvHeads + " key/value heads");
        }
    }

    /**
     * A loop that measures the machine.
     *
     * @param name of the kernel: ReadCeiling, F32Ceiling, Bf16Ceiling or Int8Ceiling
     * @return empty if the instruction set has no such instruction
     */
    public Optional<CeilingLoop> ceiling(String name) {
        return library.kernel(name).map(CeilingLoop::new);
    }

    /** One ceiling's loop; see {@code kernels/c/ceilings.c}. Thread-safe. */
    public static final class CeilingLoop {
        private final NativeLibrary.Kernel kernel;

        private CeilingLoop(NativeLibrary.Kernel kernel) {
            this.kernel = kernel;
        }

        /**
         * Runs some rounds.
         *
         * @param data memory to read, of which the arithmetic loops make no use
         * @return bytes read, or arithmetic operations done
         */
        public double run(MemorySegment data, long rounds) {
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment results = arena.allocate(JAVA_LONG, 2);
                MemorySegment arguments = arena.allocate(JAVA_LONG, kernel.fields());
                arguments.setAtIndex(JAVA_LONG, 0, data.address());
                arguments.setAtIndex(JAVA_LONG, 1, data.byteSize());
                arguments.setAtIndex(JAVA_LONG, 2, results.address());
                arguments.setAtIndex(JAVA_LONG, 3, results.address() + Double.BYTES);
                new NativeLaunch(kernel, arguments).run(0, rounds);
                return Double.longBitsToDouble(results.get(JAVA_LONG, 0));
            }
        }
    }
}
