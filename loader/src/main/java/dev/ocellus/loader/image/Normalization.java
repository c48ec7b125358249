package dev.ocellus.loader.image;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Maps 8-bit samples to the floats of a tower's input. There are only 256 samples a channel, so the
 * arithmetic is done once, in the reference's order and precision.
 */
final class Normalization {
    private final float[][] values = new float[RgbImage.CHANNELS][256];

    private Normalization() {}

    /** {@code (sample / 255 - mean) / std}, all in float32, as torchvision does it. */
    static Normalization torchvision(PerChannel mean, PerChannel std) {
        Normalization n = new Normalization();
        for (int c = 0; c < RgbImage.CHANNELS; c++) {
            for (int v = 0; v < 256; v++) {
                n.values[c][v] = (v / 255f - (float) mean.at(c)) / (float) std.at(c);
            }
        }
        return n;
    }

    /** As the image processors do it: scaled in float64, rounded to float32, then normalised. */
    static Normalization processor(PreprocessorConfig config) {
        Normalization n = new Normalization();
        for (int c = 0; c < RgbImage.CHANNELS; c++) {
            float mean = (float) config.imageMean().at(c);
            float std = (float) config.imageStd().at(c);
            for (int v = 0; v < 256; v++) {
                float scaled = config.doRescale() ? (float) (v * config.rescaleFactor()) : v;
                n.values[c][v] = config.doNormalize() ? (scaled - mean) / std : scaled;
            }
        }
        return n;
    }

    /** The float of a sample 0..255. */
    float value(int channel, int sample) {
        return values[channel][sample];
    }

    /** The floats of all samples: [channels, 256]. */
    MemorySegment table(Arena arena) {
        MemorySegment table = arena.allocate(ValueLayout.JAVA_FLOAT, values.length * 256L);
        for (int c = 0; c < values.length; c++) {
            MemorySegment.copy(values[c], 0, table, ValueLayout.JAVA_FLOAT, c * 1024L, 256);
        }
        return table;
    }
}
