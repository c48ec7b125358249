package dev.ocellus.loader.tokenizer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The compiled replacement table of a SentencePiece normaliser: a double-array trie over UTF-8
 * whose values are offsets of zero-terminated replacements. A unit of the trie holds a label (bits
 * 0-7 and 31), a leaf mark (bit 8), the width of the offset (bit 9) and the offset (bits 10-30); a
 * leaf's unit holds the value.
 */
final class CharsMap {
    private final IntBuffer units;
    private final byte[] replacements;

    /** What the text at a position is replaced with, and where the replaced part ends. */
    record Match(int end, String replacement) {}

    CharsMap(byte[] blob) throws ProtobufReader.MalformedException {
        ByteBuffer buffer = ByteBuffer.wrap(blob).order(ByteOrder.LITTLE_ENDIAN);
        int trieBytes = blob.length < 4 ? -1 : buffer.getInt();
        if (trieBytes <= 0 || trieBytes % 4 != 0 || trieBytes > blob.length - 4) {
            throw new ProtobufReader.MalformedException("the normaliser's table has a bad size");
        }
        units = buffer.slice(4, trieBytes).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer();
        replacements = Arrays.copyOfRange(blob, 4 + trieBytes, blob.length);
        checkUnits();
    }

    /**
     * Every step from every unit must stay inside: whole blocks of 256 units make room for any next
     * byte.
     */
    private void checkUnits() throws ProtobufReader.MalformedException {
        boolean valid = units.limit() % 256 == 0 && replacements.length > 0;
        for (int i = 0; valid && i < units.limit(); i++) {
            int unit = units.get(i);
            if (unit >= 0) {
                int target = i ^ offset(unit);
                valid =
                        target < units.limit()
                                && ((unit >>> 8 & 1) == 0
                                        || (units.get(target) & 0x7fffffff) < replacements.length);
            }
        }
        if (!valid || replacements[replacements.length - 1] != 0) {
            throw new ProtobufReader.MalformedException(
                    "the normaliser's table points outside itself");
        }
    }

    /** The longest entry that the text at {@code at} begins with, or null. */
    Match longest(String text, int at) {
        Match found = null;
        int position = offset(unit(0));
        int index = at;
        while (index < text.length()) {
            int codePoint = text.codePointAt(index);
            index += Character.charCount(codePoint);
            for (byte b : Character.toString(codePoint).getBytes(StandardCharsets.UTF_8)) {
                position ^= b & 0xff;
                int unit = unit(position);
                if ((unit & 0x800000ff) != (b & 0xff)) {
                    return found;
                }
                position ^= offset(unit);
                if ((unit >>> 8 & 1) == 1) {
                    found = new Match(index, replacement(unit(position) & 0x7fffffff));
                }
            }
        }
        return found;
    }

    private int unit(int position) {
        return units.get(position);
    }

    private static int offset(int unit) {
        return unit >>> 10 << ((unit & 0x200) >>> 6);
    }

    private String replacement(int start) {
        int end = Math.min(start, replacements.length);
        while (end < replacements.length && replacements[end] != 0) {
            end++;
        }
        return new String(
                replacements,
                Math.min(start, end),
                end - Math.min(start, end),
                StandardCharsets.UTF_8);
    }
}
