package dev.ocellus.kernels.cuda;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
import static jcuda.driver.JCudaDriver.cuDeviceGet;
import static jcuda.driver.JCudaDriver.cuDeviceGetAttribute;
import static jcuda.driver.JCudaDriver.cuDeviceGetCount;
import static jcuda.driver.JCudaDriver.cuDeviceGetName;
import static jcuda.driver.JCudaDriver.cuDeviceTotalMem;
import static jcuda.driver.JCudaDriver.cuDriverGetVersion;
import static jcuda.driver.JCudaDriver.cuGetErrorName;
import static jcuda.driver.JCudaDriver.cuInit;

import jcuda.driver.CUdevice;
import jcuda.driver.CUresult;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The CUDA driver as a whole: its start, its devices, its errors. */
final class Driver {
    /** Errors of a kernel or of the hardware under it, after which a context is of no more use. */
    private static final Set<Integer> FAULTS =
            Set.of(
                    CUresult.CUDA_ERROR_ECC_UNCORRECTABLE,
                    CUresult.CUDA_ERROR_NVLINK_UNCORRECTABLE,
                    CUresult.CUDA_ERROR_ILLEGAL_ADDRESS,
                    CUresult.CUDA_ERROR_LAUNCH_TIMEOUT,
                    CUresult.CUDA_ERROR_ASSERT,
                    CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR,
                    CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
                    CUresult.CUDA_ERROR_MISALIGNED_ADDRESS,
                    CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE,
                    CUresult.CUDA_ERROR_INVALID_PC,
                    CUresult.CUDA_ERROR_LAUNCH_FAILED);

    private static final int NAME_BYTES = 256;

    /** The devices, after the libraries have been loaded and the driver started. */
    static List<GpuInfo> devices() {
        CudaLibraries.load();
        int started = cuInit(0);
        if (started == CUresult.CUDA_ERROR_NO_DEVICE) {
            return List.of();
        }
        if (started != 0) {
            throw new CudaUnavailableException(
                    "the NVIDIA driver does not start (%s); see that nvidia-smi works for this user"
                            .formatted(errorName(started)));
        }
        int[] count = new int[1];
        check(cuDeviceGetCount(count), "cuDeviceGetCount");
        List<GpuInfo> devices = new ArrayList<>();
        for (int i = 0; i < count[0]; i++) {
            devices.add(describe(i));
        }
        return List.copyOf(devices);
    }

    private static GpuInfo describe(int ordinal) {
        CUdevice device = device(ordinal);
        byte[] name = new byte[NAME_BYTES];
        check(cuDeviceGetName(name, name.length, device), "cuDeviceGetName");
        int length = 0;
        while (length < name.length && name[length] != 0) {
            length++;
        }
        long[] bytes = new long[1];
        check(cuDeviceTotalMem(bytes, device), "cuDeviceTotalMem");
        int[] version = new int[1];
        check(cuDriverGetVersion(version), "cuDriverGetVersion");
        return new GpuInfo(
                ordinal,
                new String(name, 0, length, StandardCharsets.UTF_8),
                bytes[0],
                attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
                attribute(device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
                attribute(device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                attribute(device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
                version[0]);
    }

    static CUdevice device(int ordinal) {
        CUdevice device = new CUdevice();
        check(cuDeviceGet(device, ordinal), "cuDeviceGet");
        return device;
    }

    private static int attribute(CUdevice device, int attribute) {
        int[] value = new int[1];
        check(cuDeviceGetAttribute(value, attribute, device), "cuDeviceGetAttribute");
        return value[0];
    }

    static boolean isFault(int result) {
        return FAULTS.contains(result);
    }

    /** The driver's name of an error. */
    static String errorName(int result) {
        String[] name = new String[1];
        return cuGetErrorName(result, name) == 0 && name[0] != null ? name[0] : "error " + result;
    }

    /** Throws if the result of a call is an error; one of a kernel is none of this method's. */
    static void check(int result, String call) {
        if (result != 0) {
            throw new CudaException("%s failed with %s".formatted(call, errorName(result)));
        }
    }

    private Driver() {}
}
