package dev.ocellus.testing;

import dev.ocellus.tensor.Conversions;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/** Collects small tensors and writes them as a safetensors file. */
public final class SafetensorsWriter {
    private final StringBuilder header = new StringBuilder();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();

    /** Adds a tensor given by its little-endian bytes. */
    public SafetensorsWriter bytes(String name, DType dtype, byte[] bytes, long... dims) {
        if (dtype.byteSize(Shape.of(dims).elements()) != bytes.length) {
            throw new IllegalArgumentException(name + " has " + bytes.length + " bytes");
        }
        String shape =
                LongStream.of(dims).mapToObj(Long::toString).collect(Collectors.joining(","));
        header.append(header.isEmpty() ? "{" : ",")
                .append(
                        "\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
                                .formatted(
                                        name,
                                        dtype,
                                        shape,
                                        data.size(),
                                        data.size() + bytes.length));
        data.writeBytes(bytes);
        return this;
    }

    /** Adds a tensor of type F32, F16 or BF16; values are rounded to it. */
    public SafetensorsWriter floats(String name, DType dtype, float[] values, long... dims) {
        ByteBuffer b =
                ByteBuffer.allocate(values.length * dtype.byteSize())
                        .order(ByteOrder.LITTLE_ENDIAN);
        for (float v : values) {
            switch (dtype) {
                case F32 -> b.putFloat(v);
                case F16 -> b.putShort(Conversions.floatToF16(v));
                case BF16 -> b.putShort(Conversions.floatToBf16(v));
                default -> throw new IllegalArgumentException("no floats of type " + dtype);
            }
        }
        return bytes(name, dtype, b.array(), dims);
    }

    /** Adds normally distributed values around {@code mean}. */
    public SafetensorsWriter random(
            String name, DType dtype, Random random, double mean, double deviation, long... dims) {
        float[] values = new float[(int) Shape.of(dims).elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (mean + deviation * random.nextGaussian());
        }
        return floats(name, dtype, values, dims);
    }

    public Path write(Path file) {
        byte[] json = (header.isEmpty() ? "{}" : header + "}").getBytes(StandardCharsets.UTF_8);
        ByteBuffer all =
                ByteBuffer.allocate(8 + json.length + data.size()).order(ByteOrder.LITTLE_ENDIAN);
        all.putLong(json.length).put(json).put(data.toByteArray());
        try {
            return Files.write(file, all.array());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
