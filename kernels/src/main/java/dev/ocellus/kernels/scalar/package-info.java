/**
 * The kernels in plain Java: they run on every machine and are the reference that the other
 * providers are tested against. Internal: use {@link dev.ocellus.kernels.KernelProviders}.
 */
package dev.ocellus.kernels.scalar;
