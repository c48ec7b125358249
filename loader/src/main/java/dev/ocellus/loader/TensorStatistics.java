package dev.ocellus.loader;

import dev.ocellus.kernels.KernelProviders;
import dev.ocellus.loader.safetensors.RowLookUp;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;
import dev.ocellus.tensor.Tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What the elements of a stored tensor are like. Elements that are not finite count as such and
 * nowhere else; without finite elements the others are NaN.
 *
 * @param least smallest element
 * @param most largest element
 * @param notFinite elements that are NaN or infinite
 */
public record TensorStatistics(double least, double mean, double most, long notFinite) {
    private static final long CHUNK = 1 << 16;

    /** Reads the whole tensor, a piece at a time. */
    public static TensorStatistics of(StoredTensor tensor) {
        double least = Double.POSITIVE_INFINITY;
        double most = Double.NEGATIVE_INFINITY;
        double sum = 0;
        long notFinite = 0;
        long n = tensor.elements();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(bytes(tensor, CHUNK), 64);
            for (long at = 0; at < n; at += CHUNK) {
                for (double x : read(tensor, at, Math.min(CHUNK, n - at), buffer)) {
                    if (Double.isFinite(x)) {
                        least = Math.min(least, x);
                        most = Math.max(most, x);
                        sum += x;
                    } else {
                        notFinite++;
                    }
                }
            }
        }
        long finite = n - notFinite;
        return finite == 0
                ? new TensorStatistics(Double.NaN, Double.NaN, Double.NaN, notFinite)
                : new TensorStatistics(least, sum / finite, most, notFinite);
    }

    /** The first {@code count} elements in row-major order, or all if there are fewer. */
    public static double[] first(StoredTensor tensor, long count) {
        long n = Math.min(count, tensor.elements());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment buffer = arena.allocate(bytes(tensor, Math.max(n, 1)), 64);
            return read(tensor, 0, n, buffer);
        }
    }

    /** Bytes that so many elements take to be looked at. */
    private static long bytes(StoredTensor tensor, long elements) {
        return tensor.isPanels() ? elements * Float.BYTES : tensor.dtype().byteSize(elements);
    }

    private static double[] read(StoredTensor tensor, long from, long n, MemorySegment buffer) {
        DType type = tensor.isPanels() ? DType.F32 : tensor.dtype();
        MemorySegment bytes = buffer.asSlice(0, type.byteSize(n));
        if (tensor.isPanels()) {
            RowLookUp.stored(KernelProviders.get(), tensor, from, n, bytes);
        } else {
            tensor.copyTo(type.byteSize(from), bytes);
        }
        Tensor view = Tensor.of(type, Shape.of(n), bytes);
        double[] values = new double[(int) n];
        for (int i = 0; i < n; i++) {
            values[i] = type.isFloat() ? view.getDouble(i) : view.getLong(i);
        }
        return values;
    }
}
