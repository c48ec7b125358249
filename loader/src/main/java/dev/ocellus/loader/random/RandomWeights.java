package dev.ocellus.loader.random;

import dev.ocellus.loader.safetensors.TensorSource;
import dev.ocellus.loader.safetensors.TensorSpec;
import dev.ocellus.tensor.DType;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.LongStream;

/**
 * Normally distributed weights. A value depends on the seed, the tensor's name and its index only,
 * so that the same seed gives the same file whatever the number of threads.
 *
 * <p>A value takes 16 random bits, which pick one of 65536 equally likely quantiles of the normal
 * distribution from a table made for the tensor's scale. The largest is 4.3 standard deviations.
 */
final class RandomWeights implements TensorSource {
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int QUANTILES = 1 << 16;
    private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;
    private static final double[] NORMAL = normalQuantiles();

    /** Bytes that one thread fills at a time. */
    private static final long SLICE_BYTES = 1 << 18;

    private record TableKey(DType dtype, WeightScale scale) {}

    private final long seed;
    private final Map<TableKey, int[]> tables = new ConcurrentHashMap<>();

    RandomWeights(long seed) {
        this.seed = seed;
    }

    @Override
    public void read(TensorSpec tensor, long byteOffset, MemorySegment destination) {
        int[] table =
                tables.computeIfAbsent(
                        new TableKey(tensor.dtype(), WeightScale.of(tensor)), RandomWeights::table);
        long stream = mix(seed ^ mix(hash(tensor.name())));
        int size = tensor.dtype().byteSize();
        long bytes = destination.byteSize();
        LongStream.range(0, Math.ceilDiv(bytes, SLICE_BYTES))
                .parallel()
                .forEach(
                        i -> {
                            long begin = i * SLICE_BYTES;
                            MemorySegment slice =
                                    destination.asSlice(
                                            begin, Math.min(SLICE_BYTES, bytes - begin));
                            long first = (byteOffset + begin) / size;
                            if (size == Short.BYTES) {
                                fillShorts(slice, table, stream, first);
                            } else {
                                fillInts(slice, table, stream, first);
                            }
                        });
    }

    private static void fillShorts(MemorySegment out, int[] table, long stream, long first) {
        long n = out.byteSize() / Short.BYTES;
        for (long i = 0; i < n; i += 4) {
            long bits = mix(stream + ((first + i) >>> 2) * GOLDEN_GAMMA);
            for (long j = i; j < Math.min(i + 4, n); j++) {
                out.setAtIndex(SHORT, j, (short) table[(int) bits & QUANTILES - 1]);
                bits >>>= 16;
            }
        }
    }

    private static void fillInts(MemorySegment out, int[] table, long stream, long first) {
        long n = out.byteSize() / Integer.BYTES;
        for (long i = 0; i < n; i += 4) {
            long bits = mix(stream + ((first + i) >>> 2) * GOLDEN_GAMMA);
            for (long j = i; j < Math.min(i + 4, n); j++) {
                out.setAtIndex(INT, j, table[(int) bits & QUANTILES - 1]);
                bits >>>= 16;
            }
        }
    }

    /** The bits of every quantile in the tensor's dtype. */
    private static int[] table(TableKey key) {
        int[] bits = new int[QUANTILES];
        for (int i = 0; i < QUANTILES; i++) {
            float value = (float) (key.scale.mean() + key.scale.deviation() * NORMAL[i]);
            bits[i] =
                    switch (key.dtype) {
                        case F32 -> Float.floatToRawIntBits(value);
                        case F16 -> Float.floatToFloat16(value);
                        case BF16 -> toBf16(value);
                        default ->
                                throw new IllegalArgumentException(
                                        "random weights are f32, f16 or bf16, not " + key.dtype);
                    };
        }
        return bits;
    }

    /** Rounds to nearest, ties to even. */
    private static int toBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return (bits + 0x7fff + (bits >>> 16 & 1)) >>> 16;
    }

    /**
     * The value below which (i + 1/2) / 65536 of the standard normal distribution lies, for all i.
     */
    private static double[] normalQuantiles() {
        double[] quantiles = new double[QUANTILES];
        double step = 1e-4;
        double z = -6;
        double below = 0;
        for (int i = 0; i < QUANTILES; i++) {
            while (below < (i + 0.5) / QUANTILES) {
                double middle = z + step / 2;
                below += step * Math.exp(-middle * middle / 2) / Math.sqrt(2 * Math.PI);
                z += step;
            }
            quantiles[i] = z;
        }
        return quantiles;
    }

    private static long hash(String name) {
        long hash = 0;
        for (int i = 0; i < name.length(); i++) {
            hash = 31 * hash + name.charAt(i);
        }
        return hash;
    }

    /** The finaliser of SplitMix64 (Steele, Lea and Flood 2014). */
    private static long mix(long z) {
        z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
