/**
 * The CPU kernels written in C, called through the Foreign Function and Memory API, and memory from
 * the operating system. Internal: {@code KernelProviders} chooses the kernels.
 */
package dev.ocellus.kernels.nativelib;
