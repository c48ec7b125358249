package dev.ocellus.generate;

/**
 * Philox 4x32-10 (Salmon et al. 2011): random numbers as a function of a key and a counter, the
 * same on every device and without state.
 */
public final class Philox {
    private static final long M0 = 0xD2511F53L;
    private static final long M1 = 0xCD9E8D57L;
    private static final int W0 = 0x9E3779B9;
    private static final int W1 = 0xBB67AE85;

    private Philox() {}

    /**
     * Two of the four 32-bit words for key {@code seed} and counter (low, high), as one 64-bit
     * number: word 0 low, word 1 high.
     */
    public static long bits(long seed, long low, long high) {
        int c0 = (int) low;
        int c1 = (int) (low >>> 32);
        int c2 = (int) high;
        int c3 = (int) (high >>> 32);
        int k0 = (int) seed;
        int k1 = (int) (seed >>> 32);
        for (int round = 0; round < 10; round++) {
            long p0 = M0 * (c0 & 0xFFFFFFFFL);
            long p1 = M1 * (c2 & 0xFFFFFFFFL);
            int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c1 = (int) p1;
            c3 = (int) p0;
            c0 = n0;
            c2 = n2;
            k0 += W0;
            k1 += W1;
        }
        return (c0 & 0xFFFFFFFFL) | (long) c1 << 32;
    }

    /** Uniform in [0, 1) with 53 bits. */
    public static double uniform(long seed, long step) {
        return (bits(seed, step, 0) >>> 11) * 0x1p-53;
    }
}
