package dev.ocellus.kernels.cuda;

import static jcuda.driver.JCudaDriver.cuCtxCreate;
import static jcuda.driver.JCudaDriver.cuCtxDestroy;
import static jcuda.driver.JCudaDriver.cuCtxPopCurrent;
import static jcuda.driver.JCudaDriver.cuCtxSetCurrent;
import static jcuda.driver.JCudaDriver.cuCtxSynchronize;

import jcuda.driver.CUcontext;
import jcuda.driver.CUctx_flags;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * An open GPU: its memory, its kernels, and the streams that work is enqueued on. Several may be
 * open, also of one device; each has a context of its own.
 *
 * <p>Thread-safe. Calls make the context the current one of their thread. Close it last, after what
 * belongs to it: what is still open then is closed and freed with it.
 *
 * <p>After a fault of a kernel every call throws the same {@link GpuFaultException}, and only
 * {@link #close} still does something.
 */
public final class Gpu implements AutoCloseable {
    private final GpuInfo info;
    private final CUcontext context = new CUcontext();
    private final GpuMemory memory;
    private final GpuModules modules;
    private final Set<GpuStream> streams = ConcurrentHashMap.newKeySet();
    private final Set<PinnedBuffer> buffers = ConcurrentHashMap.newKeySet();
    private volatile GpuFaultException fault;
    private volatile boolean closed;

    /**
     * The GPUs of this machine, empty if there is a driver but no device.
     *
     * @throws CudaUnavailableException if there is no driver, or JCuda is missing
     */
    public static List<GpuInfo> list() {
        return Driver.devices();
    }

    /** Whether a GPU is new enough for the kernels. */
    public static boolean supports(GpuInfo info) {
        return info.computeCapability() >= GpuModules.COMPUTE_CAPABILITY;
    }

    /**
     * Opens a GPU.
     *
     * @throws CudaUnavailableException if there is none with this number, or it is too old
     */
    public static Gpu open(int ordinal) {
        List<GpuInfo> all = list();
        if (ordinal < 0 || ordinal >= all.size()) {
            throw new CudaUnavailableException(
                    "no GPU %d; there %s"
                            .formatted(
                                    ordinal,
                                    switch (all.size()) {
                                        case 0 -> "are none the driver can use";
                                        case 1 -> "is one, with number 0: " + all.getFirst().name();
                                        default -> "are " + all.size() + ", numbered from 0";
                                    }));
        }
        GpuInfo info = all.get(ordinal);
        if (!supports(info)) {
            throw new CudaUnavailableException(
                    "%s: the kernels need compute capability 8.0 (Ampere) or newer; use the CPU"
                            .formatted(info));
        }
        return new Gpu(info);
    }

    private Gpu(GpuInfo info) {
        this.info = info;
        // Its own, not the primary one: a fault of a kernel ends a context with all its users.
        Driver.check(
                cuCtxCreate(context, CUctx_flags.CU_CTX_SCHED_AUTO, Driver.device(info.ordinal())),
                "cuCtxCreate");
        Driver.check(cuCtxPopCurrent(new CUcontext()), "cuCtxPopCurrent");
        memory = new GpuMemory(this);
        modules = new GpuModules(this);
    }

    public GpuInfo info() {
        return info;
    }

    /** The device's memory. */
    public GpuMemory memory() {
        return memory;
    }

    /** A new stream; the caller closes it. */
    public GpuStream newStream() {
        enter();
        GpuStream stream = new GpuStream(this);
        streams.add(stream);
        return stream;
    }

    /** A new event; the caller closes it. */
    public GpuEvent newEvent() {
        enter();
        return new GpuEvent(this);
    }

    /**
     * A kernel of {@code kernels/cuda}. Its family is loaded, and for a new driver compiled, when
     * it is first asked for.
     *
     * @param family name of the source file
     * @param kernel name of the function
     * @throws PtxVersionException if the driver is too old for it
     */
    public GpuFunction function(String family, String kernel) {
        enter();
        return modules.function(family, kernel);
    }

    /**
     * Makes the context current in this thread, before any call of the driver.
     *
     * @throws GpuFaultException if a kernel has faulted
     */
    void enter() {
        if (fault != null) {
            throw new GpuFaultException(fault);
        }
        if (closed) {
            throw new IllegalStateException("GPU " + info.ordinal() + " has been closed");
        }
        check(cuCtxSetCurrent(context), "cuCtxSetCurrent");
    }

    /** Makes the context current, to free something; false if there is nothing left to free. */
    boolean enterToFree() {
        return !closed && fault == null && cuCtxSetCurrent(context) == 0;
    }

    /** Throws what the result of a call of the driver stands for, unless that is success. */
    void check(int result, String call) {
        if (result == 0) {
            return;
        }
        if (Driver.isFault(result)) {
            throw faulted(result);
        }
        Driver.check(result, call);
    }

    private synchronized GpuFaultException faulted(int result) {
        if (fault != null) {
            return new GpuFaultException(fault);
        }
        List<String> kernels = new ArrayList<>();
        streams.forEach(stream -> kernels.addAll(suspects(stream)));
        String which =
                switch (kernels.size()) {
                    case 0 -> "a kernel";
                    case 1 -> "kernel " + kernels.getFirst();
                    default -> "one of the kernels " + String.join(", ", kernels);
                };
        String message =
                "GPU %d (%s): %s failed with %s; this GPU takes no more work until it is opened again"
                        .formatted(info.ordinal(), info.name(), which, Driver.errorName(result));
        fault = new GpuFaultException(message, kernels);
        return fault;
    }

    /** The kernel that began last, and the work of libraries, which does not say when it begins. */
    private List<String> suspects(GpuStream stream) {
        List<String> pending = stream.pending();
        String begun = modules.name(stream.lastBegun());
        if (pending.isEmpty() || begun == null) {
            return pending;
        }
        List<String> suspects = new ArrayList<>(List.of(begun));
        for (String work : pending) {
            if (!modules.isKernel(work) && !work.equals(GpuStream.COPY)) {
                suspects.add(work);
            }
        }
        return suspects;
    }

    void forget(GpuStream stream) {
        streams.remove(stream);
    }

    void remember(PinnedBuffer buffer) {
        buffers.add(buffer);
    }

    void forget(PinnedBuffer buffer) {
        buffers.remove(buffer);
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        if (enterToFree()) {
            cuCtxSynchronize();
        }
        List.copyOf(streams).forEach(GpuStream::close);
        List.copyOf(buffers).forEach(PinnedBuffer::close);
        closed = true;
        memory.forgetAll();
        // With its modules and memory; what it answers after a fault is that fault again.
        cuCtxDestroy(context);
    }
}
