package dev.ocellus.loader.image;

/**
 * What the markers before a JPEG file's first scan say about its colours and orientation.
 *
 * @param components bands of the frame
 * @param identifiers their ids, in order
 * @param sampling their sampling factors, horizontal in the high four bits, vertical in the low
 * @param jfif whether a JFIF marker was seen
 * @param adobeTransform the Adobe marker's colour transform, -1 without the marker
 * @param orientation EXIF orientation 1..8
 */
record JpegHeader(
        int components,
        int[] identifiers,
        int[] sampling,
        boolean jfif,
        int adobeTransform,
        int orientation) {
    private static final int SOI = 0xd8;
    private static final int SOS = 0xda;
    private static final int EOI = 0xd9;
    private static final int APP0 = 0xe0;
    private static final int APP1 = 0xe1;
    private static final int APP14 = 0xee;

    static JpegHeader read(ImageSource source) {
        byte[] file = source.bytes();
        JpegHeader header = new JpegHeader(0, new int[0], new int[0], false, -1, 1);
        int at = 2;
        while (at + 4 <= file.length) {
            if ((file[at] & 0xff) != 0xff) {
                at++;
                continue;
            }
            int marker = file[at + 1] & 0xff;
            if (marker == 0xff) {
                at++;
                continue;
            }
            if (marker == SOS || marker == EOI) {
                break;
            }
            boolean bare = marker <= 1 || marker >= 0xd0 && marker <= SOI;
            if (bare) {
                at += 2;
                continue;
            }
            int length = ((file[at + 2] & 0xff) << 8 | (file[at + 3] & 0xff)) - 2;
            at += 4;
            if (length < 0 || length > file.length - at) {
                throw source.truncated();
            }
            header = header.with(source, marker, at, length);
            at += length;
        }
        if (header.components == 0) {
            throw source.broken("it has no frame header");
        }
        return header;
    }

    private JpegHeader with(ImageSource source, int marker, int at, int length) {
        byte[] file = source.bytes();
        boolean frame =
                marker >= 0xc0
                        && marker <= 0xcf
                        && marker != 0xc4
                        && marker != 0xc8
                        && marker != 0xcc;
        if (frame) {
            return withFrame(source, at, length);
        }
        return switch (marker) {
            case APP0 ->
                    startsWith(file, at, length, "JFIF\0")
                            ? new JpegHeader(
                                    components,
                                    identifiers,
                                    sampling,
                                    true,
                                    adobeTransform,
                                    orientation)
                            : this;
            case APP1 ->
                    startsWith(file, at, length, "Exif\0\0")
                            ? new JpegHeader(
                                    components,
                                    identifiers,
                                    sampling,
                                    jfif,
                                    adobeTransform,
                                    Exif.orientation(file, at + 6, length - 6))
                            : this;
            case APP14 ->
                    length >= 12 && startsWith(file, at, length, "Adobe")
                            ? new JpegHeader(
                                    components,
                                    identifiers,
                                    sampling,
                                    jfif,
                                    file[at + 11] & 0xff,
                                    orientation)
                            : this;
            default -> this;
        };
    }

    private JpegHeader withFrame(ImageSource source, int at, int length) {
        byte[] file = source.bytes();
        int count = length < 6 ? 0 : file[at + 5] & 0xff;
        if (count == 0 || length < 6 + 3 * count) {
            throw source.broken("its frame header is too short");
        }
        int[] ids = new int[count];
        int[] factors = new int[count];
        for (int i = 0; i < count; i++) {
            ids[i] = file[at + 6 + 3 * i] & 0xff;
            factors[i] = file[at + 7 + 3 * i] & 0xff;
        }
        return new JpegHeader(count, ids, factors, jfif, adobeTransform, orientation);
    }

    /** Whether three components are RGB rather than YCbCr, by the rules of libjpeg. */
    boolean isRgb() {
        if (jfif) {
            return false;
        }
        if (adobeTransform >= 0) {
            return adobeTransform == 0;
        }
        return identifiers[0] == 'R' && identifiers[1] == 'G' && identifiers[2] == 'B';
    }

    /** Whether four components are YCCK rather than CMYK, by the rules of libjpeg. */
    boolean isYcck() {
        return adobeTransform > 0;
    }

    private static boolean startsWith(byte[] file, int at, int length, String latin1) {
        if (length < latin1.length()) {
            return false;
        }
        for (int i = 0; i < latin1.length(); i++) {
            if ((file[at + i] & 0xff) != latin1.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
