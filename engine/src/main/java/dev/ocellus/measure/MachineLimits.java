package dev.ocellus.measure;

import dev.ocellus.kernels.Ceilings;
import dev.ocellus.kernels.ComputeType;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What the machine can do at most, measured: no work is faster than its bytes or its operations
 * allow, but for work whose data stay in a cache. 0 where it is not known.
 *
 * @param threads that worked at the same time; {@link Ceilings#DEVICE} for a device of another kind
 * @param bytesPerSecond reading of memory
 * @param f32 float32 multiply-adds, in operations a second
 * @param bf16 dot products of bfloat16 pairs, likewise
 * @param int8 dot products of four int8, likewise
 * @param compute type of the model's products
 */
public record MachineLimits(
        int threads,
        double bytesPerSecond,
        double f32,
        double bf16,
        double int8,
        ComputeType compute) {

    /** Medians of several measurements on the same number of threads. */
    public static MachineLimits of(List<Ceilings> measured, ComputeType compute) {
        return new MachineLimits(
                measured.getFirst().threads(),
                median(measured, Ceilings::readGBs),
                median(measured, Ceilings::f32Gflops),
                median(measured, Ceilings::bf16Gflops),
                median(measured, Ceilings::int8Gops),
                compute);
    }

    private static double median(List<Ceilings> measured, ToDoubleFunction<Ceilings> giga) {
        return Medians.of(measured.stream().mapToDouble(giga).toArray()) * 1e9;
    }

    /** Arithmetic in the type of the model's products. */
    public double flopsPerSecond() {
        return switch (compute) {
            case F32 -> f32;
            // Devices that have it multiply float16 as fast as bfloat16.
            case BF16, F16 -> bf16;
            case INT8 -> int8;
        };
    }
}
