package dev.ocellus.kernels.nativelib;

import dev.ocellus.kernels.GuardedMemory;
import dev.ocellus.kernels.KernelCall;
import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.Launch;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;

/**
 * The kernels in C for processors of another kind than this machine's, in an emulator. The operands
 * must be {@link GuardedMemory}. Thread-safe, though nothing runs at the same time.
 */
public final class EmulatedProvider implements KernelProvider {
    static final String WITHOUT_DOT = "cortex-a53";
    static final String WITH_DOT = "neoverse-n1";

    /** Each on a processor that has no more than it needs. */
    static final EmulatedProvider NEON = new EmulatedProvider("neon", WITHOUT_DOT);

    static final EmulatedProvider NEONDOT = new EmulatedProvider("neondot", WITH_DOT);

    private final String instructionSet;
    private final String processor;
    private final KernelServer server;

    private EmulatedProvider(String instructionSet, String processor) {
        this.instructionSet = instructionSet;
        this.processor = processor;
        this.server = new KernelServer(instructionSet, processor);
    }

    /** Those that can be emulated and can't be run on this machine. */
    public static List<EmulatedProvider> available() {
        return NeonBuild.missing(NeonBuild.COMPILER, NeonBuild.EMULATOR).isPresent()
                ? List.of()
                : Stream.of(NEON, NEONDOT).filter(p -> !runsHere(p.instructionSet)).toList();
    }

    static boolean runsHere(String instructionSet) {
        return NativeProvider.find(instructionSet).provider().isPresent();
    }

    @Override
    public String name() {
        return "emulated";
    }

    @Override
    public String description() {
        return instructionSet + " on " + processor;
    }

    @Override
    public long scratchBytes(KernelCall call) {
        return NativeCalls.scratchBytes(call);
    }

    @Override
    public List<Launch> bind(KernelCall call, long scratch, Arena arena) {
        MemorySegment arguments = Arguments.write(call, scratch, arena);
        return NativeCalls.launches(call, kernel -> new ServerLaunch(server, kernel, arguments));
    }

    private record ServerLaunch(KernelServer server, String kernel, MemorySegment arguments)
            implements Launch {
        @Override
        public long units() {
            return server.units(kernel, arguments);
        }

        @Override
        public void run(long begin, long end) {
            server.run(kernel, arguments, begin, end);
        }
    }
}
