package dev.ocellus.bench.gpu;

/**
 * How many blocks of a kernel a multiprocessor holds at once, by the rules of NVIDIA's occupancy
 * calculator for compute capability 8.0 to 9.0.
 */
final class Occupancy {
    private static final int WARP = 32;
    private static final int REGISTERS = 65536;

    /** Registers are given to warps in pieces of this size, and to warps in fours. */
    private static final int REGISTER_PIECE = 256;

    private static final int WARP_PIECE = 4;

    /** Shared memory is given in pieces of this size; of a block the system keeps some itself. */
    private static final int SHARED_PIECE = 128;

    private static final int SHARED_OF_SYSTEM = 1024;

    private Occupancy() {}

    /**
     * What a multiprocessor has room for.
     *
     * @param threads of all its blocks
     * @param blocks at once
     * @param sharedBytes of all its blocks
     */
    record Limits(int threads, int blocks, int sharedBytes) {}

    /**
     * @param registers of a thread
     * @param sharedBytes of a block, static and dynamic
     * @return 0 if there is no room for one
     */
    static int blocks(Limits limits, int threads, int registers, int sharedBytes) {
        int warps = Math.ceilDiv(threads, WARP);
        int byThreads = limits.threads() / (warps * WARP);
        int ofWarp = pieces(registers * WARP, REGISTER_PIECE);
        int byRegisters = REGISTERS / ofWarp / WARP_PIECE * WARP_PIECE / warps;
        int ofBlock = pieces(sharedBytes + SHARED_OF_SYSTEM, SHARED_PIECE);
        int byShared = limits.sharedBytes() / ofBlock;
        return Math.min(Math.min(limits.blocks(), byThreads), Math.min(byRegisters, byShared));
    }

    private static int pieces(int amount, int piece) {
        return Math.ceilDiv(amount, piece) * piece;
    }
}
