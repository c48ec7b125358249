package dev.ocellus.bench.gguf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads what the writer's tests need of a GGUF file, by the format's description. */
final class GgufFile {
    final Map<String, Object> metadata = new LinkedHashMap<>();
    final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final ByteBuffer bytes;
    private final int dataStart;

    /** Dimensions are innermost first. */
    record Tensor(List<Long> dims, int type, long offset) {}

    GgufFile(Path file) throws IOException {
        bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        byte[] magic = new byte[4];
        bytes.get(magic);
        if (!new String(magic, StandardCharsets.US_ASCII).equals("GGUF") || bytes.getInt() != 3) {
            throw new IOException("not GGUF version 3");
        }
        long tensorCount = bytes.getLong();
        long entries = bytes.getLong();
        for (long i = 0; i < entries; i++) {
            String key = string();
            metadata.put(key, value(bytes.getInt()));
        }
        for (long i = 0; i < tensorCount; i++) {
            String name = string();
            List<Long> dims = new ArrayList<>();
            for (int rank = bytes.getInt(); rank > 0; rank--) {
                dims.add(bytes.getLong());
            }
            tensors.put(name, new Tensor(dims, bytes.getInt(), bytes.getLong()));
        }
        dataStart = (bytes.position() + 31) / 32 * 32;
    }

    private Object value(int type) {
        return switch (type) {
            case 4, 5 -> bytes.getInt();
            case 6 -> bytes.getFloat();
            case 8 -> string();
            case 9 -> {
                int element = bytes.getInt();
                List<Object> all = new ArrayList<>();
                for (long n = bytes.getLong(); n > 0; n--) {
                    all.add(value(element));
                }
                yield all;
            }
            default -> throw new IllegalStateException("value type " + type);
        };
    }

    private String string() {
        byte[] text = new byte[Math.toIntExact(bytes.getLong())];
        bytes.get(text);
        return new String(text, StandardCharsets.UTF_8);
    }

    long end(String name, long size) {
        return dataStart + tensors.get(name).offset() + size;
    }

    long size() {
        return bytes.capacity();
    }

    /** All values of a tensor, dequantised. */
    float[] values(String name) {
        Tensor t = tensors.get(name);
        int n = Math.toIntExact(t.dims().stream().reduce(1L, (a, b) -> a * b));
        float[] x = new float[n];
        ByteBuffer at =
                bytes.slice(
                                Math.toIntExact(dataStart + t.offset()),
                                Math.toIntExact(bytes.capacity() - dataStart - t.offset()))
                        .order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < n; ) {
            i = decode(t.type(), at, x, i);
        }
        return x;
    }

    private static int decode(int type, ByteBuffer at, float[] x, int i) {
        switch (type) {
            case 0 -> x[i] = at.getFloat();
            case 30 -> x[i] = Float.intBitsToFloat(at.getShort() << 16);
            case 8 -> {
                float scale = Float.float16ToFloat(at.getShort());
                for (int j = 0; j < 32; j++) {
                    x[i + j] = scale * at.get();
                }
            }
            case 2 -> {
                float scale = Float.float16ToFloat(at.getShort());
                for (int j = 0; j < 16; j++) {
                    int two = at.get() & 0xff;
                    x[i + j] = scale * ((two & 15) - 8);
                    x[i + j + 16] = scale * ((two >> 4) - 8);
                }
            }
            default -> throw new IllegalStateException("tensor type " + type);
        }
        return i + (type == 8 || type == 2 ? 32 : 1);
    }
}
