package dev.ocellus.bench.gpu;

import dev.ocellus.ModelPlans;
import dev.ocellus.generate.PromptChunks;
import dev.ocellus.graph.Cost;
import dev.ocellus.graph.Workload;
import dev.ocellus.plan.Plan;
import dev.ocellus.tensor.DType;

import java.util.ArrayList;
import java.util.List;

/**
 * Something a model does, measured on a GPU and predicted for some.
 *
 * @param id of its row, as in "decode-7b-bf16"
 * @param text for people
 * @param preset shape of the model
 * @param weights type to which its matrices are packed; null for the stored one
 * @param kind what is done
 * @param count sequences that decode, tokens of a prompt, or tiles
 * @param contextTokens that each sequence holds at the end
 */
record GpuCase(
        String id,
        String text,
        String preset,
        DType weights,
        Kind kind,
        int count,
        int contextTokens) {
    private static final int CONTEXT = 1000;
    private static final int PROMPT = 2048;
    private static final int TILES = 13;
    private static final int FEW_TOKENS = 512;

    enum Kind {
        DECODE("tokens/s"),
        PREFILL("tokens/s"),
        VISION("tiles/s");

        final String unit;

        Kind(String unit) {
            this.unit = unit;
        }
    }

    /** A run of a plan. */
    record PlanRun(Plan plan, Workload work) {
        List<Cost> costs() {
            return plan.costs(work);
        }

        Cost cost() {
            return costs().stream().reduce(Cost.NONE, Cost::plus);
        }
    }

    static final List<GpuCase> ALL =
            List.of(
                    decode("7b", null, 1),
                    decode("7b", null, 8),
                    decode("7b", null, 32),
                    prefill("7b", null),
                    decode("7b", DType.Q8, 1),
                    decode("7b", DType.Q8, 8),
                    decode("7b", DType.Q8, 32),
                    prefill("7b", DType.Q8),
                    decode("7b", DType.Q4, 1),
                    decode("7b", DType.Q4, 8),
                    decode("7b", DType.Q4, 32),
                    prefill("7b", DType.Q4),
                    decode("7b", DType.F8, 1),
                    decode("7b", DType.F8, 8),
                    decode("7b", DType.F8, 32),
                    prefill("7b", DType.F8),
                    decode("1b", null, 1),
                    decode("1b", null, 8),
                    decode("1b", null, 32),
                    prefill("1b", null),
                    vision("300m"),
                    vision("6b"));

    private static GpuCase decode(String size, DType weights, int sessions) {
        String type = type(weights);
        return new GpuCase(
                "decode-%s-%s%s".formatted(size, type, sessions == 1 ? "" : "-" + sessions),
                "decode %s %s%s at %,d tokens"
                        .formatted(
                                size,
                                type,
                                sessions == 1 ? "" : ", " + sessions + " sessions",
                                CONTEXT),
                "llama-" + size,
                weights,
                Kind.DECODE,
                sessions,
                CONTEXT);
    }

    private static GpuCase prefill(String size, DType weights) {
        return new GpuCase(
                "prefill-%s-%s".formatted(size, type(weights)),
                "prefill %s %s, %,d tokens".formatted(size, type(weights), PROMPT),
                "llama-" + size,
                weights,
                Kind.PREFILL,
                PROMPT,
                PROMPT);
    }

    private static GpuCase vision(String size) {
        return new GpuCase(
                "vit-" + size,
                "InternViT-%s bf16, %d tiles of 448".formatted(size.toUpperCase(), TILES),
                "vit-" + size,
                null,
                Kind.VISION,
                TILES,
                0);
    }

    private static String type(DType weights) {
        return weights == null ? DType.BF16.lowerName() : weights.lowerName();
    }

    /** The runs that it takes, in order. */
    List<PlanRun> runs(ModelPlans plans) {
        return switch (kind) {
            case DECODE -> List.of(new PlanRun(plans.decode(count), Workload.full(contextTokens)));
            case VISION -> List.of(new PlanRun(plans.vision(count), Workload.full(0)));
            case PREFILL -> {
                List<PlanRun> runs = new ArrayList<>();
                int end = 0;
                for (int rows : PromptChunks.of(plans.device()).cut(count)) {
                    end += rows;
                    runs.add(new PlanRun(plans.prefill(rows), Workload.full(end)));
                }
                yield runs;
            }
        };
    }

    /** Sequences that have a cache. */
    int sequences() {
        return switch (kind) {
            case DECODE -> count;
            case PREFILL -> 1;
            case VISION -> 0;
        };
    }

    /** The same with so little to do that the software GPU does it in a moment. */
    GpuCase small() {
        int few =
                switch (kind) {
                    case DECODE -> count;
                    case PREFILL -> FEW_TOKENS;
                    case VISION -> 2;
                };
        int context = kind == Kind.DECODE ? 24 : contextTokens == 0 ? 0 : few;
        return new GpuCase(id, text, preset, weights, kind, few, context);
    }
}
