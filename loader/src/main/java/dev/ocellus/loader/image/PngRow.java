package dev.ocellus.loader.image;

import java.util.Arrays;

/** One row of a PNG pass: undoes its filter and expands its samples to RGB as Pillow does. */
final class PngRow {
    private final PngCodec.Header header;
    private final byte[] palette;
    private final int bytesPerPixel;
    private byte[] samples;
    private byte[] above;
    private int columns;
    private int bytes;

    PngRow(PngCodec.Header header, byte[] palette) {
        this.header = header;
        this.palette = palette;
        this.bytesPerPixel = Math.max(1, header.bitsPerPixel() / 8);
        int longest = bytes(header.width());
        samples = new byte[longest];
        above = new byte[longest];
    }

    /** Begins a pass with rows of {@code columns} pixels. */
    void start(int columns) {
        this.columns = columns;
        this.bytes = bytes(columns);
        Arrays.fill(samples, (byte) 0);
        Arrays.fill(above, (byte) 0);
    }

    private int bytes(int pixels) {
        return Math.toIntExact(((long) pixels * header.bitsPerPixel() + 7) / 8);
    }

    int bytes() {
        return bytes;
    }

    /** Where the next row's filtered bytes go. */
    byte[] samples() {
        return samples;
    }

    /** Undoes {@code filter} on the row just read; false if there is no such filter. */
    boolean unfilter(int filter) {
        int bpp = bytesPerPixel;
        switch (filter) {
            case 0 -> {}
            case 1 -> {
                for (int i = bpp; i < bytes; i++) {
                    samples[i] += samples[i - bpp];
                }
            }
            case 2 -> {
                for (int i = 0; i < bytes; i++) {
                    samples[i] += above[i];
                }
            }
            case 3 -> {
                for (int i = 0; i < bytes; i++) {
                    int left = i < bpp ? 0 : samples[i - bpp] & 0xff;
                    samples[i] += (byte) ((left + (above[i] & 0xff)) >> 1);
                }
            }
            case 4 -> {
                for (int i = 0; i < bytes; i++) {
                    int left = i < bpp ? 0 : samples[i - bpp] & 0xff;
                    int corner = i < bpp ? 0 : above[i - bpp] & 0xff;
                    samples[i] += (byte) paeth(left, above[i] & 0xff, corner);
                }
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private static int paeth(int left, int up, int corner) {
        int toLeft = Math.abs(up - corner);
        int toUp = Math.abs(left - corner);
        int toCorner = Math.abs(left + up - 2 * corner);
        if (toLeft <= toUp && toLeft <= toCorner) {
            return left;
        }
        return toUp <= toCorner ? up : corner;
    }

    /** Writes the row to every {@code step}-th pixel of {@code rgb} from {@code offset} on. */
    void expand(byte[] rgb, int offset, int step) {
        int stride = step * RgbImage.CHANNELS;
        int bytesPerSample = header.depth() == 16 ? 2 : 1;
        switch (header.colourType()) {
            case PngCodec.Header.RGB, PngCodec.Header.RGB_ALPHA -> {
                // Of 16-bit samples only the high byte is kept.
                for (int x = 0, i = 0, o = offset; x < columns; x++) {
                    rgb[o] = samples[i];
                    rgb[o + 1] = samples[i + bytesPerSample];
                    rgb[o + 2] = samples[i + 2 * bytesPerSample];
                    i += bytesPerPixel;
                    o += stride;
                }
            }
            case PngCodec.Header.PALETTE -> expandPalette(rgb, offset, stride);
            default -> {
                for (int x = 0, o = offset; x < columns; x++, o += stride) {
                    byte gray = gray(x);
                    rgb[o] = gray;
                    rgb[o + 1] = gray;
                    rgb[o + 2] = gray;
                }
            }
        }
        byte[] read = samples;
        samples = above;
        above = read;
    }

    private void expandPalette(byte[] rgb, int offset, int stride) {
        for (int x = 0, o = offset; x < columns; x++, o += stride) {
            int entry = packed(x) * RgbImage.CHANNELS;
            if (entry < palette.length) {
                rgb[o] = palette[entry];
                rgb[o + 1] = palette[entry + 1];
                rgb[o + 2] = palette[entry + 2];
            }
        }
    }

    private byte gray(int x) {
        if (header.depth() < 8) {
            return (byte) (packed(x) * 255 / ((1 << header.depth()) - 1));
        }
        int i = x * bytesPerPixel;
        if (header.depth() == 16 && header.colourType() == PngCodec.Header.GRAY) {
            // Pillow keeps 16-bit gray as it is and clips it at 255 on the way to RGB.
            return samples[i] == 0 ? samples[i + 1] : (byte) 255;
        }
        return samples[i];
    }

    private int packed(int x) {
        int depth = header.depth();
        int bit = x * depth;
        return (samples[bit >> 3] >> (8 - depth - (bit & 7))) & ((1 << depth) - 1);
    }
}
