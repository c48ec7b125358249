package dev.ocellus.loader.image;

/** Resampling kernels, numbered in {@code preprocessor_config.json} as Pillow numbers them. */
public enum ResampleFilter {
    LANCZOS(1, 3.0) {
        @Override
        double at(double x) {
            return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
        }
    },
    BILINEAR(2, 1.0) {
        @Override
        double at(double x) {
            return Math.max(1.0 - Math.abs(x), 0.0);
        }
    },
    /** Cubic convolution with a = -0.5. */
    BICUBIC(3, 2.0) {
        @Override
        double at(double x) {
            double a = -0.5;
            double d = Math.abs(x);
            if (d < 1.0) {
                return ((a + 2.0) * d - (a + 3.0)) * d * d + 1;
            }
            return d < 2.0 ? (((d - 5) * d + 8) * d - 4) * a : 0.0;
        }
    },
    BOX(4, 0.5) {
        @Override
        double at(double x) {
            return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
        }
    };

    private final int id;
    private final double support;

    ResampleFilter(int id, double support) {
        this.id = id;
        this.support = support;
    }

    /** The kernel's value at {@code x} input pixels from its centre, not normalised. */
    abstract double at(double x);

    /** Pillow's number of this kernel. */
    int id() {
        return id;
    }

    /** Half the width of the kernel, in input pixels. */
    double support() {
        return support;
    }

    /**
     * The kernel with Pillow's number {@code id}.
     *
     * @throws ImageException if there is none here
     */
    static ResampleFilter of(int id) {
        for (ResampleFilter filter : values()) {
            if (filter.id == id) {
                return filter;
            }
        }
        throw new ImageException(
                "resample "
                        + id
                        + " is not supported; use 1 (Lanczos), 2 (bilinear), 3 (bicubic) or 4"
                        + " (box)");
    }

    private static double sinc(double x) {
        if (x == 0.0) {
            return 1.0;
        }
        double px = x * Math.PI;
        return Math.sin(px) / px;
    }
}
