package dev.ocellus.kernels.cuda;

import static jcuda.driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
import static jcuda.driver.CUstream_flags.CU_STREAM_NON_BLOCKING;
import static jcuda.driver.JCudaDriver.cuEventRecord;
import static jcuda.driver.JCudaDriver.cuGraphDestroy;
import static jcuda.driver.JCudaDriver.cuGraphInstantiate;
import static jcuda.driver.JCudaDriver.cuGraphLaunch;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoDAsync;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoHAsync;
import static jcuda.driver.JCudaDriver.cuMemcpyHtoDAsync;
import static jcuda.driver.JCudaDriver.cuMemsetD8Async;
import static jcuda.driver.JCudaDriver.cuStreamBeginCapture;
import static jcuda.driver.JCudaDriver.cuStreamCreate;
import static jcuda.driver.JCudaDriver.cuStreamDestroy;
import static jcuda.driver.JCudaDriver.cuStreamEndCapture;
import static jcuda.driver.JCudaDriver.cuStreamSynchronize;
import static jcuda.driver.JCudaDriver.cuStreamWaitEvent;

import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Work for a GPU in order: what is enqueued runs after what was enqueued before, while the caller
 * goes on. For one thread at a time.
 *
 * <p>All methods but {@link #synchronize} return before the work is done; operands and host memory
 * must stay as they are until it is. Errors of a kernel come with a later call.
 */
public final class GpuStream implements AutoCloseable {
    /** Name of all work that only moves bytes. */
    static final String COPY = "copy";

    private final Gpu gpu;
    private final Addresses.Stream stream = new Addresses.Stream();
    private final RecentWork recent = new RecentWork();
    private final Launcher launcher;

    /** Names of the work that is captured; null while none is. */
    private List<String> captured;

    /** Whether what was enqueued last is a kernel that lets the next one come into place. */
    private boolean afterKernel;

    private boolean closed;

    GpuStream(Gpu gpu) {
        this.gpu = gpu;
        gpu.check(cuStreamCreate(stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
        launcher = new Launcher(gpu, stream.handle());
    }

    public Gpu gpu() {
        return gpu;
    }

    /** The driver's handle, for other libraries. */
    long handle() {
        return stream.handle();
    }

    /** The driver's handle, for JCuda. */
    jcuda.driver.CUstream jcudaStream() {
        return stream;
    }

    /** Copies all of a host segment to the start of a device segment. */
    public void copyIn(MemorySegment device, MemorySegment host) {
        checkHost(host);
        checkFits(host, device);
        enter(COPY);
        gpu.check(
                cuMemcpyHtoDAsync(
                        Addresses.device(device.address()),
                        Addresses.host(host),
                        host.byteSize(),
                        stream),
                "copy to the GPU");
    }

    /** Copies all of a device segment to the start of a host segment. */
    public void copyOut(MemorySegment host, MemorySegment device) {
        checkHost(host);
        checkFits(device, host);
        enter(COPY);
        gpu.check(
                cuMemcpyDtoHAsync(
                        Addresses.host(host),
                        Addresses.device(device.address()),
                        device.byteSize(),
                        stream),
                "copy from the GPU");
    }

    /** Copies all of a device segment to the start of another. */
    public void copy(MemorySegment to, MemorySegment from) {
        checkFits(from, to);
        enter(COPY);
        gpu.check(
                cuMemcpyDtoDAsync(
                        Addresses.device(to.address()),
                        Addresses.device(from.address()),
                        from.byteSize(),
                        stream),
                "copy on the GPU");
    }

    /** Sets every byte of a device segment. */
    public void fill(MemorySegment device, byte value) {
        enter(COPY);
        gpu.check(
                cuMemsetD8Async(
                        Addresses.device(device.address()), value, device.byteSize(), stream),
                "fill");
    }

    private static void checkHost(MemorySegment host) {
        if (!host.isNative()) {
            throw new IllegalArgumentException(
                    "a segment on the Java heap cannot be copied from or to a GPU; use a native one");
        }
    }

    private static void checkFits(MemorySegment from, MemorySegment to) {
        if (from.byteSize() > to.byteSize()) {
            throw new IllegalArgumentException(
                    "a copy of %d bytes to %d bytes".formatted(from.byteSize(), to.byteSize()));
        }
    }

    void launch(KernelLaunch launch) {
        boolean follows = afterKernel;
        enter(launch.name());
        gpu.check(launcher.launch(launch, follows), "launch of " + launch.name());
        afterKernel = launch.function().waits();
    }

    void launch(GpuGraph graph) {
        gpu.enter();
        afterKernel = false;
        List<String> work = graph.work();
        for (int i = 0; i < work.size(); i++) {
            recent.add(work.get(i));
        }
        gpu.check(cuGraphLaunch(graph.handle(), stream), "launch of a graph");
    }

    /** Sets the event when the work enqueued so far is done. */
    public void record(GpuEvent event) {
        gpu.enter();
        afterKernel = false;
        gpu.check(cuEventRecord(event.handle(), stream), "cuEventRecord");
    }

    /** Lets what is enqueued from now on wait for the event. */
    public void await(GpuEvent event) {
        gpu.enter();
        afterKernel = false;
        gpu.check(cuStreamWaitEvent(stream, event.handle(), 0), "cuStreamWaitEvent");
    }

    /**
     * Waits until all work is done.
     *
     * @throws GpuFaultException if some of it failed
     */
    public void synchronize() {
        gpu.enter();
        gpu.check(cuStreamSynchronize(stream), "cuStreamSynchronize");
        recent.clear();
        launcher.clear();
    }

    /**
     * From now on work is not run but captured, until {@link #endCapture}. Another stream that
     * awaits an event of this one takes part, and this one awaits one of it before the end.
     */
    public void beginCapture() {
        gpu.enter();
        gpu.check(
                cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                "cuStreamBeginCapture");
        captured = new ArrayList<>();
        afterKernel = false;
    }

    /**
     * What was captured, as a graph that the caller closes. The stream runs its work again, also if
     * this fails.
     *
     * @throws CudaException if something was asked for that cannot be captured, such as to wait
     */
    public GpuGraph endCapture() {
        gpu.enter();
        if (captured == null) {
            throw new IllegalStateException("the stream is not being captured");
        }
        List<String> work = captured;
        captured = null;
        afterKernel = false;
        CUgraph graph = new CUgraph();
        gpu.check(cuStreamEndCapture(stream, graph), "capture of a graph");
        CUgraphExec executable = new CUgraphExec();
        int result = cuGraphInstantiate(executable, graph, 0);
        cuGraphDestroy(graph);
        gpu.check(result, "cuGraphInstantiate");
        return new GpuGraph(gpu, executable, work);
    }

    /** Checks the GPU and remembers what is enqueued. Also for work of other libraries. */
    void enter(String work) {
        gpu.enter();
        afterKernel = false;
        if (captured != null) {
            captured.add(work);
        } else {
            recent.add(work);
        }
    }

    /** What was enqueued since the stream was last waited for, as far as it is remembered. */
    List<String> pending() {
        return recent.names();
    }

    /** Number of the kernel that began last, or 0; for after a fault. */
    int lastBegun() {
        return launcher.lastBegun();
    }

    @Override
    public void close() {
        if (!closed && gpu.enterToFree()) {
            cuStreamDestroy(stream);
        }
        if (!closed) {
            launcher.close();
        }
        closed = true;
        gpu.forget(this);
    }
}
