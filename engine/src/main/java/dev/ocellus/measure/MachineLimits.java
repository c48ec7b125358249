package dev.ocellus.measure;

/**
 * What the machine can do at most, measured: no work is faster than its bytes or its operations
 * allow. 0 where it is not known.
 *
 * @param bytesPerSecond reading of memory with all threads
 * @param flopsPerSecond arithmetic with all threads in the type of the model's products
 */
public record MachineLimits(double bytesPerSecond, double flopsPerSecond) {}
