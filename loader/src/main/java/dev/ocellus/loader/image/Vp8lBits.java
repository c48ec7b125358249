package dev.ocellus.loader.image;

/** Bits of a lossless WebP stream, the lowest of each byte first. */
final class Vp8lBits {
    private final ImageSource source;
    private final int end;
    private int at;
    private long buffer;
    private int count;

    Vp8lBits(ImageSource source, int from, int to) {
        this.source = source;
        this.at = from;
        this.end = to;
    }

    /** The next {@code bits} bits, at most 24, without taking them; zeros beyond the end. */
    int peek(int bits) {
        while (count < bits) {
            long next = at < end ? source.bytes()[at] & 0xffL : 0;
            at++;
            buffer |= next << count;
            count += 8;
        }
        return (int) (buffer & ((1L << bits) - 1));
    }

    void skip(int bits) {
        buffer >>>= bits;
        count -= bits;
        if (at - count / 8 > end) {
            throw source.truncated();
        }
    }

    int number(int bits) {
        int n = peek(bits);
        skip(bits);
        return n;
    }

    boolean flag() {
        return number(1) != 0;
    }
}
