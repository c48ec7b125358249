package dev.ocellus.loader.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Windows and OS/2 bitmaps: 1, 4, 8, 16, 24 and 32 bits, bit fields, run lengths, either row order.
 *
 * <p>Own code, since ImageIO's reader hands over colour models instead of samples. Alpha is
 * dropped; 5- and 6-bit samples are scaled as Pillow does, {@code v * 255 / max}.
 */
final class BmpCodec {
    private static final int FILE_HEADER = 14;
    private static final int CORE_HEADER = 12;
    private static final int RAW = 0;
    private static final int RLE8 = 1;
    private static final int RLE4 = 2;
    private static final int BITFIELDS = 3;

    private final ImageSource source;
    private final ByteBuffer file;
    private int width;
    private int height;
    private boolean topDown;
    private int bits;
    private int compression;
    private int pixelOffset;
    private byte[] palette;
    private int paletteStride;
    private final int[] masks = new int[RgbImage.CHANNELS];

    private BmpCodec(ImageSource source) {
        this.source = source;
        this.file = ByteBuffer.wrap(source.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    }

    static DecodedImage decode(ImageSource source) {
        BmpCodec codec = new BmpCodec(source);
        codec.readHeader();
        return new DecodedImage(codec.readPixels(), 1, ImageFormat.BMP);
    }

    private void readHeader() {
        need(0, FILE_HEADER + CORE_HEADER);
        int headerSize = file.getInt(FILE_HEADER);
        int colours = 0;
        switch (headerSize) {
            case CORE_HEADER -> {
                width = file.getShort(18) & 0xffff;
                height = file.getShort(20) & 0xffff;
                bits = file.getShort(24);
                paletteStride = 3;
            }
            case 40, 52, 56, 64, 108, 124 -> {
                need(FILE_HEADER, headerSize);
                width = file.getInt(18);
                height = file.getInt(22);
                topDown = height < 0;
                height = Math.absExact(height);
                bits = file.getShort(28);
                compression = file.getInt(30);
                colours = file.getInt(46);
                paletteStride = 4;
            }
            default -> throw source.unsupported("a BMP header of " + headerSize + " bytes");
        }
        source.checkSize(width, height);
        checkDepth();
        int afterHeader = FILE_HEADER + headerSize;
        if (bits <= 8) {
            afterHeader = readPalette(afterHeader, colours);
        } else {
            afterHeader = readMasks(afterHeader, headerSize);
        }
        pixelOffset = file.getInt(10);
        if (pixelOffset == 0 || (bits <= 8 && pixelOffset == FILE_HEADER + headerSize)) {
            pixelOffset = afterHeader;
        }
        need(pixelOffset, 0);
    }

    private void checkDepth() {
        boolean known =
                switch (compression) {
                    case RAW ->
                            bits == 1
                                    || bits == 4
                                    || bits == 8
                                    || bits == 16
                                    || bits == 24
                                    || bits == 32;
                    case RLE8 -> bits == 8;
                    case RLE4 -> bits == 4;
                    case BITFIELDS -> bits == 16 || bits == 24 || bits == 32;
                    default -> false;
                };
        if (!known) {
            throw source.unsupported(
                    "a BMP with " + bits + " bits a pixel and compression " + compression);
        }
    }

    private int readPalette(int at, int colours) {
        int entries = colours == 0 ? 1 << bits : colours;
        if (entries < 0 || entries > 65536) {
            throw source.broken("its palette has " + entries + " entries");
        }
        need(at, entries * paletteStride);
        palette = new byte[256 * RgbImage.CHANNELS];
        for (int i = 0; i < Math.min(entries, 256); i++) {
            for (int c = 0; c < RgbImage.CHANNELS; c++) {
                palette[i * RgbImage.CHANNELS + c] = file.get(at + i * paletteStride + 2 - c);
            }
        }
        return at + entries * paletteStride;
    }

    private int readMasks(int at, int headerSize) {
        if (bits == 16) {
            setMasks(0x7c00, 0x3e0, 0x1f);
        } else {
            setMasks(0xff0000, 0xff00, 0xff);
        }
        if (compression != BITFIELDS) {
            return at;
        }
        // In headers of 40 bytes the masks follow; in longer ones they are the fields from byte 40.
        int masksAt = FILE_HEADER + 40;
        need(masksAt, 12);
        int red = file.getInt(masksAt);
        int green = file.getInt(masksAt + 4);
        int blue = file.getInt(masksAt + 8);
        if ((red | green | blue) != 0) {
            setMasks(red, green, blue);
        }
        for (int mask : masks) {
            int ones = mask >>> Integer.numberOfTrailingZeros(mask);
            if (mask == 0 || (ones & (ones + 1)) != 0 || ones > 0xff) {
                throw source.unsupported("a BMP with the bit mask %08x".formatted(mask));
            }
        }
        return headerSize == 40 ? at + 12 : at;
    }

    private void setMasks(int red, int green, int blue) {
        masks[0] = red;
        masks[1] = green;
        masks[2] = blue;
    }

    private RgbImage readPixels() {
        byte[] rgb;
        if (compression == RLE8 || compression == RLE4) {
            rgb = new byte[width * height * RgbImage.CHANNELS];
            byte[] indices =
                    BmpRunLengths.decode(source, pixelOffset, width, height, compression == RLE4);
            for (int row = 0; row < height; row++) {
                int o = target(row);
                for (int x = 0; x < width; x++, o += RgbImage.CHANNELS) {
                    putPalette(rgb, o, indices[row * width + x] & 0xff);
                }
            }
            return new RgbImage(width, height, rgb);
        }
        long stride = ((long) width * bits + 31) / 32 * 4;
        if (pixelOffset + stride * (height - 1L) + (width * (long) bits + 7) / 8
                > file.capacity()) {
            throw source.truncated();
        }
        rgb = new byte[width * height * RgbImage.CHANNELS];
        for (int row = 0; row < height; row++) {
            int at = (int) (pixelOffset + row * stride);
            if (bits <= 8) {
                readIndices(at, rgb, target(row));
            } else {
                readMasked(at, rgb, target(row));
            }
        }
        return new RgbImage(width, height, rgb);
    }

    private int target(int row) {
        return (topDown ? row : height - 1 - row) * width * RgbImage.CHANNELS;
    }

    private void readIndices(int at, byte[] rgb, int offset) {
        for (int x = 0, o = offset; x < width; x++, o += RgbImage.CHANNELS) {
            int bit = x * bits;
            int index = (file.get(at + (bit >> 3)) >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
            putPalette(rgb, o, index);
        }
    }

    private void putPalette(byte[] rgb, int offset, int index) {
        System.arraycopy(palette, index * RgbImage.CHANNELS, rgb, offset, RgbImage.CHANNELS);
    }

    private void readMasked(int at, byte[] rgb, int offset) {
        int bytes = bits / 8;
        for (int x = 0, o = offset; x < width; x++, o += RgbImage.CHANNELS) {
            int i = at + x * bytes;
            int pixel = (file.get(i) & 0xff) | (file.get(i + 1) & 0xff) << 8;
            if (bytes > 2) {
                pixel |= (file.get(i + 2) & 0xff) << 16;
            }
            if (bytes > 3) {
                pixel |= (file.get(i + 3) & 0xff) << 24;
            }
            for (int c = 0; c < RgbImage.CHANNELS; c++) {
                int shift = Integer.numberOfTrailingZeros(masks[c]);
                int max = masks[c] >>> shift;
                rgb[o + c] = (byte) (((pixel & masks[c]) >>> shift) * 255 / max);
            }
        }
    }

    private void need(int offset, int bytes) {
        if (offset < 0 || bytes < 0 || offset > file.capacity() - bytes) {
            throw source.truncated();
        }
    }
}
