package dev.ocellus.loader.image;

/** Run-length encoded palette indices of a BMP file. */
final class BmpRunLengths {
    private BmpRunLengths() {}

    /**
     * Indices {@code [height][width]} in the order of the file; pixels that the data skip, or leave
     * out by ending early with an end mark, are 0.
     *
     * @param nibbles whether a byte holds two pixels
     */
    static byte[] decode(ImageSource source, int offset, int width, int height, boolean nibbles) {
        byte[] file = source.bytes();
        byte[] out = new byte[width * height];
        int at = offset;
        int x = 0;
        long y = 0;
        while (y < height) {
            if (at + 2 > file.length) {
                throw source.truncated();
            }
            int count = file[at] & 0xff;
            int value = file[at + 1] & 0xff;
            at += 2;
            if (count > 0) {
                for (int i = 0; i < count && x < width; i++, x++) {
                    out[(int) y * width + x] = (byte) (nibbles ? nibble(value, i) : value);
                }
            } else if (value == 0) {
                x = 0;
                y++;
            } else if (value == 1) {
                break;
            } else if (value == 2) {
                if (at + 2 > file.length) {
                    throw source.truncated();
                }
                x += file[at] & 0xff;
                y += file[at + 1] & 0xff;
                at += 2;
                if (x > width) {
                    throw source.broken("its run lengths leave the picture");
                }
            } else {
                int bytes = nibbles ? (value + 1) / 2 : value;
                if (bytes > file.length - at) {
                    throw source.truncated();
                }
                for (int i = 0; i < value && x < width; i++, x++) {
                    int b = file[at + (nibbles ? i / 2 : i)];
                    out[(int) y * width + x] = (byte) (nibbles ? nibble(b, i) : b);
                }
                at += bytes + (bytes & 1);
            }
        }
        return out;
    }

    private static int nibble(int value, int i) {
        return i % 2 == 0 ? value >> 4 & 15 : value & 15;
    }
}
