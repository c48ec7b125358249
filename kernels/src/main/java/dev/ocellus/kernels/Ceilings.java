package dev.ocellus.kernels;

import dev.ocellus.kernels.nativelib.HugeMemory;
import dev.ocellus.kernels.nativelib.NativeProvider;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * What this machine can do at most, measured: every figure of speed is printed beside its ceiling.
 * A figure is 0 where the processor has no such instruction. One thread is measured in its CPU
 * time, several are in wall time, as {@link Clock#of} says.
 *
 * @param threads that worked at the same time; {@link #DEVICE} where none did
 * @param source what measured: the instruction set, or plain Java, whose loops may stay below the
 *     machine's limits
 * @param readGBs reading memory, in 10^9 bytes a second
 * @param f32Gflops float32 multiply-adds, in 10^9 operations a second, two to a multiply-add
 * @param bf16Gflops dot products of bfloat16 pairs, likewise
 * @param int8Gops dot products of four int8, likewise
 */
public record Ceilings(
        int threads,
        String source,
        double readGBs,
        double f32Gflops,
        double bf16Gflops,
        double int8Gops) {
    /** In the place of a number of threads: what was measured is no processor. */
    public static final int DEVICE = 0;

    /** More than the caches hold. */
    private static final long READ_BYTES = 128L << 20;

    private static final double SECONDS = 0.2;

    /** Does some rounds of a loop and returns how many bytes or operations they were. */
    private interface Loop {
        double run(MemorySegment data, long rounds);
    }

    /**
     * Measures for about a second with the native loops, or with plain Java ones without them.
     *
     * @param threads number of threads, at least 1
     * @throws IllegalStateException if the calling thread is interrupted
     */
    public static Ceilings measure(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads: " + threads + " is not at least 1");
        }
        return NativeProvider.find()
                .provider()
                .map(provider -> measure(threads, provider))
                .orElseGet(() -> measureInJava(threads));
    }

    private static Ceilings measure(int threads, NativeProvider provider) {
        return new Ceilings(
                threads,
                provider.description(),
                measure(threads, provider, "ReadCeiling"),
                measure(threads, provider, "F32Ceiling"),
                measure(threads, provider, "Bf16Ceiling"),
                measure(threads, provider, "Int8Ceiling"));
    }

    private static double measure(int threads, NativeProvider provider, String name) {
        return provider.ceiling(name).map(loop -> rate(threads, loop::run)).orElse(0.0);
    }

    /** Of plain Java, for processors without native kernels. */
    static Ceilings measureInJava(int threads) {
        return new Ceilings(
                threads,
                "plain Java loops, which may stay below the limits of the machine",
                rate(threads, Ceilings::read),
                rate(threads, Ceilings::multiplyAdd),
                0,
                0);
    }

    /** Work of all threads in 10^9 a second. */
    private static double rate(int threads, Loop loop) {
        CyclicBarrier start = new CyclicBarrier(threads);
        Clock clock = Clock.of(threads);
        List<Callable<Double>> tasks = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            tasks.add(() -> rate(loop, start, clock));
        }
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            double sum = 0;
            for (Future<Double> rate : executor.invokeAll(tasks)) {
                sum += rate.get();
            }
            return sum / 1e9;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while measuring", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("cannot measure: " + e.getCause(), e.getCause());
        }
    }

    /** Each thread has data of its own. The first round only warms up. */
    private static double rate(Loop loop, CyclicBarrier start, Clock clock) throws Exception {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = HugeMemory.allocate(READ_BYTES, arena).fill((byte) 1);
            loop.run(data, 1);
            start.await();
            double begin = clock.seconds();
            double work = 0;
            double seconds;
            do {
                work += loop.run(data, 1);
                seconds = clock.seconds() - begin;
            } while (seconds < SECONDS);
            return work / seconds;
        }
    }

    private static volatile double sink;

    private static double read(MemorySegment data, long rounds) {
        long sum = 0;
        for (long round = 0; round < rounds; round++) {
            for (long offset = 0; offset < data.byteSize(); offset += Long.BYTES) {
                sum += data.get(ValueLayout.JAVA_LONG, offset);
            }
        }
        sink = sum;
        return (double) rounds * data.byteSize();
    }

    private static double multiplyAdd(MemorySegment data, long rounds) {
        float[] sums = new float[256];
        int repeats = 20_000;
        for (long round = 0; round < rounds * repeats; round++) {
            for (int i = 0; i < sums.length; i++) {
                sums[i] = Math.fma(sums[i], 0.999f, 0.001f);
            }
        }
        sink = sums[0];
        return 2.0 * rounds * repeats * sums.length;
    }
}
