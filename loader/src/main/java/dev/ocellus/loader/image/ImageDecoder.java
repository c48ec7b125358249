package dev.ocellus.loader.image;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Decodes PNG, JPEG, GIF (first frame), BMP and WebP files to the RGB pixels that Pillow's {@code
 * Image.open(file).convert("RGB")} gives: palettes expanded, gray repeated, alpha dropped without
 * blending, CMYK converted by Pillow's formula, no colour management. The EXIF orientation is
 * reported, not applied.
 *
 * <p>Input is untrusted: the size in the header is checked before pixels are allocated, and
 * whatever is wrong with a file ends in an {@link ImageException}. Nothing is cached on disk and no
 * display is needed. A decoder is immutable and safe for any number of threads; a call holds the
 * file and one 8-bit copy of its pixels on the heap (some formats two), and keeps nothing.
 */
public final class ImageDecoder {
    /** Most pixels decoded without asking: twice 89,478,485, where Pillow refuses as well. */
    public static final long DEFAULT_MAX_PIXELS = 2L * 89_478_485;

    /** Largest file that is read. */
    public static final int MAX_FILE_BYTES = 512 << 20;

    private final long maxPixels;

    /** Accepts pictures of up to {@link #DEFAULT_MAX_PIXELS} pixels. */
    public ImageDecoder() {
        this(DEFAULT_MAX_PIXELS);
    }

    /**
     * @param maxPixels most pixels a picture may have, at most {@link #DEFAULT_MAX_PIXELS}
     * @throws IllegalArgumentException if it is out of range
     */
    public ImageDecoder(long maxPixels) {
        if (maxPixels < 1 || maxPixels > DEFAULT_MAX_PIXELS) {
            throw new IllegalArgumentException(
                    "maxPixels must be in 1.." + DEFAULT_MAX_PIXELS + ", not " + maxPixels);
        }
        this.maxPixels = maxPixels;
    }

    /**
     * Decodes the file at {@code path}.
     *
     * @throws ImageException if it cannot be read, is no picture of a known format, is broken or
     *     too large
     */
    public DecodedImage decode(Path path) {
        try (InputStream in = Files.newInputStream(path)) {
            return decode(in, path.toString());
        } catch (IOException e) {
            throw new ImageException("cannot read " + path + ": " + e, e);
        }
    }

    /**
     * Decodes what is left of {@code in}, which is read to its end and not closed.
     *
     * @param name what messages call the source
     * @throws ImageException as {@link #decode(Path)}
     */
    public DecodedImage decode(InputStream in, String name) {
        byte[] bytes;
        try {
            bytes = in.readNBytes(MAX_FILE_BYTES + 1);
        } catch (IOException e) {
            throw new ImageException("cannot read " + name + ": " + e, e);
        } catch (OutOfMemoryError e) {
            throw outOfMemory(name, e);
        }
        if (bytes.length > MAX_FILE_BYTES) {
            throw new ImageException(
                    name + " has more than " + (MAX_FILE_BYTES >> 20) + " MiB; recompress it");
        }
        return decode(bytes, name);
    }

    /**
     * Decodes the file held in {@code file}, which is only read.
     *
     * @param name what messages call the source
     * @throws ImageException as {@link #decode(Path)}
     */
    public DecodedImage decode(byte[] file, String name) {
        if (file.length == 0) {
            throw new ImageException(name + " is empty; a picture is expected");
        }
        ImageFormat format = ImageFormat.of(file).orElseThrow(() -> unknownFormat(name));
        ImageSource source = new ImageSource(name, file, maxPixels);
        try {
            return switch (format) {
                case PNG -> PngCodec.decode(source);
                case JPEG -> JpegCodec.decode(source);
                case GIF -> GifCodec.decode(source);
                case BMP -> BmpCodec.decode(source);
                case WEBP -> WebpCodec.decode(source);
            };
        } catch (ImageException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // Inner loops of codecs meet broken data with whatever index or number they trip over.
            String reason = e.getMessage() == null ? e.toString() : e.getMessage();
            throw new ImageException(
                    name + " is broken or a kind of " + format + " that is not read: " + reason, e);
        } catch (OutOfMemoryError e) {
            throw outOfMemory(name, e);
        }
    }

    /**
     * The pixels of an image made in this process, {@link RgbImage#of(BufferedImage)}, under the
     * same limit as files.
     *
     * @throws ImageException if it has more than the allowed pixels
     */
    public RgbImage decode(BufferedImage image) {
        new ImageSource("the BufferedImage", new byte[0], maxPixels)
                .checkSize(image.getWidth(), image.getHeight());
        return RgbImage.of(image);
    }

    private static ImageException unknownFormat(String name) {
        return new ImageException(
                name
                        + " is not a PNG, JPEG, GIF, BMP or WebP file; convert it to one of these"
                        + " first");
    }

    private static ImageException outOfMemory(String name, OutOfMemoryError cause) {
        return new ImageException(
                name + " needs more heap than is free; give -Xmx more or lower the pixel limit",
                cause);
    }
}
