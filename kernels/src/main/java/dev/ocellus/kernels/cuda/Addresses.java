package dev.ocellus.kernels.cuda;

import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;

import java.lang.foreign.MemorySegment;

/** Addresses as JCuda takes and gives them: its own classes hide them from all but subclasses. */
final class Addresses {
    /** Host memory. The caller keeps the segment alive. */
    static Pointer host(MemorySegment segment) {
        return new Host(segment.address());
    }

    /** Device memory. */
    static CUdeviceptr device(long address) {
        return new CUdeviceptr().withByteOffset(address);
    }

    private static final class Host extends Pointer {
        Host(long address) {
            super(address);
        }
    }

    /** Device memory that the driver is asked for. */
    static final class Allocated extends CUdeviceptr {
        long address() {
            return getNativePointer();
        }
    }

    /** Host memory that the driver is asked for. */
    static final class Pinned extends Pointer {
        long address() {
            return getNativePointer();
        }
    }

    /** A stream, whose handle other libraries take. */
    static final class Stream extends CUstream {
        long handle() {
            return getNativePointer();
        }
    }

    /** A kernel, which the driver is asked for. */
    static final class Function extends CUfunction {
        long handle() {
            return getNativePointer();
        }
    }

    private Addresses() {}
}
