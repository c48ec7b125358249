package dev.ocellus.loader.image;

import com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi;

import java.awt.image.Raster;
import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

import javax.imageio.ImageReader;

/** WebP files, lossy and lossless, first frame; alpha is dropped. */
final class WebpCodec {
    private static final int RIFF_HEADER = 12;
    private static final int CHUNK_HEADER = 8;

    private WebpCodec() {}

    static DecodedImage decode(ImageSource source) throws IOException {
        ImageReader reader = new WebPImageReaderSpi().createReaderInstance(null);
        try (BytesInput input = new BytesInput(source.bytes(), ByteOrder.LITTLE_ENDIAN)) {
            reader.setInput(input, true, true);
            source.checkSize(reader.getWidth(0), reader.getHeight(0));
            Raster raster = reader.read(0).getRaster();
            return new DecodedImage(rgb(raster), orientation(source.bytes()), ImageFormat.WEBP);
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

    /** Looks for the EXIF chunk, which extended files have after the picture. */
    private static int orientation(byte[] file) {
        int at = RIFF_HEADER;
        while (at <= file.length - CHUNK_HEADER) {
            String kind = new String(file, at, 4, StandardCharsets.ISO_8859_1);
            int length =
                    (file[at + 4] & 0xff)
                            | (file[at + 5] & 0xff) << 8
                            | (file[at + 6] & 0xff) << 16
                            | (file[at + 7] & 0xff) << 24;
            at += CHUNK_HEADER;
            if (length < 0 || length > file.length - at) {
                return 1;
            }
            if (kind.equals("EXIF")) {
                return Exif.orientation(file, at, length);
            }
            at += length + (length & 1);
        }
        return 1;
    }
}
