package dev.ocellus.loader.image;

import java.util.HexFormat;

/**
 * Entropy-coded pixels of lossless WebP (RFC 9649, section 3.6): literals, copies of earlier pixels
 * and hits in a cache of recent colours. A pixel is an ARGB int.
 */
final class Vp8lPixels {
    private static final int LITERALS = 256;
    private static final int LENGTH_PREFIXES = 24;
    private static final int DISTANCE_PREFIXES = 40;
    private static final int MAX_CACHE_BITS = 11;
    private static final int CACHE_HASH = 0x1e35a7bd;

    /**
     * Section 3.6.2.2: the 120 nearest pixels; rows up in the high half, 8 - columns in the low.
     */
    private static final byte[] NEAR =
            HexFormat.of()
                    .parseHex(
                            "1807171928062729161a262a38053739151b363a252b4804"
                                    + "4749141c353b464a242c58454b343c035759131d565a232d"
                                    + "444c555b333d68026769121e666a222e545c434d656b323e"
                                    + "78017779535d111f646c424e767a212f757b313f636d525e"
                                    + "00747c414f1020626e30737d515f40727e616f50717f6070");

    private final ImageSource source;
    private final Vp8lBits bits;
    private final int width;
    private final int height;
    private int[] cache = new int[0];
    private int cacheBits;
    private int groupBits;
    private int[] groupOf;
    private Vp8lCode[][] groups;

    private Vp8lPixels(ImageSource source, Vp8lBits bits, int width, int height) {
        this.source = source;
        this.bits = bits;
        this.width = width;
        this.height = height;
    }

    /**
     * Reads {@code width * height} pixels.
     *
     * @param main whether this is the picture itself, whose regions may have codes of their own
     */
    static int[] read(ImageSource source, Vp8lBits bits, int width, int height, boolean main) {
        Vp8lPixels pixels = new Vp8lPixels(source, bits, width, height);
        pixels.readCodes(main);
        return pixels.readPixels();
    }

    private void readCodes(boolean main) {
        if (bits.flag()) {
            cacheBits = bits.number(4);
            if (cacheBits < 1 || cacheBits > MAX_CACHE_BITS) {
                throw source.broken("its colour cache has " + cacheBits + " bits");
            }
            cache = new int[1 << cacheBits];
        }
        int count = 1;
        if (main && bits.flag()) {
            groupBits = bits.number(3) + 2;
            int columns = Vp8lCodec.blocks(width, groupBits);
            groupOf = read(source, bits, columns, Vp8lCodec.blocks(height, groupBits), false);
            for (int i = 0; i < groupOf.length; i++) {
                groupOf[i] = groupOf[i] >> 8 & 0xffff;
                count = Math.max(count, groupOf[i] + 1);
            }
        }
        groups = new Vp8lCode[count][];
        for (int g = 0; g < count; g++) {
            groups[g] =
                    new Vp8lCode[] {
                        Vp8lCode.read(source, bits, LITERALS + LENGTH_PREFIXES + cache.length),
                        Vp8lCode.read(source, bits, LITERALS),
                        Vp8lCode.read(source, bits, LITERALS),
                        Vp8lCode.read(source, bits, LITERALS),
                        Vp8lCode.read(source, bits, DISTANCE_PREFIXES)
                    };
        }
    }

    private int[] readPixels() {
        int[] out = new int[width * height];
        int groupColumns = Vp8lCodec.blocks(width, groupBits);
        int cached = 0;
        int n = 0;
        while (n < out.length) {
            Vp8lCode[] group = groups[0];
            if (groupOf != null) {
                int y = n / width;
                int x = n - y * width;
                group = groups[groupOf[(y >> groupBits) * groupColumns + (x >> groupBits)]];
            }
            int symbol = group[0].symbol(source, bits);
            if (symbol < LITERALS) {
                int red = group[1].symbol(source, bits);
                int blue = group[2].symbol(source, bits);
                int alpha = group[3].symbol(source, bits);
                out[n++] = alpha << 24 | red << 16 | symbol << 8 | blue;
            } else if (symbol < LITERALS + LENGTH_PREFIXES) {
                int length = prefixed(symbol - LITERALS);
                int distance = distance(prefixed(group[4].symbol(source, bits)));
                if (distance > n || length > out.length - n) {
                    throw source.broken("it copies pixels from outside the picture");
                }
                for (int stop = n + length; n < stop; n++) {
                    out[n] = out[n - distance];
                }
            } else {
                cached = remember(out, cached, n);
                out[n++] = cache[symbol - LITERALS - LENGTH_PREFIXES];
            }
        }
        return out;
    }

    /**
     * Puts the pixels from {@code from} to {@code to} into the cache, which is only then needed.
     */
    private int remember(int[] out, int from, int to) {
        for (int i = from; i < to; i++) {
            cache[CACHE_HASH * out[i] >>> 32 - cacheBits] = out[i];
        }
        return to;
    }

    /** The number that a prefix and its extra bits stand for. */
    private int prefixed(int prefix) {
        if (prefix < 4) {
            return prefix + 1;
        }
        int extra = prefix - 2 >> 1;
        return (2 + (prefix & 1) << extra) + bits.number(extra) + 1;
    }

    private int distance(int code) {
        if (code > NEAR.length) {
            return code - NEAR.length;
        }
        int near = NEAR[code - 1] & 0xff;
        return Math.max(1, (near >> 4) * width + 8 - (near & 15));
    }
}
