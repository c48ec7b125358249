package dev.ocellus.loader.image;

/** The boolean entropy decoder of VP8 (RFC 6386, section 7) over a part of a file. */
final class Vp8Bits {
    /** A decoder looks a little ahead; beyond this many bytes the data are missing. */
    private static final int LOOK_AHEAD = 2;

    private final ImageSource source;
    private final int end;
    private int at;
    private int range = 255;
    private int value;
    private int spare = -8;

    Vp8Bits(ImageSource source, int from, int to) {
        this.source = source;
        this.at = from;
        this.end = to;
    }

    /** Whether the next bool, which is false with {@code probability} / 256, is true. */
    boolean bool(int probability) {
        while (spare < 0) {
            value = value << 8 | nextByte();
            spare += 8;
        }
        int split = 1 + ((range - 1) * probability >> 8);
        boolean bit = value >>> spare >= split;
        if (bit) {
            value -= split << spare;
            range -= split;
        } else {
            range = split;
        }
        int shift = Integer.numberOfLeadingZeros(range) - 24;
        range <<= shift;
        spare -= shift;
        return bit;
    }

    int bit(int probability) {
        return bool(probability) ? 1 : 0;
    }

    boolean flag() {
        return bool(128);
    }

    /** An unsigned number of {@code bits} bits, the highest first. */
    int number(int bits) {
        int n = 0;
        for (int i = 0; i < bits; i++) {
            n = n << 1 | bit(128);
        }
        return n;
    }

    /** A number of {@code bits} bits followed by its sign. */
    int signed(int bits) {
        int n = number(bits);
        return flag() ? -n : n;
    }

    /** {@link #signed} if a flag says that there is one, else 0. */
    int optionalSigned(int bits) {
        return flag() ? signed(bits) : 0;
    }

    private int nextByte() {
        if (at < end) {
            return source.bytes()[at++] & 0xff;
        }
        if (at++ >= end + LOOK_AHEAD) {
            throw source.truncated();
        }
        return 0;
    }
}
