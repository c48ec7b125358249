/**
 * Kernels written with {@code jdk.incubator.vector}, for machines without a C compiler. Nothing but
 * {@link dev.ocellus.kernels.vector.VectorProvider} may be named outside, and its launches are only
 * loaded once that has seen the module. Internal: use {@link dev.ocellus.kernels.KernelProviders}.
 *
 * <p>What the compiler of the virtual machine makes of vector code depends on its form, and it does
 * not say where it gives up: then every vector becomes an object, and the code ten to fifty times
 * slower. The kernels here keep to what it takes:
 *
 * <ul>
 *   <li>the species are static constants;
 *   <li>all memory is reached through one segment over the whole address space, at absolute
 *       addresses, in loops that count in {@code long};
 *   <li>a method has one hot loop with at most about ten vectors that live across it and some tens
 *       of vector operations; a function of a vector is called only where it is sure to be inlined;
 *   <li>a choice between operations is made outside of the loop.
 * </ul>
 *
 * Horizontal sums of floats go through memory: the order in which {@code reduceLanes} adds is not
 * defined, and the bits of a result may not depend on what has been compiled so far.
 */
package dev.ocellus.kernels.vector;
