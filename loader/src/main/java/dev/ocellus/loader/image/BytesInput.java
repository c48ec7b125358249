package dev.ocellus.loader.image;

import java.util.Objects;

import javax.imageio.stream.ImageInputStreamImpl;

/**
 * A byte array as ImageIO input; unlike {@code ImageIO.createImageInputStream} it neither copies
 * the data nor caches them on disk.
 */
final class BytesInput extends ImageInputStreamImpl {
    private final byte[] bytes;
    private boolean ranDry;

    BytesInput(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Whether a codec asked for data beyond the end. */
    boolean ranDry() {
        return ranDry;
    }

    @Override
    public int read() {
        bitOffset = 0;
        if (streamPos >= bytes.length) {
            ranDry = true;
            return -1;
        }
        return bytes[(int) streamPos++] & 0xff;
    }

    @Override
    public int read(byte[] out, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, out.length);
        bitOffset = 0;
        if (length == 0) {
            return 0;
        }
        if (streamPos >= bytes.length) {
            ranDry = true;
            return -1;
        }
        int n = (int) Math.min(length, bytes.length - streamPos);
        System.arraycopy(bytes, (int) streamPos, out, offset, n);
        streamPos += n;
        return n;
    }

    @Override
    public long length() {
        return bytes.length;
    }
}
