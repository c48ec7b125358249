package dev.ocellus.model;

import dev.ocellus.loader.config.Json;

import java.util.List;
import java.util.Optional;

/** Reads {@code rope_scaling}, or {@code rope_parameters} as newer configs write it. */
final class RopeScalings {
    private RopeScalings() {}

    static RopeScaling read(Json config, long maxPositions, long rotaryDim) {
        Optional<Json> found =
                config.findObject("rope_parameters").or(() -> config.findObject("rope_scaling"));
        if (found.isEmpty()) {
            return new RopeScaling.Plain();
        }
        Json r = found.get();
        String type = r.getString("rope_type", r.getString("type", "default"));
        return switch (type) {
            case "default" -> new RopeScaling.Plain();
            case "linear" -> new RopeScaling.Linear(factor(r));
            case "dynamic" -> new RopeScaling.Dynamic(factor(r));
            case "llama3" ->
                    new RopeScaling.Llama3(
                            factor(r),
                            r.getDouble("low_freq_factor"),
                            r.getDouble("high_freq_factor"),
                            r.getPositive("original_max_position_embeddings"));
            case "longrope", "su" -> longRope(config, r, maxPositions, rotaryDim);
            case "yarn" -> yarn(r, maxPositions);
            default ->
                    throw r.invalid(
                            r.has("rope_type") ? "rope_type" : "type",
                            "be default, linear, dynamic, llama3, longrope or yarn");
        };
    }

    private static double factor(Json r) {
        double factor = r.getDouble("factor");
        r.check(factor >= 1, "factor", "be at least 1");
        return factor;
    }

    private static RopeScaling longRope(Json config, Json r, long maxPositions, long rotaryDim) {
        long original = original(config, r, maxPositions);
        double stretch =
                config.has("original_max_position_embeddings") || !r.has("factor")
                        ? (double) maxPositions / original
                        : factor(r);
        double attention = stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original));
        return new RopeScaling.LongRope(
                factors(r, "short_factor", rotaryDim),
                factors(r, "long_factor", rotaryDim),
                original,
                r.getDouble("attention_factor", attention));
    }

    private static float[] factors(Json r, String key, long rotaryDim) {
        List<Double> list = r.getDoubles(key);
        r.check(
                list.size() == rotaryDim / 2,
                key,
                "have " + rotaryDim / 2 + " factors, one for each frequency");
        float[] factors = new float[list.size()];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = list.get(i).floatValue();
        }
        return factors;
    }

    private static RopeScaling yarn(Json r, long maxPositions) {
        double factor = factor(r);
        double mscale = r.getDouble("mscale", 0);
        double mscaleAllDim = r.getDouble("mscale_all_dim", 0);
        double attention =
                mscale == 0 || mscaleAllDim == 0
                        ? temperature(factor, 1)
                        : temperature(factor, mscale) / temperature(factor, mscaleAllDim);
        return new RopeScaling.Yarn(
                factor,
                r.getDouble("beta_fast", 32),
                r.getDouble("beta_slow", 1),
                r.getBoolean("truncate", true),
                r.getPositive("original_max_position_embeddings", (int) maxPositions),
                r.getDouble("attention_factor", attention));
    }

    /** Factor on cosines and sines that makes up for attention spread over more tokens. */
    private static double temperature(double factor, double mscale) {
        return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
    }

    /** Phi-3 keeps the original length beside the scaling; newer configs put it inside. */
    private static long original(Json config, Json r, long maxPositions) {
        return config.has("original_max_position_embeddings")
                ? config.getPositive("original_max_position_embeddings")
                : r.getPositive("original_max_position_embeddings", (int) maxPositions);
    }
}
