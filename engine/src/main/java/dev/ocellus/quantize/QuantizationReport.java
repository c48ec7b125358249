package dev.ocellus.quantize;

import dev.ocellus.tensor.DType;

import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/**
 * What became of a checkpoint.
 *
 * @param folder that was written
 * @param matrices that are packed now, in the order of the files
 * @param bytesBefore of all tensors of the original
 * @param bytesAfter of all tensors now
 */
public record QuantizationReport(
        Path folder, List<Matrix> matrices, long bytesBefore, long bytesAfter) {

    /**
     * A packed matrix.
     *
     * @param from stored type of the original
     * @param to type in which it is packed
     * @param error root of the mean square of the differences over that of the original's elements;
     *     0 where no element changed
     */
    public record Matrix(
            String name,
            DType from,
            DType to,
            long rows,
            long cols,
            long bytesBefore,
            long bytesAfter,
            double error) {}

    public QuantizationReport {
        matrices = List.copyOf(matrices);
    }

    /** Size of the original over the size now. */
    public double compression() {
        return bytesAfter == 0 ? 1 : (double) bytesBefore / bytesAfter;
    }

    /** The matrices that lost most, the worst one first; at most so many. */
    public List<Matrix> worst(int count) {
        return matrices.stream()
                .filter(m -> m.error() > 0)
                .sorted(Comparator.comparingDouble(Matrix::error).reversed())
                .limit(count)
                .toList();
    }
}
