package dev.ocellus.kernels.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * The kernels written in C ({@code kernels/c}), for one instruction set. Immutable and thread-safe;
 * the library stays loaded for the life of the process.
 */
public final class NativeProvider implements KernelProvider {
    /** Forces an instruction set: avx2, avx512, avx512bf16, neon or neondot. */
    public static final String ISA_PROPERTY = "ocellus.isa";

    /** Instruction sets for which there are kernels, fastest first. */
    public static final List<String> INSTRUCTION_SETS =
            List.of("avx512bf16", "avx512", "avx2", "neondot", "neon");

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

    @Override
    public long scratchBytes(KernelCall call) {
        return NativeCalls.scratchBytes(call);
    }

    /**
     * @throws IllegalArgumentException if a type or a size is one that the kernels don't take
     */
    @Override
    public List<Launch> bind(KernelCall call, long scratch, Arena arena) {
        MemorySegment arguments = Arguments.write(call, scratch, arena);
        return NativeCalls.launches(
                call, kernel -> new NativeLaunch(library.kernel(kernel).orElseThrow(), arguments));
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
