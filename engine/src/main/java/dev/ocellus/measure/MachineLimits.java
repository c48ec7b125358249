package dev.ocellus.measure;

import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What the machine can do at most, measured: no work is faster than its bytes or its operations
 * allow, but for work whose data stay in a cache. 0 where it is not known.
 *
 * @param bytesPerSecond reading of memory with all threads
 * @param flopsPerSecond arithmetic with all threads in the type of the model's products
 */
public record MachineLimits(double bytesPerSecond, double flopsPerSecond) {

    /** Medians of several measurements. */
    static MachineLimits of(List<Ceilings> measured, ComputeType compute) {
        return new MachineLimits(
                median(measured, Ceilings::readGBs),
                median(
                        measured,
                        compute == ComputeType.BF16 ? Ceilings::bf16Gflops : Ceilings::f32Gflops));
    }

    private static double median(List<Ceilings> measured, ToDoubleFunction<Ceilings> giga) {
        return ModelBench.median(measured.stream().mapToDouble(giga).toArray()) * 1e9;
    }
}
