package dev.ocellus.loader.image;

import com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi;

import java.awt.image.Raster;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

import javax.imageio.ImageReader;

/**
 * WebP files; the alpha plane of lossy ones is skipped. Lossy still pictures are decoded by {@link
 * Vp8Codec}, lossless and animated ones by the TwelveMonkeys reader, the latter to their first
 * frame.
 */
final class WebpCodec {
    private static final int RIFF_HEADER = 12;
    private static final int CHUNK_HEADER = 8;

    private final ImageSource source;
    private final byte[] file;
    private int frameAt = -1;
    private int frameEnd;
    private int orientation = 1;

    private WebpCodec(ImageSource source) {
        this.source = source;
        this.file = source.bytes();
    }

    static DecodedImage decode(ImageSource source) throws IOException {
        WebpCodec codec = new WebpCodec(source);
        codec.readChunks();
        RgbImage pixels =
                codec.frameAt >= 0
                        ? Vp8Codec.decode(source, codec.frameAt, codec.frameEnd)
                        : codec.readLossless();
        return new DecodedImage(pixels, codec.orientation, ImageFormat.WEBP);
    }

    private void readChunks() {
        long riffEnd = CHUNK_HEADER + (long) int32(4);
        if (riffEnd < RIFF_HEADER || riffEnd > file.length) {
            throw source.truncated();
        }
        int at = RIFF_HEADER;
        while (at <= riffEnd - CHUNK_HEADER) {
            String kind = new String(file, at, 4, StandardCharsets.ISO_8859_1);
            int length = int32(at + 4);
            at += CHUNK_HEADER;
            if (length < 0 || length > riffEnd - at) {
                throw source.truncated();
            }
            if (kind.equals("VP8 ") && frameAt < 0) {
                frameAt = at;
                frameEnd = at + length;
            } else if (kind.equals("EXIF")) {
                orientation = exif(at, length);
            }
            at += length + (length & 1);
        }
    }

    /** Some writers put JPEG's marker before the TIFF data. */
    private int exif(int at, int length) {
        int prefix = length > 6 && file[at] == 'E' ? 6 : 0;
        return Exif.orientation(file, at + prefix, length - prefix);
    }

    private RgbImage readLossless() throws IOException {
        ImageReader reader = new WebPImageReaderSpi().createReaderInstance(null);
        try (BytesInput input = new BytesInput(file, ByteOrder.LITTLE_ENDIAN)) {
            reader.setInput(input, true, true);
            source.checkSize(reader.getWidth(0), reader.getHeight(0));
            return rgb(reader.read(0).getRaster());
        } finally {
            reader.dispose();
        }
    }

    private static RgbImage rgb(Raster raster) {
        int width = raster.getWidth();
        int height = raster.getHeight();
        int bands = raster.getNumBands();
        byte[] out = new byte[width * height * RgbImage.CHANNELS];
        int[] row = new int[width * bands];
        int o = 0;
        for (int y = 0; y < height; y++) {
            raster.getPixels(0, y, width, 1, row);
            for (int i = 0; i < row.length; i += bands) {
                out[o++] = (byte) row[i];
                out[o++] = (byte) row[i + 1];
                out[o++] = (byte) row[i + 2];
            }
        }
        return new RgbImage(width, height, out);
    }

    private int int32(int at) {
        if (at > file.length - 4) {
            throw source.truncated();
        }
        return (file[at] & 0xff)
                | (file[at + 1] & 0xff) << 8
                | (file[at + 2] & 0xff) << 16
                | (file[at + 3] & 0xff) << 24;
    }
}
