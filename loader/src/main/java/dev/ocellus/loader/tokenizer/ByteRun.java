package dev.ocellus.loader.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Byte-level tokens to text; malformed UTF-8 becomes U+FFFD. */
final class ByteRun implements SlowModel.Run {
    private final CharsetDecoder decoder =
            StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPLACE)
                    .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private byte[] unfinished = new byte[0];

    @Override
    public void accept(String token, StringBuilder text) {
        byte[] literal = token.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(unfinished.length + literal.length);
        bytes.put(unfinished);
        boolean spelled = token.chars().allMatch(c -> ByteAlphabet.byteOf((char) c) >= 0);
        if (spelled) {
            token.chars().forEach(c -> bytes.put((byte) ByteAlphabet.byteOf((char) c)));
        } else {
            bytes.put(literal);
        }
        decode(bytes.flip(), false, text);
    }

    @Override
    public void finish(StringBuilder text) {
        decode(ByteBuffer.wrap(unfinished), true, text);
    }

    private void decode(ByteBuffer bytes, boolean last, StringBuilder text) {
        CharBuffer characters = CharBuffer.allocate(bytes.remaining() + 1);
        decoder.decode(bytes, characters, last);
        unfinished = new byte[bytes.remaining()];
        bytes.get(unfinished);
        text.append(characters.flip());
    }
}
