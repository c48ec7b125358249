package dev.ocellus.graph;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.Checkpoint;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tensors of any size that take no room on the disk: a file with a header and a hole. */
public final class SparseWeights {
    private final ObjectNode header = JsonNodeFactory.instance.objectNode();
    private long end;

    public SparseWeights add(String name, DType dtype, long... shape) {
        ObjectNode tensor = header.putObject(name);
        tensor.put("dtype", dtype.name());
        for (long d : shape) {
            tensor.withArray("shape").add(d);
        }
        long begin = end;
        end += dtype.byteSize(Shape.of(shape).elements());
        tensor.putArray("data_offsets").add(begin).add(end);
        return this;
    }

    /** Writes and opens them, in a new folder of this one; the caller closes the result. */
    public Checkpoint open(Path folder) throws IOException {
        Path path = Files.createTempDirectory(folder, "weights").resolve("model.safetensors");
        byte[] json = header.toString().getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.write(
                    ByteBuffer.allocate(8)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putLong(json.length)
                            .array());
            file.write(json);
            file.setLength(8 + json.length + end);
        }
        return Checkpoint.open(path);
    }
}
