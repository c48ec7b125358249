package dev.ocellus.loader.image;

import java.util.List;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Inflates the IDAT chunks of a PNG file, one row at a time. */
final class PngInflater implements AutoCloseable {
    private final ImageSource source;
    private final List<PngCodec.Span> chunks;
    private final Inflater inflater = new Inflater();
    private final byte[] filter = new byte[1];
    private int next;

    PngInflater(ImageSource source, List<PngCodec.Span> chunks) {
        this.source = source;
        this.chunks = chunks;
    }

    /** Fills the first {@code length} bytes of {@code row}; returns the filter type before them. */
    int readRow(byte[] row, int length) {
        readFully(filter, 1);
        readFully(row, length);
        return filter[0] & 0xff;
    }

    private void readFully(byte[] out, int length) {
        int n = 0;
        while (n < length) {
            int got;
            try {
                got = inflater.inflate(out, n, length - n);
            } catch (DataFormatException e) {
                throw source.broken("its compressed data cannot be inflated: " + e.getMessage());
            }
            n += got;
            if (got == 0) {
                if (inflater.finished() || inflater.needsDictionary() || next == chunks.size()) {
                    throw source.truncated();
                }
                PngCodec.Span span = chunks.get(next++);
                inflater.setInput(source.bytes(), span.offset(), span.length());
            }
        }
    }

    @Override
    public void close() {
        inflater.end();
    }
}
