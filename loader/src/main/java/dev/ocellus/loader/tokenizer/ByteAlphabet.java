package dev.ocellus.loader.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The printable character that stands for each byte in byte-level vocabularies (GPT-2): printable
 * Latin-1 bytes stand for themselves, the others for U+0100 and on, in order.
 */
final class ByteAlphabet {
    private static final char[] OF_BYTE = new char[256];
    private static final short[] OF_CHARACTER = new short[512];

    static {
        Arrays.fill(OF_CHARACTER, (short) -1);
        char next = 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae;
            OF_BYTE[b] = printable ? (char) b : next++;
            OF_CHARACTER[OF_BYTE[b]] = (short) b;
        }
    }

    private ByteAlphabet() {}

    /** The UTF-8 bytes of a text in this alphabet. */
    static String spell(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        char[] spelled = new char[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            spelled[i] = OF_BYTE[bytes[i] & 0xff];
        }
        return new String(spelled);
    }

    /** The byte that a character stands for, or -1. */
    static int byteOf(char character) {
        return character < OF_CHARACTER.length ? OF_CHARACTER[character] : -1;
    }
}
