package dev.ocellus.loader.image;

import java.util.Arrays;

/**
 * The first frame of GIF files, from the GIF89a specification.
 *
 * <p>Own code, since ImageIO's reader gives the frame without its place on the screen. The frame is
 * drawn on the logical screen, which grows if the frame reaches beyond it; what it leaves free has
 * the transparent entry, else entry 0, as in Pillow.
 */
final class GifCodec {
    private static final int SCREEN = 13;
    private static final int PALETTE_FLAG = 0x80;
    private static final int INTERLACE_FLAG = 0x40;

    private final ImageSource source;
    private final byte[] file;
    private int at = SCREEN;
    private byte[] palette;
    private int transparent;

    private GifCodec(ImageSource source) {
        this.source = source;
        this.file = source.bytes();
    }

    static DecodedImage decode(ImageSource source) {
        return new DecodedImage(new GifCodec(source).firstFrame(), 1, ImageFormat.GIF);
    }

    private RgbImage firstFrame() {
        need(0, SCREEN);
        int screenWidth = int16(6);
        int screenHeight = int16(8);
        source.checkSize(Math.max(screenWidth, 1), Math.max(screenHeight, 1));
        readPalette(file[10]);
        skipToImage();
        need(at, 10);
        int left = int16(at + 1);
        int top = int16(at + 3);
        int width = int16(at + 5);
        int height = int16(at + 7);
        byte flags = file[at + 9];
        at += 10;
        readPalette(flags);
        source.checkSize(width, height);
        int canvasWidth = Math.max(screenWidth, left + width);
        int canvasHeight = Math.max(screenHeight, top + height);
        source.checkSize(canvasWidth, canvasHeight);
        byte[] indices = new GifLzw(source, at).decode(width * height);

        byte[] rgb = new byte[canvasWidth * canvasHeight * RgbImage.CHANNELS];
        if (width < canvasWidth || height < canvasHeight) {
            byte[] background = new byte[canvasWidth];
            Arrays.fill(background, (byte) transparent);
            for (int y = 0; y < canvasHeight; y++) {
                expand(background, 0, canvasWidth, rgb, y * canvasWidth);
            }
        }
        boolean interlaced = (flags & INTERLACE_FLAG) != 0;
        for (int row = 0; row < height; row++) {
            int y = top + (interlaced ? interlacedRow(row, height) : row);
            expand(indices, row * width, width, rgb, y * canvasWidth + left);
        }
        return new RgbImage(canvasWidth, canvasHeight, rgb);
    }

    /** Keeps the palette that follows the descriptor with {@code flags}, if there is one. */
    private void readPalette(byte flags) {
        if ((flags & PALETTE_FLAG) != 0) {
            int bytes = 3 << ((flags & 7) + 1);
            need(at, bytes);
            palette = Arrays.copyOfRange(file, at, at + bytes);
            at += bytes;
        }
    }

    /** Moves to the first image descriptor, noting the transparent entry on the way. */
    private void skipToImage() {
        while (true) {
            need(at, 3);
            switch (file[at]) {
                case ',' -> {
                    return;
                }
                case '!' -> {
                    boolean graphicControl = (file[at + 1] & 0xff) == 0xf9;
                    at += 2;
                    if (graphicControl && (file[at] & 0xff) >= 4) {
                        need(at, 5);
                        transparent = (file[at + 1] & 1) != 0 ? file[at + 4] & 0xff : 0;
                    }
                    skipBlocks();
                }
                case ';' -> throw source.broken("it holds no picture");
                default -> at++;
            }
        }
    }

    private void skipBlocks() {
        while (true) {
            need(at, 1);
            int length = file[at++] & 0xff;
            if (length == 0) {
                return;
            }
            at += length;
        }
    }

    private void expand(byte[] indices, int from, int count, byte[] rgb, int pixel) {
        int o = pixel * RgbImage.CHANNELS;
        for (int i = from; i < from + count; i++, o += RgbImage.CHANNELS) {
            int entry = (indices[i] & 0xff) * RgbImage.CHANNELS;
            if (palette == null) {
                Arrays.fill(rgb, o, o + RgbImage.CHANNELS, indices[i]);
            } else if (entry < palette.length) {
                rgb[o] = palette[entry];
                rgb[o + 1] = palette[entry + 1];
                rgb[o + 2] = palette[entry + 2];
            } else {
                Arrays.fill(rgb, o, o + RgbImage.CHANNELS, (byte) 0);
            }
        }
    }

    /** The row on the screen of the {@code n}-th row in an interlaced file. */
    private static int interlacedRow(int n, int height) {
        int eighths = (height + 7) / 8;
        int quarters = (height + 3) / 4;
        int halves = (height + 1) / 2;
        if (n < eighths) {
            return n * 8;
        }
        if (n < quarters) {
            return (n - eighths) * 8 + 4;
        }
        return n < halves ? (n - quarters) * 4 + 2 : (n - halves) * 2 + 1;
    }

    private int int16(int offset) {
        return (file[offset] & 0xff) | (file[offset + 1] & 0xff) << 8;
    }

    private void need(int offset, int bytes) {
        if (offset > file.length - bytes) {
            throw source.truncated();
        }
    }
}
