package dev.ocellus.bench.gguf;

import dev.ocellus.loader.safetensors.StoredTensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Rows of a stored matrix as float32. For one thread. */
final class StoredRows implements GgufWriter.Rows {
    private final StoredTensor tensor;
    private MemorySegment bytes;

    StoredRows(StoredTensor tensor) {
        this.tensor = tensor;
    }

    @Override
    public void read(long index, float[] row) {
        int size = tensor.dtype().byteSize();
        if (bytes == null) {
            bytes = Arena.ofAuto().allocate((long) row.length * size, 8);
        }
        tensor.copyTo(index * row.length * size, bytes);
        for (int i = 0; i < row.length; i++) {
            row[i] = value(i);
        }
    }

    private float value(int i) {
        return switch (tensor.dtype()) {
            case F32 -> bytes.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            case F16 -> Float.float16ToFloat(bytes.getAtIndex(ValueLayout.JAVA_SHORT, i));
            case BF16 -> Float.intBitsToFloat(bytes.getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
            default ->
                    throw new IllegalArgumentException(
                            tensor.name()
                                    + " is stored as "
                                    + tensor.dtype().lowerName()
                                    + "; a twin is made of f32, f16 and bf16");
        };
    }
}
