package dev.ocellus.loader.image;

/** A prefix code of lossless WebP (RFC 9649, section 3.7.2). */
final class Vp8lCode {
    private static final int MAX_LENGTH = 15;
    private static final int FAST_BITS = 8;
    private static final int[] LENGTH_CODE_ORDER = {
        17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    };

    /** Symbols by code length, then value. */
    private final int[] symbols;

    /** How many codes have each length; all zero when the only symbol takes no bits. */
    private final int[] counts;

    /** Length and symbol for the next bits, 0 where the code is longer. */
    private final int[] fast;

    private Vp8lCode(int[] symbols, int[] counts, int[] fast) {
        this.symbols = symbols;
        this.counts = counts;
        this.fast = fast;
    }

    static Vp8lCode read(ImageSource source, Vp8lBits bits, int alphabet) {
        int[] lengths = new int[alphabet];
        if (bits.flag()) {
            boolean two = bits.flag();
            int first = bits.number(bits.flag() ? 8 : 1);
            int second = two ? bits.number(8) : first;
            if (Math.max(first, second) >= alphabet) {
                throw source.broken("a prefix code has a symbol outside its alphabet");
            }
            lengths[first] = 1;
            lengths[second] = 1;
        } else {
            readLengths(source, bits, lengths);
        }
        return of(source, lengths);
    }

    private static void readLengths(ImageSource source, Vp8lBits bits, int[] lengths) {
        int[] lengthLengths = new int[LENGTH_CODE_ORDER.length];
        int given = 4 + bits.number(4);
        for (int i = 0; i < given; i++) {
            lengthLengths[LENGTH_CODE_ORDER[i]] = bits.number(3);
        }
        Vp8lCode lengthCode = of(source, lengthLengths);
        int codes = lengths.length;
        if (bits.flag()) {
            codes = 2 + bits.number(2 + 2 * bits.number(3));
            if (codes > lengths.length) {
                throw source.broken("a prefix code has more lengths than symbols");
            }
        }
        int previous = 8;
        int n = 0;
        for (; codes > 0 && n < lengths.length; codes--) {
            int code = lengthCode.symbol(source, bits);
            if (code < 16) {
                lengths[n++] = code;
                previous = code == 0 ? previous : code;
                continue;
            }
            int repeat =
                    switch (code) {
                        case 16 -> 3 + bits.number(2);
                        case 17 -> 3 + bits.number(3);
                        default -> 11 + bits.number(7);
                    };
            if (repeat > lengths.length - n) {
                throw source.broken("a prefix code has more lengths than symbols");
            }
            for (int i = 0; i < repeat; i++) {
                lengths[n++] = code == 16 ? previous : 0;
            }
        }
    }

    private static Vp8lCode of(ImageSource source, int[] lengths) {
        int[] counts = new int[MAX_LENGTH + 1];
        int used = 0;
        for (int length : lengths) {
            counts[length]++;
            used += length > 0 ? 1 : 0;
        }
        counts[0] = 0;
        int[] symbols = new int[used];
        int[] next = new int[MAX_LENGTH + 2];
        int space = 1;
        for (int length = 1; length <= MAX_LENGTH; length++) {
            next[length + 1] = next[length] + counts[length];
            space = 2 * space - counts[length];
            if (space < 0) {
                break;
            }
        }
        if (used == 0 || (used > 1 && space != 0)) {
            throw source.broken("a prefix code is not complete");
        }
        for (int s = 0; s < lengths.length; s++) {
            if (lengths[s] > 0) {
                symbols[next[lengths[s]]++] = s;
            }
        }
        if (used == 1) {
            return new Vp8lCode(symbols, new int[MAX_LENGTH + 1], new int[0]);
        }
        return new Vp8lCode(symbols, counts, fastTable(symbols, counts));
    }

    private static int[] fastTable(int[] symbols, int[] counts) {
        int[] fast = new int[1 << FAST_BITS];
        int code = 0;
        int n = 0;
        for (int length = 1; length <= FAST_BITS; length++) {
            for (int i = 0; i < counts[length]; i++, code++, n++) {
                int reversed = Integer.reverse(code) >>> 32 - length;
                for (int e = reversed; e < fast.length; e += 1 << length) {
                    fast[e] = symbols[n] << 4 | length;
                }
            }
            code <<= 1;
        }
        return fast;
    }

    int symbol(ImageSource source, Vp8lBits bits) {
        if (symbols.length == 1) {
            return symbols[0];
        }
        int ahead = bits.peek(MAX_LENGTH);
        int entry = fast[ahead & (1 << FAST_BITS) - 1];
        if (entry != 0) {
            bits.skip(entry & 15);
            return entry >> 4;
        }
        int code = 0;
        int first = 0;
        int index = 0;
        for (int length = 1; length <= MAX_LENGTH; length++) {
            code |= ahead >> length - 1 & 1;
            if (code - first < counts[length]) {
                bits.skip(length);
                return symbols[index + code - first];
            }
            index += counts[length];
            first = first + counts[length] << 1;
            code <<= 1;
        }
        throw source.broken("its data leave a prefix code");
    }
}
