package dev.ocellus.model;

import java.util.Arrays;

/**
 * Inverse frequencies of a rotary embedding and the factor on its cosines and sines, for sequences
 * up to some length. Two lengths with equal frequencies share cached keys; otherwise the keys must
 * be computed anew.
 */
public final class RopeFrequencies {
    private final float[] inverse;
    private final float scale;

    private RopeFrequencies(float[] inverse, double scale) {
        this.inverse = inverse;
        this.scale = (float) scale;
    }

    /**
     * @param rotaryDim values of a head that are rotated
     * @param maxPositionEmbeddings trained length of the config
     * @param length tokens that the sequence has now
     * @param planned tokens that it may come to; dynamic scaling takes its base from it once the
     *     trained length is passed
     */
    public static RopeFrequencies of(
            RopeScaling scaling,
            double theta,
            long rotaryDim,
            long maxPositionEmbeddings,
            long length,
            long planned) {
        int half = (int) (rotaryDim / 2);
        return switch (scaling) {
            case RopeScaling.Plain p -> new RopeFrequencies(plain(theta, rotaryDim, half), 1);
            case RopeScaling.Linear l -> {
                float[] f = plain(theta, rotaryDim, half);
                for (int j = 0; j < half; j++) {
                    f[j] /= (float) l.factor();
                }
                yield new RopeFrequencies(f, 1);
            }
            case RopeScaling.Dynamic d -> {
                double base = theta;
                if (length > maxPositionEmbeddings) {
                    double stretch =
                            d.factor() * planned / maxPositionEmbeddings - (d.factor() - 1);
                    base = theta * Math.pow(stretch, rotaryDim / (rotaryDim - 2.0));
                }
                yield new RopeFrequencies(plain(base, rotaryDim, half), 1);
            }
            case RopeScaling.Llama3 l ->
                    new RopeFrequencies(llama3(l, plain(theta, rotaryDim, half)), 1);
            case RopeScaling.LongRope l -> {
                float[] factor =
                        length > l.originalMaxPositionEmbeddings()
                                ? l.longFactor()
                                : l.shortFactor();
                float[] f = new float[half];
                for (int j = 0; j < half; j++) {
                    f[j] = 1 / (factor[j] * (float) Math.pow(theta, 2.0 * j / rotaryDim));
                }
                yield new RopeFrequencies(f, l.attentionFactor());
            }
            case RopeScaling.Yarn y ->
                    new RopeFrequencies(yarn(y, theta, rotaryDim, half), y.attentionFactor());
        };
    }

    /** theta^(-2 j / d), through float32 powers as the references have it. */
    private static float[] plain(double theta, long rotaryDim, int half) {
        float[] f = new float[half];
        for (int j = 0; j < half; j++) {
            f[j] = 1 / (float) Math.pow(theta, (float) (2.0 * j / rotaryDim));
        }
        return f;
    }

    private static float[] llama3(RopeScaling.Llama3 l, float[] f) {
        double original = l.originalMaxPositionEmbeddings();
        double lowWavelength = original / l.lowFreqFactor();
        double highWavelength = original / l.highFreqFactor();
        for (int j = 0; j < f.length; j++) {
            double wavelength = 2 * Math.PI / f[j];
            if (wavelength > lowWavelength) {
                f[j] /= (float) l.factor();
            } else if (wavelength >= highWavelength) {
                double smooth =
                        (original / wavelength - l.lowFreqFactor())
                                / (l.highFreqFactor() - l.lowFreqFactor());
                f[j] = (float) ((1 - smooth) * f[j] / l.factor() + smooth * f[j]);
            }
        }
        return f;
    }

    private static float[] yarn(RopeScaling.Yarn y, double theta, long rotaryDim, int half) {
        double low =
                correctionDim(y.betaFast(), theta, rotaryDim, y.originalMaxPositionEmbeddings());
        double high =
                correctionDim(y.betaSlow(), theta, rotaryDim, y.originalMaxPositionEmbeddings());
        if (y.truncate()) {
            low = Math.floor(low);
            high = Math.ceil(high);
        }
        low = Math.max(low, 0);
        high = Math.min(high, rotaryDim - 1.0);
        if (low == high) {
            high += 0.001;
        }
        float[] f = plain(theta, rotaryDim, half);
        for (int j = 0; j < half; j++) {
            double ramp = Math.clamp((j - low) / (high - low), 0.0, 1.0);
            f[j] = (float) (f[j] / y.factor() * ramp + f[j] * (1 - ramp));
        }
        return f;
    }

    private static double correctionDim(
            double rotations, double theta, long rotaryDim, long original) {
        return rotaryDim * Math.log(original / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
    }

    public int half() {
        return inverse.length;
    }

    public float inverse(int j) {
        return inverse[j];
    }

    /** Factor on cosines and sines. */
    public float scale() {
        return scale;
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof RopeFrequencies r
                && Arrays.equals(inverse, r.inverse)
                && scale == r.scale;
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(inverse);
    }
}
