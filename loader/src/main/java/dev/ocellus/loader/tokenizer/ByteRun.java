package dev.ocellus.loader.tokenizer;

import java.nio.charset.StandardCharsets;

/**
 * Byte-level tokens to text. Malformed UTF-8 becomes U+FFFD, one for each longest part that could
 * have begun a character, as the Unicode standard recommends and the reference does.
 */
final class ByteRun implements SlowModel.Run {
    private final byte[] sequence = new byte[4];
    private int count;

    @Override
    public void accept(String token, StringBuilder text) {
        if (token.chars().allMatch(c -> ByteAlphabet.byteOf((char) c) >= 0)) {
            token.chars().forEach(c -> add((byte) ByteAlphabet.byteOf((char) c), text));
        } else {
            for (byte b : token.getBytes(StandardCharsets.UTF_8)) {
                add(b, text);
            }
        }
    }

    @Override
    public void finish(StringBuilder text) {
        if (count > 0) {
            text.append('\ufffd');
            count = 0;
        }
    }

    private void add(byte b, StringBuilder text) {
        if (count > 0 && !Utf8.continues(sequence, count, b)) {
            finish(text);
        }
        if (count == 0 && !Utf8.begins(b)) {
            text.append('\ufffd');
            return;
        }
        sequence[count++] = b;
        if (count == Utf8.length(sequence[0])) {
            text.appendCodePoint(Utf8.codePoint(sequence, count));
            count = 0;
        }
    }
}
