package dev.ocellus.loader.image;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;

/**
 * PNG files, all colour types, depths and interlacing, from the PNG specification (third edition).
 *
 * <p>Own code rather than ImageIO's reader, which skips checksums, copies through rasters and
 * applies transparency: here rows go from the inflater straight into the RGB array. Ancillary
 * chunks other than {@code eXIf} are skipped; an animated file gives its default image.
 */
final class PngCodec {
    private static final int SIGNATURE = 8;
    private static final int CHUNK_FRAME = 12;

    /** Where the payload of a chunk lies in the file. */
    record Span(int offset, int length) {}

    /** The fields of IHDR that vary. */
    record Header(int width, int height, int depth, int colourType, boolean interlaced) {
        static final int GRAY = 0;
        static final int RGB = 2;
        static final int PALETTE = 3;
        static final int GRAY_ALPHA = 4;
        static final int RGB_ALPHA = 6;

        int bitsPerPixel() {
            return depth
                    * switch (colourType) {
                        case RGB -> 3;
                        case GRAY_ALPHA -> 2;
                        case RGB_ALPHA -> 4;
                        default -> 1;
                    };
        }

        private boolean valid() {
            return switch (colourType) {
                case GRAY -> depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16;
                case PALETTE -> depth == 1 || depth == 2 || depth == 4 || depth == 8;
                case RGB, GRAY_ALPHA, RGB_ALPHA -> depth == 8 || depth == 16;
                default -> false;
            };
        }
    }

    private final ImageSource source;
    private final byte[] file;
    private final List<Span> imageData = new ArrayList<>();
    private Header header;
    private byte[] palette = new byte[0];
    private int orientation = 1;

    private PngCodec(ImageSource source) {
        this.source = source;
        this.file = source.bytes();
    }

    static DecodedImage decode(ImageSource source) {
        PngCodec codec = new PngCodec(source);
        codec.readChunks();
        RgbImage pixels = codec.decodePixels();
        return new DecodedImage(pixels, codec.orientation, ImageFormat.PNG);
    }

    private void readChunks() {
        int at = SIGNATURE;
        while (at + CHUNK_FRAME <= file.length) {
            int length = int32(at);
            String type = new String(file, at + 4, 4, StandardCharsets.ISO_8859_1);
            if (length < 0) {
                throw source.broken("chunk " + type + " says it has a negative length");
            }
            if (length > file.length - at - CHUNK_FRAME) {
                throw source.truncated();
            }
            if (header == null && !type.equals("IHDR")) {
                throw source.broken("it starts with chunk " + type + " instead of IHDR");
            }
            readChunk(type, new Span(at + 8, length));
            if (type.equals("IEND")) {
                return;
            }
            at += length + CHUNK_FRAME;
        }
        if (imageData.isEmpty()) {
            throw source.truncated();
        }
    }

    private void readChunk(String type, Span span) {
        switch (type) {
            case "IHDR" -> {
                verify(type, span);
                readHeader(span);
            }
            case "PLTE" -> {
                verify(type, span);
                if (span.length() % 3 != 0 || span.length() > 256 * 3) {
                    throw source.broken("its palette has " + span.length() + " bytes");
                }
                palette = new byte[span.length()];
                System.arraycopy(file, span.offset(), palette, 0, palette.length);
            }
            case "IDAT" -> {
                verify(type, span);
                imageData.add(span);
            }
            case "eXIf" -> orientation = Exif.orientation(file, span.offset(), span.length());
            default -> {
                // Nothing else changes the pixels.
            }
        }
    }

    private void verify(String type, Span span) {
        CRC32 crc = new CRC32();
        crc.update(file, span.offset() - 4, span.length() + 4);
        if ((int) crc.getValue() != int32(span.offset() + span.length())) {
            throw source.broken("chunk " + type + " does not match its checksum");
        }
    }

    private void readHeader(Span span) {
        if (span.length() != 13 || header != null) {
            throw source.broken("chunk IHDR is not 13 bytes or occurs twice");
        }
        int o = span.offset();
        header = new Header(int32(o), int32(o + 4), file[o + 8], file[o + 9], file[o + 12] == 1);
        if (!header.valid() || file[o + 10] != 0 || file[o + 11] != 0 || (file[o + 12] & ~1) != 0) {
            throw source.broken("chunk IHDR has an undefined colour type, depth or method");
        }
        source.checkSize(header.width(), header.height());
    }

    private RgbImage decodePixels() {
        if (header.colourType() == Header.PALETTE && palette.length == 0) {
            throw source.broken("it has palette indices but no palette");
        }
        int width = header.width();
        int height = header.height();
        byte[] rgb = new byte[width * height * RgbImage.CHANNELS];
        PngRow row = new PngRow(header, palette);
        try (PngInflater inflater = new PngInflater(source, imageData)) {
            if (!header.interlaced()) {
                decodePass(inflater, row, rgb, new Pass(0, 0, 1, 1));
            } else {
                for (Pass pass : Pass.ADAM7) {
                    decodePass(inflater, row, rgb, pass);
                }
            }
        }
        return new RgbImage(width, height, rgb);
    }

    private void decodePass(PngInflater inflater, PngRow row, byte[] rgb, Pass pass) {
        int columns = pass.columns(header.width());
        if (columns == 0) {
            return;
        }
        row.start(columns);
        for (int y = pass.y; y < header.height(); y += pass.stepY) {
            int filter = inflater.readRow(row.samples(), row.bytes());
            if (!row.unfilter(filter)) {
                throw source.broken("row " + y + " has the undefined filter " + filter);
            }
            row.expand(rgb, (y * header.width() + pass.x) * RgbImage.CHANNELS, pass.stepX);
        }
    }

    private int int32(int at) {
        return (file[at] & 0xff) << 24
                | (file[at + 1] & 0xff) << 16
                | (file[at + 2] & 0xff) << 8
                | (file[at + 3] & 0xff);
    }

    /** Which pixels a pass over the image holds: from (x, y) on, every stepX-th and stepY-th. */
    private record Pass(int x, int y, int stepX, int stepY) {
        static final List<Pass> ADAM7 =
                List.of(
                        new Pass(0, 0, 8, 8),
                        new Pass(4, 0, 8, 8),
                        new Pass(0, 4, 4, 8),
                        new Pass(2, 0, 4, 4),
                        new Pass(0, 2, 2, 4),
                        new Pass(1, 0, 2, 2),
                        new Pass(0, 1, 1, 2));

        int columns(int width) {
            return (width - x + stepX - 1) / stepX;
        }
    }
}
