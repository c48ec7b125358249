package dev.ocellus.loader.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Finds the orientation in EXIF data, which is a TIFF file of tags. */
final class Exif {
    private static final int ORIENTATION = 0x0112;
    private static final int SHORT = 3;
    private static final int LONG = 4;
    private static final int ENTRY_BYTES = 12;

    private Exif() {}

    /**
     * The orientation 1..8 in the TIFF data at {@code offset}; 1 if there is none or the data make
     * no sense, since broken metadata is no reason to refuse a picture.
     */
    static int orientation(byte[] file, int offset, int length) {
        if (length < 8) {
            return 1;
        }
        ByteBuffer tiff = ByteBuffer.wrap(file, offset, length).slice();
        switch (tiff.getShort(0)) {
            case 0x4949 -> tiff.order(ByteOrder.LITTLE_ENDIAN);
            case 0x4d4d -> tiff.order(ByteOrder.BIG_ENDIAN);
            default -> {
                return 1;
            }
        }
        int directory = tiff.getInt(4);
        if (directory < 8 || directory > length - 2) {
            return 1;
        }
        int entries = tiff.getShort(directory) & 0xffff;
        for (int i = 0; i < entries; i++) {
            long at = directory + 2L + (long) i * ENTRY_BYTES;
            if (at + ENTRY_BYTES > length) {
                return 1;
            }
            int entry = (int) at;
            if ((tiff.getShort(entry) & 0xffff) == ORIENTATION) {
                int value =
                        switch (tiff.getShort(entry + 2)) {
                            case SHORT -> tiff.getShort(entry + 8);
                            case LONG -> tiff.getInt(entry + 8);
                            default -> 1;
                        };
                return value >= 1 && value <= 8 ? value : 1;
            }
        }
        return 1;
    }
}
