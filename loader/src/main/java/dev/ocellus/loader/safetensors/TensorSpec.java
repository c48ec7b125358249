package dev.ocellus.loader.safetensors;

import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

/** What a tensor in a file is, without its values. */
public record TensorSpec(String name, DType dtype, Shape shape) {
    public long elements() {
        return shape.elements();
    }

    /**
     * @throws ArithmeticException if it doesn't fit 63 bits; never for a tensor read from a file
     */
    public long byteSize() {
        return dtype.byteSize(shape.elements());
    }
}
