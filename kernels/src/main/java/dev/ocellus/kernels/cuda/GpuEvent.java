package dev.ocellus.kernels.cuda;

import static jcuda.driver.CUevent_flags.CU_EVENT_DEFAULT;
import static jcuda.driver.JCudaDriver.cuEventCreate;
import static jcuda.driver.JCudaDriver.cuEventDestroy;
import static jcuda.driver.JCudaDriver.cuEventElapsedTime;
import static jcuda.driver.JCudaDriver.cuEventSynchronize;

import jcuda.driver.CUevent;

/**
 * A point in the work of a stream, set by {@link GpuStream#record}, for which another stream or the
 * host can wait. Thread-safe.
 */
public final class GpuEvent implements AutoCloseable {
    private final Gpu gpu;
    private final CUevent event = new CUevent();
    private boolean closed;

    GpuEvent(Gpu gpu) {
        this.gpu = gpu;
        gpu.check(cuEventCreate(event, CU_EVENT_DEFAULT), "cuEventCreate");
    }

    CUevent handle() {
        return event;
    }

    /** Waits until the stream has come to this point; returns at once if it was never recorded. */
    public void synchronize() {
        gpu.enter();
        gpu.check(cuEventSynchronize(event), "cuEventSynchronize");
    }

    /** Milliseconds on the GPU from another event to this one; both have been passed. */
    public float millisecondsSince(GpuEvent earlier) {
        gpu.enter();
        float[] milliseconds = new float[1];
        gpu.check(cuEventElapsedTime(milliseconds, earlier.event, event), "cuEventElapsedTime");
        return milliseconds[0];
    }

    @Override
    public synchronized void close() {
        if (!closed && gpu.enterToFree()) {
            cuEventDestroy(event);
        }
        closed = true;
    }
}
