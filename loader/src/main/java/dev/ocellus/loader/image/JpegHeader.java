package dev.ocellus.loader.image;

import java.util.ArrayList;
import java.util.List;

/** What the markers before a JPEG file's first scan say about its colours and orientation. */
final class JpegHeader {
    private static final int SOF0 = 0xc0;
    private static final int DHT = 0xc4;
    private static final int JPG = 0xc8;
    private static final int DAC = 0xcc;
    private static final int RST0 = 0xd0;
    private static final int SOI = 0xd8;
    private static final int EOI = 0xd9;
    private static final int SOS = 0xda;
    private static final int APP0 = 0xe0;
    private static final int APP1 = 0xe1;
    private static final int APP2 = 0xe2;
    private static final int APP14 = 0xee;
    private static final int COMMENT = 0xfe;

    private final ImageSource source;
    private final byte[] file;
    private final List<Integer> profileMarkers = new ArrayList<>();
    private int[] identifiers = new int[0];
    private int[] sampling = new int[0];
    private boolean jfif;
    private int adobeTransform = -1;
    private int orientation = 1;

    private JpegHeader(ImageSource source) {
        this.source = source;
        this.file = source.bytes();
    }

    static JpegHeader read(ImageSource source) {
        JpegHeader header = new JpegHeader(source);
        header.readSegments();
        if (header.components() == 0) {
            throw source.broken("it has no frame header");
        }
        return header;
    }

    private void readSegments() {
        int at = 2;
        while (at + 4 <= file.length) {
            int marker = file[at + 1] & 0xff;
            if ((file[at] & 0xff) != 0xff || marker == 0xff) {
                at++;
                continue;
            }
            if (marker == SOS || marker == EOI) {
                return;
            }
            at += 2;
            boolean bare = marker <= 1 || (marker >= RST0 && marker <= SOI);
            if (!bare) {
                int length = ((file[at] & 0xff) << 8 | (file[at + 1] & 0xff)) - 2;
                at += 2;
                if (length < 0 || length > file.length - at) {
                    throw source.truncated();
                }
                readSegment(marker, at, length);
                at += length;
            }
        }
    }

    private void readSegment(int marker, int at, int length) {
        switch (marker) {
            case APP0 -> jfif |= startsWith(at, length, "JFIF\0");
            case APP1 -> {
                if (startsWith(at, length, "Exif\0\0")) {
                    orientation = Exif.orientation(file, at + 6, length - 6);
                }
            }
            case APP2 -> profileMarkers.add(at - 3);
            case APP14 -> {
                if (length >= 12 && startsWith(at, length, "Adobe")) {
                    adobeTransform = file[at + 11] & 0xff;
                }
            }
            case DHT, JPG, DAC -> {
                // Among the frame markers by number only.
            }
            default -> {
                if (marker >= SOF0 && marker <= SOF0 + 15) {
                    readFrame(at, length);
                }
            }
        }
    }

    private void readFrame(int at, int length) {
        int count = length < 6 ? 0 : file[at + 5] & 0xff;
        if (count == 0 || length < 6 + 3 * count) {
            throw source.broken("its frame header is too short");
        }
        identifiers = new int[count];
        sampling = new int[count];
        for (int i = 0; i < count; i++) {
            identifiers[i] = file[at + 6 + 3 * i] & 0xff;
            sampling[i] = file[at + 7 + 3 * i] & 0xff;
        }
    }

    private boolean startsWith(int at, int length, String latin1) {
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

    int components() {
        return identifiers.length;
    }

    /** Sampling factors, horizontal in the high four bits, vertical in the low. */
    int[] sampling() {
        return sampling;
    }

    /** EXIF orientation 1..8. */
    int orientation() {
        return orientation;
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

    /**
     * The file with its colour profiles turned into comments: they play no part, and the JDK's
     * reader refuses files whose profile is broken.
     */
    byte[] withoutProfiles() {
        if (profileMarkers.isEmpty()) {
            return file;
        }
        byte[] copy = file.clone();
        for (int marker : profileMarkers) {
            copy[marker] = (byte) COMMENT;
        }
        return copy;
    }
}
