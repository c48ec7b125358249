package dev.ocellus.loader.image;

import java.nio.charset.StandardCharsets;

/**
 * WebP files: the RIFF container (RFC 9649, section 2) around a lossy or lossless picture. Alpha is
 * dropped; of an animation the first frame is drawn on a black canvas.
 */
final class WebpCodec {
    private static final int RIFF_HEADER = 12;
    private static final int CHUNK_HEADER = 8;
    private static final int FRAME_HEADER = 16;
    private static final int CANVAS_HEADER = 10;

    private final ImageSource source;
    private final byte[] file;
    private RgbImage picture;
    private int canvasWidth;
    private int canvasHeight;
    private int orientation = 1;

    private WebpCodec(ImageSource source) {
        this.source = source;
        this.file = source.bytes();
    }

    static DecodedImage decode(ImageSource source) {
        WebpCodec codec = new WebpCodec(source);
        if (source.bytes().length < RIFF_HEADER + CHUNK_HEADER) {
            throw source.truncated();
        }
        long end = CHUNK_HEADER + (codec.int32(4) & 0xffffffffL);
        if (end > source.bytes().length) {
            throw source.truncated();
        }
        codec.readChunks(RIFF_HEADER, (int) end);
        if (codec.picture == null) {
            throw source.broken("it holds no picture");
        }
        return new DecodedImage(codec.picture, codec.orientation, ImageFormat.WEBP);
    }

    private void readChunks(int from, int end) {
        int at = from;
        while (at <= end - CHUNK_HEADER) {
            String kind = new String(file, at, 4, StandardCharsets.ISO_8859_1);
            int length = int32(at + 4);
            at += CHUNK_HEADER;
            if (length < 0 || length > end - at) {
                throw source.truncated();
            }
            readChunk(kind, at, length);
            at += length + (length & 1);
        }
    }

    private void readChunk(String kind, int at, int length) {
        switch (kind) {
            case "VP8X" -> {
                if (length < CANVAS_HEADER) {
                    throw source.truncated();
                }
                canvasWidth = int24(at + 4) + 1;
                canvasHeight = int24(at + 7) + 1;
                source.checkSize(canvasWidth, canvasHeight);
            }
            case "VP8 " -> {
                if (picture == null) {
                    picture = Vp8Codec.decode(source, at, at + length);
                }
            }
            case "VP8L" -> {
                if (picture == null) {
                    picture = Vp8lCodec.decode(source, at, at + length);
                }
            }
            case "ANMF" -> {
                if (picture == null) {
                    readFrame(at, length);
                }
            }
            case "EXIF" -> {
                // Some writers put JPEG's marker before the TIFF data.
                int prefix = length > 6 && file[at] == 'E' ? 6 : 0;
                orientation = Exif.orientation(file, at + prefix, length - prefix);
            }
            default -> {
                // Nothing else changes the pixels.
            }
        }
    }

    private void readFrame(int at, int length) {
        if (length < FRAME_HEADER) {
            throw source.truncated();
        }
        int left = 2 * int24(at);
        int top = 2 * int24(at + 3);
        readChunks(at + FRAME_HEADER, at + length);
        if (picture == null) {
            throw source.broken("its first frame holds no picture");
        }
        int width = picture.width();
        int height = picture.height();
        if (left > canvasWidth - width || top > canvasHeight - height) {
            throw source.broken("its first frame leaves the canvas");
        }
        if (width == canvasWidth && height == canvasHeight) {
            return;
        }
        byte[] canvas = new byte[canvasWidth * canvasHeight * RgbImage.CHANNELS];
        int rowBytes = width * RgbImage.CHANNELS;
        for (int y = 0; y < height; y++) {
            int target = ((top + y) * canvasWidth + left) * RgbImage.CHANNELS;
            System.arraycopy(picture.data(), y * rowBytes, canvas, target, rowBytes);
        }
        picture = new RgbImage(canvasWidth, canvasHeight, canvas);
    }

    private int int24(int at) {
        return (file[at] & 0xff) | (file[at + 1] & 0xff) << 8 | (file[at + 2] & 0xff) << 16;
    }

    private int int32(int at) {
        return int24(at) | (file[at + 3] & 0xff) << 24;
    }
}
