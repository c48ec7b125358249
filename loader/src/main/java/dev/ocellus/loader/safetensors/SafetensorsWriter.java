package dev.ocellus.loader.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;

import dev.ocellus.loader.AtomicFile;
import dev.ocellus.loader.safetensors.SafetensorsException.Rule;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a safetensors file, tensor after tensor, with a few megabytes of memory. The data begins
 * at a multiple of 64 bytes; tensors keep the given order, so equal dtypes side by side stay
 * aligned.
 */
public final class SafetensorsWriter {
    private static final int ALIGNMENT = 64;
    private static final long CHUNK_BYTES = 8 << 20;

    private SafetensorsWriter() {}

    /**
     * Writes a file under a temporary name and renames it, so that there is never half a file.
     *
     * @param metadata the {@code __metadata__} of the header; none if empty
     * @throws IllegalArgumentException if two tensors have one name or the header passes 100 MB
     * @throws SafetensorsException with {@link Rule#IO} if the file can't be written
     */
    public static void write(
            Path file,
            Map<String, String> metadata,
            List<TensorSpec> tensors,
            TensorSource source) {
        checkNames(tensors);
        try {
            byte[] header = header(metadata, tensors);
            AtomicFile.write(file, temporary -> write(temporary, header, tensors, source));
        } catch (IOException e) {
            throw new SafetensorsException(file, Rule.IO, "can't be written: " + e, e);
        }
    }

    private static void checkNames(List<TensorSpec> tensors) {
        Set<String> names = new HashSet<>();
        for (TensorSpec tensor : tensors) {
            if (!names.add(tensor.name())) {
                throw new IllegalArgumentException("two tensors are named '" + tensor.name() + "'");
            }
        }
    }

    /** Length field and JSON, filled up with spaces to a multiple of the alignment. */
    private static byte[] header(Map<String, String> metadata, List<TensorSpec> tensors)
            throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(new byte[Header.LENGTH_BYTES]);
        try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart("__metadata__");
                for (Map.Entry<String, String> entry : metadata.entrySet()) {
                    json.writeStringField(entry.getKey(), entry.getValue());
                }
                json.writeEndObject();
            }
            long offset = 0;
            for (TensorSpec tensor : tensors) {
                long end = Math.addExact(offset, tensor.byteSize());
                json.writeObjectFieldStart(tensor.name());
                json.writeStringField("dtype", tensor.dtype().name());
                json.writeFieldName("shape");
                long[] dims = tensor.shape().toArray();
                json.writeArray(dims, 0, dims.length);
                json.writeFieldName("data_offsets");
                json.writeArray(new long[] {offset, end}, 0, 2);
                json.writeEndObject();
                offset = end;
            }
            json.writeEndObject();
        }
        int used = out.size();
        byte[] header = Arrays.copyOf(out.toByteArray(), Math.ceilDiv(used, ALIGNMENT) * ALIGNMENT);
        Arrays.fill(header, used, header.length, (byte) ' ');
        long length = header.length - Header.LENGTH_BYTES;
        if (length > Header.MAX_BYTES) {
            throw new IllegalArgumentException(
                    "a header of %d bytes is over the limit of %d"
                            .formatted(length, Header.MAX_BYTES));
        }
        ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        return header;
    }

    private static void write(
            Path file, byte[] header, List<TensorSpec> tensors, TensorSource source)
            throws IOException {
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw");
                Arena arena = Arena.ofShared()) {
            out.write(header);
            if (source == TensorSource.ZEROS) {
                out.setLength(
                        header.length + tensors.stream().mapToLong(TensorSpec::byteSize).sum());
                return;
            }
            MemorySegment chunk = arena.allocate(CHUNK_BYTES, ALIGNMENT);
            for (TensorSpec tensor : tensors) {
                write(out.getChannel(), tensor, source, chunk);
            }
        }
    }

    private static void write(
            FileChannel out, TensorSpec tensor, TensorSource source, MemorySegment chunk)
            throws IOException {
        long bytes = tensor.byteSize();
        for (long done = 0; done < bytes; done += CHUNK_BYTES) {
            MemorySegment part = chunk.asSlice(0, Math.min(CHUNK_BYTES, bytes - done));
            source.read(tensor, done, part);
            ByteBuffer buffer = part.asByteBuffer();
            while (buffer.hasRemaining()) {
                out.write(buffer);
            }
        }
    }
}
