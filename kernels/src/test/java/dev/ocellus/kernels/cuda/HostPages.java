package dev.ocellus.kernels.cuda;

import static jcuda.driver.JCudaDriver.CU_MEMHOSTREGISTER_DEVICEMAP;
import static jcuda.driver.JCudaDriver.cuMemHostRegister;
import static jcuda.driver.JCudaDriver.cuMemHostUnregister;

import java.lang.foreign.MemorySegment;

/** Host memory that the GPU reaches at the host's addresses. */
final class HostPages {
    static void register(Gpu gpu, MemorySegment pages) {
        gpu.enter();
        gpu.check(
                cuMemHostRegister(
                        Addresses.host(pages), pages.byteSize(), CU_MEMHOSTREGISTER_DEVICEMAP),
                "cuMemHostRegister");
    }

    /** Does nothing if the GPU has been opened again since, as that forgot all pages. */
    static void unregister(Gpu gpu, MemorySegment pages) {
        gpu.enter();
        cuMemHostUnregister(Addresses.host(pages));
    }

    private HostPages() {}
}
