package dev.ocellus.testing;

import dev.ocellus.graph.Weight;
import dev.ocellus.loader.safetensors.SafetensorsFile;
import dev.ocellus.loader.safetensors.StoredTensor;

import java.nio.file.Path;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Function;
import java.util.stream.Collectors;

/** The tensors of a file by name. */
public final class TestTensors implements AutoCloseable {
    private final SafetensorsFile file;
    private final Map<String, StoredTensor> tensors;

    public TestTensors(Path path) {
        file = SafetensorsFile.open(path);
        tensors =
                file.tensors().stream()
                        .collect(Collectors.toMap(StoredTensor::name, Function.identity()));
    }

    public StoredTensor get(String name) {
        StoredTensor t = tensors.get(name);
        if (t == null) {
            throw new NoSuchElementException(name);
        }
        return t;
    }

    public Weight matrix(String name) {
        return Weight.matrix(get(name));
    }

    public Weight vector(String name) {
        return Weight.vector(get(name));
    }

    @Override
    public void close() {
        file.close();
    }
}
