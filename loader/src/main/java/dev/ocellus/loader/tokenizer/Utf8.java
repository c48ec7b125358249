package dev.ocellus.loader.tokenizer;

/** Pieces of UTF-8 decoding that work on part of a sequence. */
final class Utf8 {
    private Utf8() {}

    /** Length of the sequence that a byte begins, or 0 if it can't begin one. */
    static int length(byte first) {
        int b = first & 0xff;
        if (b < 0x80) {
            return 1;
        }
        if (b >> 5 == 0b110) {
            return 2;
        }
        if (b >> 4 == 0b1110) {
            return 3;
        }
        return b >> 3 == 0b11110 ? 4 : 0;
    }

    /** Whether a byte begins some character; overlong and too large beginnings don't. */
    static boolean begins(byte first) {
        int b = first & 0xff;
        return length(first) > 0 && b != 0xc0 && b != 0xc1 && b <= 0xf4;
    }

    /** Whether some character begins with these bytes and this next one. */
    static boolean continues(byte[] sequence, int count, byte next) {
        int b = next & 0xff;
        int low = 0x80;
        int high = 0xbf;
        if (count == 1) {
            switch (sequence[0] & 0xff) {
                case 0xe0 -> low = 0xa0;
                case 0xed -> high = 0x9f;
                case 0xf0 -> low = 0x90;
                case 0xf4 -> high = 0x8f;
                default -> {}
            }
        }
        return b >= low && b <= high;
    }

    /**
     * The code point of a sequence whose continuation marks are right, or -1 if it is overlong or
     * no character.
     */
    static int codePoint(byte[] bytes, int length) {
        if (length == 1) {
            return bytes[0];
        }
        int codePoint = bytes[0] & (0xff >> (length + 1));
        for (int i = 1; i < length; i++) {
            codePoint = codePoint << 6 | bytes[i] & 0x3f;
        }
        int smallest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
        boolean surrogate =
                codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE;
        return codePoint < smallest || codePoint > Character.MAX_CODE_POINT || surrogate
                ? -1
                : codePoint;
    }
}
