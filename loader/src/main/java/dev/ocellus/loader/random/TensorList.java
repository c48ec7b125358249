package dev.ocellus.loader.random;

import dev.ocellus.loader.safetensors.TensorSpec;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import java.util.ArrayList;
import java.util.List;

/**
 * Collects tensors of one dtype under a name prefix; scopes of one list share what is collected.
 */
final class TensorList {
    private final String prefix;
    private final DType dtype;
    private final List<TensorSpec> tensors;

    private TensorList(String prefix, DType dtype, List<TensorSpec> tensors) {
        this.prefix = prefix;
        this.dtype = dtype;
        this.tensors = tensors;
    }

    TensorList(DType dtype) {
        this("", dtype, new ArrayList<>());
    }

    TensorList in(String scope) {
        return new TensorList(prefix + scope + ".", dtype, tensors);
    }

    void add(String name, long... dims) {
        tensors.add(new TensorSpec(prefix + name, dtype, Shape.of(dims)));
    }

    /** {@code name.weight} [out, in] and, if it has one, {@code name.bias} [out]. */
    void linear(String name, long out, long in, boolean bias) {
        add(name + ".weight", out, in);
        if (bias) {
            add(name + ".bias", out);
        }
    }

    /** {@code name.weight} [size] and, for layer normalisation, {@code name.bias} [size]. */
    void norm(String name, long size, boolean bias) {
        add(name + ".weight", size);
        if (bias) {
            add(name + ".bias", size);
        }
    }

    List<TensorSpec> tensors() {
        return List.copyOf(tensors);
    }
}
