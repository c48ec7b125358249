package dev.ocellus.kernels.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.ocellus.kernels.Launch;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** A kernel with its arguments. All kernels share one shape, as each costs start-up time. */
final class NativeLaunch implements Launch {
    private static final MethodHandle RUN =
            Linker.nativeLinker()
                    .downcallHandle(FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle UNITS =
            Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));

    private final NativeLibrary.Kernel kernel;
    private final long arguments;

    NativeLaunch(NativeLibrary.Kernel kernel, MemorySegment arguments) {
        this.kernel = kernel;
        this.arguments = arguments.address();
    }

    @Override
    public long units() {
        try {
            return (long) UNITS.invokeExact(kernel.units(), arguments);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    @Override
    public void run(long begin, long end) {
        try {
            RUN.invokeExact(kernel.run(), arguments, begin, end);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Kernels throw nothing; what comes is the VM's own, such as a stack overflow. */
    private static RuntimeException unexpected(Throwable e) {
        if (e instanceof Error error) {
            throw error;
        }
        return new IllegalStateException("a native call failed", e);
    }
}
