package dev.ocellus.tools;

import dev.ocellus.OpenOptions;
import dev.ocellus.kernels.KvPanels;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.tensor.DType;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** Options of how a model is opened. */
final class OpeningOptions {
    @Spec(Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--compute",
            paramLabel = "TYPE",
            description =
                    "Type of matrix products: auto, f32 or bf16 (default: auto: bf16 for bfloat16 weights where the processor has instructions for it).")
    private OpenOptions.Compute compute = OpenOptions.Compute.AUTO;

    @Option(
            names = "--cache",
            paramLabel = "TYPE",
            description =
                    "Type of cached keys and values: f32, bf16, f16 or q8 (default: bf16 where products are in it, else f32).")
    private DType cache;

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

    /** What these options say, over the defaults. */
    OpenOptions options() {
        if (context < 0) {
            throw new ParameterException(
                    spec.commandLine(), "--context is " + context + "; it must be at least 1");
        }
        if (cache != null && !KvPanels.supports(cache)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--cache is " + cache.lowerName() + "; it must be f32, bf16, f16 or q8");
        }
        return OpenOptions.DEFAULT
                .withCompute(compute)
                .withCacheType(cache)
                .withContextTokens(context);
    }
}
