package dev.ocellus.tools;

import dev.ocellus.OpenOptions;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.tensor.DType;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** Options of how a model is opened. */
final class OpeningOptions {
    /** Types of packed weights, by their short names. */
    enum WeightType {
        q8(DType.Q8),
        q4(DType.Q4),
        bf16(DType.BF16);

        private final DType dtype;

        WeightType(DType dtype) {
            this.dtype = dtype;
        }

        DType dtype() {
            return dtype;
        }
    }

    @Spec(Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--compute",
            paramLabel = "TYPE",
            description =
                    "Type of matrix products: auto, f32 or bf16 (default: auto: bf16 for bfloat16 weights where the processor has instructions for it).")
    private OpenOptions.Compute compute = OpenOptions.Compute.AUTO;

    @Option(
            names = "--weights",
            paramLabel = "TYPE",
            description =
                    "Pack the weights as q8, q4 or bf16 (default: as they are stored). With q8 and q4, vision towers and projectors stay as they are; with q4, embeddings and output heads are q8.")
    private WeightType weights;

    @Option(
            names = "--context",
            paramLabel = "TOKENS",
            description = "Longest conversation (default: what the model was trained for).")
    private long context;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads that compute (default: one for each processor).")
    private void threads(int n) {
        if (n < 1) {
            throw new ParameterException(
                    spec.commandLine(), "--threads is " + n + "; it must be at least 1");
        }
        System.setProperty(WorkerPool.THREADS_PROPERTY, Integer.toString(n));
    }

    @Option(
            names = "--pin",
            description = "Keep each of these threads on one processor (Linux; for idle machines).")
    private void pin(boolean on) {
        System.setProperty(WorkerPool.PIN_PROPERTY, Boolean.toString(on));
    }

    /** What these options say, over the defaults. */
    OpenOptions options() {
        if (context < 0) {
            throw new ParameterException(
                    spec.commandLine(), "--context is " + context + "; it must be at least 1");
        }
        return OpenOptions.DEFAULT
                .withCompute(compute)
                .withWeights(weights == null ? null : weights.dtype())
                .withContextTokens(context);
    }
}
