package dev.ocellus.loader.image;

/** The LZW code stream of a GIF frame. */
final class GifLzw {
    private static final int MAX_CODES = 4096;

    private final ImageSource source;
    private final byte[] file;
    private final int[] prefix = new int[MAX_CODES];
    private final byte[] suffix = new byte[MAX_CODES];
    private final byte[] stack = new byte[MAX_CODES + 1];
    private final int literalBits;
    private int at;
    private int blockEnd;
    private int bits;
    private int bitCount;

    /**
     * @param at where the stream's code size byte lies in the file
     */
    GifLzw(ImageSource source, int at) {
        this.source = source;
        this.file = source.bytes();
        if (at >= file.length) {
            throw source.truncated();
        }
        literalBits = file[at] & 0xff;
        if (literalBits < 1 || literalBits > 8) {
            throw source.broken("its LZW code size is " + literalBits);
        }
        this.at = at + 1;
        this.blockEnd = this.at;
    }

    /** The first {@code count} indices; what follows them is ignored. */
    byte[] decode(int count) {
        int clear = 1 << literalBits;
        int end = clear + 1;
        int next = end + 1;
        int width = literalBits + 1;
        int previous = -1;
        int first = 0;
        for (int i = 0; i < clear; i++) {
            suffix[i] = (byte) i;
        }
        byte[] out = new byte[count];
        int n = 0;
        while (n < count) {
            int code = code(width);
            if (code == clear) {
                next = end + 1;
                width = literalBits + 1;
                previous = -1;
                continue;
            }
            if (code == end) {
                throw source.truncated();
            }
            if (code > next || (previous < 0 && code > end) || (code == next && previous < 0)) {
                throw source.broken("its LZW data use a code before it is defined");
            }
            int depth = 0;
            int c = code;
            if (code == next) {
                stack[depth++] = (byte) first;
                c = previous;
            }
            while (c > end) {
                stack[depth++] = suffix[c];
                c = prefix[c];
            }
            first = suffix[c] & 0xff;
            stack[depth++] = (byte) first;
            while (depth > 0 && n < count) {
                out[n++] = stack[--depth];
            }
            if (previous >= 0 && next < MAX_CODES) {
                prefix[next] = previous;
                suffix[next] = (byte) first;
                next++;
                if (next == 1 << width && width < 12) {
                    width++;
                }
            }
            previous = code;
        }
        return out;
    }

    private int code(int width) {
        while (bitCount < width) {
            if (at == blockEnd) {
                nextBlock();
            }
            bits |= (file[at++] & 0xff) << bitCount;
            bitCount += 8;
        }
        int code = bits & ((1 << width) - 1);
        bits >>>= width;
        bitCount -= width;
        return code;
    }

    private void nextBlock() {
        int length = at < file.length ? file[at] & 0xff : 0;
        if (length == 0 || length > file.length - at - 1) {
            throw source.truncated();
        }
        at++;
        blockEnd = at + length;
    }
}
