package dev.ocellus.bench.gguf;

import dev.ocellus.loader.AtomicFile;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Collects metadata and tensors, and writes them as one GGUF file: header, metadata, descriptions
 * of the tensors, then their bytes, each tensor at a multiple of {@value #ALIGNMENT}.
 * Little-endian.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">GGUF</a>
 */
final class GgufWriter {
    static final int ALIGNMENT = 32;
    static final int MAGIC = 0x46554747;
    static final int VERSION = 3;

    static final int UINT32 = 4;
    static final int INT32 = 5;
    static final int FLOAT32 = 6;
    static final int STRING = 8;
    static final int ARRAY = 9;

    private static final int BUFFER_BYTES = 1 << 20;

    /** Reads rows of a matrix one after the other. */
    interface Rows {
        /** Fills {@code row} with the values of a row. */
        void read(long index, float[] row);
    }

    private record Tensor(
            String name, GgufType type, long rows, long cols, boolean vector, Rows data) {
        long bytes() {
            return type.bytes(rows * cols);
        }
    }

    private final ByteArrayOutputStream metadata = new ByteArrayOutputStream();
    private int entries;
    private final List<Tensor> tensors = new ArrayList<>();

    void put(String key, String value) {
        key(key, STRING);
        string(metadata, value);
    }

    void put(String key, long value) {
        key(key, UINT32);
        int32(metadata, Math.toIntExact(value));
    }

    void put(String key, float value) {
        key(key, FLOAT32);
        int32(metadata, Float.floatToRawIntBits(value));
    }

    void putStrings(String key, List<String> values) {
        array(key, STRING, values.size());
        values.forEach(v -> string(metadata, v));
    }

    void putInts(String key, IntStream values, int count) {
        array(key, INT32, count);
        values.limit(count).forEach(v -> int32(metadata, v));
    }

    void matrix(String name, GgufType type, long rows, long cols, Rows data) {
        if (!type.fits(cols)) {
            throw new IllegalArgumentException(
                    name + ": rows of " + cols + " columns are no whole blocks of " + type);
        }
        tensors.add(new Tensor(name, type, rows, cols, false, data));
    }

    /** A vector of float32. */
    void vector(String name, long elements, Rows data) {
        tensors.add(new Tensor(name, GgufType.F32, 1, elements, true, data));
    }

    void write(Path file) throws IOException {
        AtomicFile.write(file, this::writeTo);
    }

    private void writeTo(Path file) throws IOException {
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.WRITE)) {
            ByteArrayOutputStream head = new ByteArrayOutputStream();
            int32(head, MAGIC);
            int32(head, VERSION);
            int64(head, tensors.size());
            int64(head, entries);
            head.writeBytes(metadata.toByteArray());
            long offset = 0;
            for (Tensor t : tensors) {
                describe(head, t, offset);
                offset += aligned(t.bytes());
            }
            head.writeBytes(new byte[(int) (aligned(head.size()) - head.size())]);
            writeAll(out, ByteBuffer.wrap(head.toByteArray()));
            for (Tensor t : tensors) {
                writeData(out, t);
            }
        }
    }

    /** Dimensions are listed innermost first. */
    private static void describe(ByteArrayOutputStream head, Tensor t, long offset) {
        string(head, t.name());
        int32(head, t.vector() ? 1 : 2);
        int64(head, t.cols());
        if (!t.vector()) {
            int64(head, t.rows());
        }
        int32(head, t.type().id);
        int64(head, offset);
    }

    private static void writeData(FileChannel out, Tensor t) throws IOException {
        long rowBytes = t.type().bytes(t.cols());
        int capacity = (int) Math.max(BUFFER_BYTES, rowBytes + ALIGNMENT);
        ByteBuffer buffer = ByteBuffer.allocateDirect(capacity).order(ByteOrder.LITTLE_ENDIAN);
        float[] row = new float[Math.toIntExact(t.cols())];
        for (long r = 0; r < t.rows(); r++) {
            if (buffer.remaining() < rowBytes) {
                writeAll(out, buffer.flip());
                buffer.clear();
            }
            t.data().read(r, row);
            t.type().encode(row, buffer);
        }
        writeAll(out, buffer.flip());
        writeAll(out, ByteBuffer.allocate((int) (aligned(t.bytes()) - t.bytes())));
    }

    private static void writeAll(FileChannel out, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            out.write(bytes);
        }
    }

    private static long aligned(long n) {
        return (n + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    private void key(String key, int type) {
        string(metadata, key);
        int32(metadata, type);
        entries++;
    }

    private void array(String key, int type, int count) {
        key(key, ARRAY);
        int32(metadata, type);
        int64(metadata, count);
    }

    private static void string(ByteArrayOutputStream out, String s) {
        byte[] bytes = s.getBytes(StandardCharsets.UTF_8);
        int64(out, bytes.length);
        out.writeBytes(bytes);
    }

    private static void int32(ByteArrayOutputStream out, int v) {
        out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(v).array());
    }

    private static void int64(ByteArrayOutputStream out, long v) {
        out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(v).array());
    }
}
