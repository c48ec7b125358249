package dev.ocellus.loader.image;

import java.awt.image.ComponentSampleModel;
import java.awt.image.DataBufferByte;
import java.awt.image.Raster;
import java.io.IOException;
import java.util.Iterator;

import javax.imageio.ImageIO;
import javax.imageio.ImageReader;

/**
 * JPEG files, baseline and progressive, with 1, 3 or 4 components.
 *
 * <p>The JDK's reader, which is libjpeg, gives the decoded components as they are; colours are
 * converted here with libjpeg's and Pillow's integer formulas.
 */
final class JpegCodec {
    private JpegCodec() {}

    static DecodedImage decode(ImageSource source) throws IOException {
        JpegHeader header = JpegHeader.read(source);
        if (header.components() == 2 || header.components() > 4) {
            throw source.unsupported("a JPEG with " + header.components() + " components");
        }
        RgbImage pixels = toRgb(components(source, header), header);
        return new DecodedImage(pixels, header.orientation(), ImageFormat.JPEG);
    }

    private static Raster components(ImageSource source, JpegHeader header) throws IOException {
        ImageReader reader = jdkReader();
        try (BytesInput input = new BytesInput(header.withoutProfiles())) {
            reader.setInput(input, true, true);
            source.checkSize(reader.getWidth(0), reader.getHeight(0));
            Raster raster = reader.readRaster(0, null);
            if (input.ranDry()) {
                throw source.truncated();
            }
            if (raster.getNumBands() != header.components()) {
                throw source.broken("its frame header occurs twice");
            }
            return raster;
        } finally {
            reader.dispose();
        }
    }

    /** The reader that comes with the JDK, whatever plug-ins the class path adds. */
    private static ImageReader jdkReader() {
        Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName("jpeg");
        while (readers.hasNext()) {
            ImageReader reader = readers.next();
            if (reader.getClass().getModule() == ImageIO.class.getModule()) {
                return reader;
            }
        }
        throw new IllegalStateException("this JDK has no JPEG reader");
    }

    private static RgbImage toRgb(Raster raster, JpegHeader header) {
        int pixels = raster.getWidth() * raster.getHeight();
        byte[] samples = interleaved(raster);
        JpegChromaRows.smooth(samples, raster.getWidth(), raster.getHeight(), header.sampling());
        byte[] rgb =
                switch (header.components()) {
                    case 1 -> {
                        byte[] out = new byte[pixels * RgbImage.CHANNELS];
                        for (int i = 0, o = 0; i < pixels; i++, o += RgbImage.CHANNELS) {
                            out[o] = samples[i];
                            out[o + 1] = samples[i];
                            out[o + 2] = samples[i];
                        }
                        yield out;
                    }
                    case 3 -> {
                        if (!header.isRgb()) {
                            JpegColors.yccToRgb(samples, 3);
                        }
                        yield samples;
                    }
                    default -> {
                        if (header.isYcck()) {
                            JpegColors.yccToRgb(samples, 4);
                        }
                        yield JpegColors.cmykToRgb(samples, header.isYcck());
                    }
                };
        return new RgbImage(raster.getWidth(), raster.getHeight(), rgb);
    }

    /** The raster's own array, which nobody else holds, if it is laid out as needed. */
    private static byte[] interleaved(Raster raster) {
        int bands = raster.getNumBands();
        if (raster.getSampleModel() instanceof ComponentSampleModel model
                && raster.getDataBuffer() instanceof DataBufferByte buffer
                && model.getPixelStride() == bands
                && model.getScanlineStride() == bands * raster.getWidth()
                && inOrder(model.getBandOffsets())
                && buffer.getData().length == raster.getHeight() * model.getScanlineStride()) {
            return buffer.getData();
        }
        throw new IllegalStateException("unexpected layout of JPEG samples: " + raster);
    }

    private static boolean inOrder(int[] bandOffsets) {
        for (int i = 0; i < bandOffsets.length; i++) {
            if (bandOffsets[i] != i) {
                return false;
            }
        }
        return true;
    }
}
