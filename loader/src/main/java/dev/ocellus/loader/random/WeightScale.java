package dev.ocellus.loader.random;

import dev.ocellus.loader.safetensors.TensorSpec;

/**
 * Mean and deviation of a random tensor, such that activations keep about their size through any
 * number of layers.
 */
record WeightScale(double mean, double deviation) {
    private static final WeightScale SMALL = new WeightScale(0, 0.02);
    private static final WeightScale NORM = new WeightScale(1, 0.02);
    private static final WeightScale LAYER_SCALE = new WeightScale(0.1, 0.01);

    /** ln(1 / 0.07), where contrastive training starts. */
    private static final WeightScale LOGIT_SCALE = new WeightScale(2.6592, 0);

    static WeightScale of(TensorSpec tensor) {
        String name = tensor.name();
        String last = name.substring(name.lastIndexOf('.') + 1);
        int rank = tensor.shape().rank();
        return switch (last) {
            case "ls1", "ls2", "lambda_1", "lambda_2" -> LAYER_SCALE;
            case "logit_scale" -> LOGIT_SCALE;
            case "query_tokens", "cls_token" -> SMALL;
            default -> {
                if (rank == 1) {
                    yield last.equals("weight") ? NORM : SMALL;
                }
                boolean patches = rank == 4;
                if (last.endsWith("bias") || name.contains("embed") && !patches) {
                    yield SMALL;
                }
                yield new WeightScale(0, 1 / Math.sqrt(fanIn(tensor)));
            }
        };
    }

    /**
     * Inputs that are summed for one output: all but the first dimension; experts are [n, in, out].
     */
    private static double fanIn(TensorSpec tensor) {
        return tensor.shape().rank() == 3
                ? tensor.shape().dim(1)
                : (double) tensor.elements() / tensor.shape().dim(0);
    }
}
