package dev.ocellus.model;

/**
 * How rotary frequencies depend on length; {@code rope_scaling} or {@code rope_parameters} of a
 * config.
 */
public sealed interface RopeScaling {

    /** Plain rotary embedding (Su et al. 2021). */
    record Plain() implements RopeScaling {}

    /** Positions divided by a factor (Chen et al. 2023). */
    record Linear(double factor) implements RopeScaling {}

    /** Dynamic NTK: the base grows with the length once that passes the trained length. */
    record Dynamic(double factor) implements RopeScaling {}

    /**
     * Llama 3.1: long wavelengths are divided by the factor, short ones kept, those between
     * blended.
     */
    record Llama3(
            double factor,
            double lowFreqFactor,
            double highFreqFactor,
            long originalMaxPositionEmbeddings)
            implements RopeScaling {}

    /**
     * Phi-3 "su" or "longrope" (Ding et al. 2024): a factor for each frequency, one list up to the
     * original length and one past it.
     */
    record LongRope(
            float[] shortFactor,
            float[] longFactor,
            long originalMaxPositionEmbeddings,
            double attentionFactor)
            implements RopeScaling {}

    /** YaRN (Peng et al. 2023). */
    record Yarn(
            double factor,
            double betaFast,
            double betaSlow,
            boolean truncate,
            long originalMaxPositionEmbeddings,
            double attentionFactor)
            implements RopeScaling {}
}
