/**
 * The operations of {@link dev.ocellus.kernels.KernelCall} on GPUs, through JCuda's binding of the
 * CUDA driver: {@link dev.ocellus.kernels.cuda.Gpu} is a device, with its memory, streams, events
 * and graphs, and {@link dev.ocellus.kernels.cuda.CudaKernels} makes calls into {@link
 * dev.ocellus.kernels.cuda.GpuWork}. The kernels are in {@code kernels/cuda}.
 *
 * <p>JCuda is optional: nothing of it is loaded before {@link dev.ocellus.kernels.cuda.Gpu} is
 * asked for devices, and what is missing then is a {@link
 * dev.ocellus.kernels.cuda.CudaUnavailableException}.
 */
package dev.ocellus.kernels.cuda;
