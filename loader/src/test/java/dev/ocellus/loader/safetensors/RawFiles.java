package dev.ocellus.loader.safetensors;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Safetensors files put together byte by byte, right or wrong. */
public final class RawFiles {
    private RawFiles() {}

    /** Length field, header, data. */
    public static byte[] bytes(String header, byte[] data) {
        return bytes(header.getBytes(StandardCharsets.UTF_8), data);
    }

    public static byte[] bytes(byte[] header, byte[] data) {
        return ByteBuffer.allocate(8 + header.length + data.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(header.length)
                .put(header)
                .put(data)
                .array();
    }

    public static Path write(Path file, String header, byte[] data) {
        try {
            return Files.write(file, bytes(header, data));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The entry of one tensor in a header. */
    public static String entry(String name, String dtype, String shape, long begin, long end) {
        return "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                .formatted(name, dtype, shape, begin, end);
    }

    public static String header(String... entries) {
        return "{" + String.join(",", entries) + "}";
    }

    /** 0, 1, 2, ... */
    public static byte[] counting(int n) {
        byte[] data = new byte[n];
        for (int i = 0; i < n; i++) {
            data[i] = (byte) i;
        }
        return data;
    }
}
