package dev.ocellus.loader.image;

import java.util.Optional;

/** The file formats {@link ImageDecoder} reads, told apart by their first bytes. */
public enum ImageFormat {
    PNG,
    JPEG,
    GIF,
    BMP,
    WEBP;

    /** The format whose signature {@code file} starts with; file names play no part. */
    static Optional<ImageFormat> of(byte[] file) {
        if (startsWith(file, 0, "\u0089PNG\r\n\u001a\n")) {
            return Optional.of(PNG);
        }
        if (startsWith(file, 0, "\u00ff\u00d8\u00ff")) {
            return Optional.of(JPEG);
        }
        if (startsWith(file, 0, "GIF87a") || startsWith(file, 0, "GIF89a")) {
            return Optional.of(GIF);
        }
        if (startsWith(file, 0, "RIFF") && startsWith(file, 8, "WEBP")) {
            return Optional.of(WEBP);
        }
        if (startsWith(file, 0, "BM")) {
            return Optional.of(BMP);
        }
        return Optional.empty();
    }

    private static boolean startsWith(byte[] file, int offset, String latin1) {
        if (file.length < offset + latin1.length()) {
            return false;
        }
        for (int i = 0; i < latin1.length(); i++) {
            if ((file[offset + i] & 0xff) != latin1.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
