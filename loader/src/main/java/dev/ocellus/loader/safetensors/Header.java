package dev.ocellus.loader.safetensors;

import dev.ocellus.loader.safetensors.SafetensorsException.Rule;

import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * The validated header of a safetensors file: 8 bytes of little-endian length, that many bytes of
 * JSON, then the tensors' bytes without gaps.
 *
 * @param entries in the order of their bytes
 * @param dataOffset where the tensors' bytes begin in the file
 */
record Header(List<Entry> entries, Map<String, String> metadata, long dataOffset) {
    static final int LENGTH_BYTES = 8;
    static final long MAX_BYTES = 100_000_000;

    /**
     * @param begin offset of the tensor's first byte behind the header
     * @param end offset behind its last byte
     */
    record Entry(TensorSpec tensor, long begin, long end) {}

    /**
     * Reads from the current start of {@code in}; the file's bytes beyond the header aren't
     * touched.
     */
    static Header read(Path file, RandomAccessFile in, long fileSize) {
        if (fileSize < LENGTH_BYTES) {
            throw new SafetensorsException(
                    file,
                    Rule.FILE_TOO_SHORT,
                    "the file has %d bytes, a safetensors file begins with an 8-byte header length"
                            .formatted(fileSize));
        }
        try {
            byte[] lengthField = new byte[LENGTH_BYTES];
            in.seek(0);
            in.readFully(lengthField);
            long length = ByteBuffer.wrap(lengthField).order(ByteOrder.LITTLE_ENDIAN).getLong();
            checkLength(file, length, fileSize);
            byte[] json = new byte[(int) length];
            in.readFully(json);
            long dataOffset = LENGTH_BYTES + length;
            HeaderParser parser = new HeaderParser(file, decode(file, json));
            List<Entry> sorted = new ArrayList<>(parser.parse());
            sorted.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
            checkLayout(file, sorted, fileSize - dataOffset);
            return new Header(List.copyOf(sorted), parser.metadata(), dataOffset);
        } catch (EOFException e) {
            throw new SafetensorsException(
                    file, Rule.FILE_SHRANK, "the file was cut while its header was read", e);
        } catch (IOException e) {
            throw new SafetensorsException(file, Rule.IO, "can't be read: " + e, e);
        }
    }

    private static void checkLength(Path file, long length, long fileSize) {
        if (length < 0 || length > MAX_BYTES) {
            throw new SafetensorsException(
                    file,
                    Rule.HEADER_TOO_LONG,
                    ("not a safetensors file: the header length field says %s "
                                    + "bytes, at most %d are allowed")
                            .formatted(Long.toUnsignedString(length), MAX_BYTES));
        }
        if (length > fileSize - LENGTH_BYTES) {
            throw new SafetensorsException(
                    file,
                    Rule.HEADER_PAST_END,
                    "the header length field says %d bytes, the file has %d behind it"
                            .formatted(length, fileSize - LENGTH_BYTES));
        }
    }

    private static String decode(Path file, byte[] json) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
        } catch (CharacterCodingException e) {
            throw new SafetensorsException(
                    file, Rule.HEADER_NOT_UTF8, "the header is not valid UTF-8", e);
        }
    }

    private static void checkLayout(Path file, List<Entry> sorted, long dataSize) {
        long covered = 0;
        String before = null;
        for (Entry entry : sorted) {
            String name = entry.tensor().name();
            if (entry.begin() < covered) {
                throw new SafetensorsException(
                        file,
                        Rule.OVERLAP,
                        "tensors '%s' and '%s' overlap: one ends at byte %d, the other begins at %d"
                                .formatted(before, name, covered, entry.begin()));
            }
            if (entry.begin() > covered) {
                throw new SafetensorsException(
                        file,
                        Rule.HOLE,
                        "bytes %d to %d before tensor '%s' belong to no tensor"
                                .formatted(covered, entry.begin(), name));
            }
            if (entry.end() > dataSize) {
                throw new SafetensorsException(
                        file,
                        Rule.PAST_END,
                        ("tensor '%s' ends at byte %d behind the header, the file has "
                                        + "%d there; is it an incomplete download?")
                                .formatted(name, entry.end(), dataSize));
            }
            covered = entry.end();
            before = name;
        }
        if (covered < dataSize) {
            throw new SafetensorsException(
                    file,
                    Rule.HOLE,
                    "the last %d bytes of the file belong to no tensor"
                            .formatted(dataSize - covered));
        }
    }
}
