package dev.ocellus.kernels.cuda;

/** Blocks of a launch in each direction, at least 1. */
public record Grid(int x, int y, int z) {
    private static final int MAX_YZ = 65535;

    public Grid {
        if (x < 1 || y < 1 || z < 1 || y > MAX_YZ || z > MAX_YZ) {
            throw new IllegalArgumentException(
                    "a grid of %d x %d x %d blocks; y and z may be %d at most"
                            .formatted(x, y, z, MAX_YZ));
        }
    }

    /** A grid in one direction. */
    public static Grid of(long x) {
        return new Grid(Math.toIntExact(x), 1, 1);
    }

    /** A grid in two directions. */
    public static Grid of(long x, long y) {
        return new Grid(Math.toIntExact(x), Math.toIntExact(y), 1);
    }

    /** A grid in three directions. */
    public static Grid of(long x, long y, long z) {
        return new Grid(Math.toIntExact(x), Math.toIntExact(y), Math.toIntExact(z));
    }
}
