package dev.ocellus.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.ocellus.kernels.KernelCall;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Work for tests of streams and graphs: {@code x[i] = x[i] * factor + 1} in device memory. */
record ScaleWork(Gpu gpu, Arena arena, int length) {
    /** A device segment of zeros. */
    MemorySegment zeros(GpuStream stream) {
        MemorySegment device = gpu.memory().allocate(4L * length, arena);
        stream.fill(device, (byte) 0);
        return device;
    }

    /** Device copy of a value repeated. */
    MemorySegment filled(GpuStream stream, float value) {
        MemorySegment device = gpu.memory().allocate(4L * length, arena);
        MemorySegment host = arena.allocate(JAVA_FLOAT, length);
        for (int i = 0; i < length; i++) {
            host.setAtIndex(JAVA_FLOAT, i, value);
        }
        stream.copyIn(device, host);
        return device;
    }

    /** {@code out = out * factor + added}, in place. */
    GpuWork bind(long out, MemorySegment factor, MemorySegment added) {
        KernelCall.Scale call =
                new KernelCall.Scale(
                        out,
                        length,
                        factor.address(),
                        added.address(),
                        length,
                        out,
                        length,
                        1,
                        0,
                        length);
        return new CudaKernels(gpu, null).bind(call, 0, arena).getFirst();
    }

    /** What a device segment holds once the stream is done. */
    float[] read(GpuStream stream, MemorySegment device) {
        MemorySegment host = arena.allocate(JAVA_FLOAT, length);
        stream.copyOut(host, device);
        stream.synchronize();
        return host.toArray(JAVA_FLOAT);
    }
}
