package dev.ocellus.verify;

import dev.ocellus.loader.safetensors.SafetensorsFile;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;
import dev.ocellus.tensor.Tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;

/** Tensors by name, in memory of an arena that the caller owns. */
public final class NamedTensors {
    private final Arena arena;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    public NamedTensors(Arena arena) {
        this.arena = arena;
    }

    /** All tensors of a safetensors file; none when there is no such file. */
    static NamedTensors read(Path file, Arena arena) {
        NamedTensors all = new NamedTensors(arena);
        if (Files.exists(file)) {
            try (SafetensorsFile f = SafetensorsFile.open(file)) {
                for (StoredTensor t : f.tensors()) {
                    MemorySegment data =
                            arena.allocate(Math.max(t.byteSize(), 1), 64).asSlice(0, t.byteSize());
                    t.copyTo(0, data);
                    all.tensors.put(t.name(), Tensor.of(t.dtype(), t.shape(), data));
                }
            }
        }
        return all;
    }

    public Set<String> names() {
        return tensors.keySet();
    }

    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    public Tensor get(String name) {
        Tensor t = tensors.get(name);
        if (t == null) {
            throw new NoSuchElementException("there is no tensor " + name);
        }
        return t;
    }

    /** A new tensor of zeros. */
    public Tensor make(String name, DType dtype, long... dims) {
        Shape shape = Shape.of(dims);
        long bytes = dtype.byteSize(shape.elements());
        Tensor t =
                Tensor.of(dtype, shape, arena.allocate(Math.max(bytes, 1), 64).asSlice(0, bytes));
        tensors.put(name, t);
        return t;
    }

    /** A new int64 vector. */
    public void makeIds(String name, int[] ids) {
        Tensor t = make(name, DType.I64, ids.length);
        for (int i = 0; i < ids.length; i++) {
            t.segment().setAtIndex(ValueLayout.JAVA_LONG, i, ids[i]);
        }
    }

    Arena arena() {
        return arena;
    }
}
