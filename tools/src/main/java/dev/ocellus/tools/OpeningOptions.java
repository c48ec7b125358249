package dev.ocellus.tools;

import dev.ocellus.OpenOptions;
import dev.ocellus.kernels.KvPanels;
import dev.ocellus.kernels.WorkerPool;
import dev.ocellus.tensor.DType;

import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

import java.util.List;

/** Options of how a model is opened. */
final class OpeningOptions {
    /** Types of packed weights, by their short names. */
    enum WeightType {
        q8(DType.Q8),
        q4(DType.Q4),
        f8(DType.F8),
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

    @Mixin private DeviceOption device;

    @Option(
            names = "--compute",
            paramLabel = "TYPE",
            description =
                    "Type of matrix products: auto, f32 or bf16 (default: auto: bf16 for bfloat16 weights where the device has instructions for it).")
    private OpenOptions.Compute compute = OpenOptions.Compute.AUTO;

    @Option(
            names = "--weights",
            paramLabel = "TYPE",
            description =
                    "Pack the weights as q8, q4, f8 (for GPUs) or bf16 (default: as they are stored). With q8, q4 and f8, vision towers and projectors stay as they are; with q4, embeddings and output heads are q8.")
    private WeightType weights;

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
            split = ",",
            description = "Threads that compute on the processor (default: one for each).")
    private void threads(List<Integer> numbers) {
        for (int n : numbers) {
            if (n < 1) {
                throw new ParameterException(
                        spec.commandLine(), "--threads is " + n + "; it must be at least 1");
            }
        }
        threads = numbers.stream().distinct().toList();
    }

    private List<Integer> threads = List.of();

    /** The numbers of threads that were asked for; empty if none were. */
    List<Integer> threads() {
        return threads;
    }

    @Option(
            names = "--pin",
            description = "Keep each of these threads on one processor (Linux; for idle machines).")
    private void pin(boolean on) {
        System.setProperty(WorkerPool.PIN_PROPERTY, Boolean.toString(on));
    }

    /** What these options say, over the defaults. */
    OpenOptions options() {
        if (threads.size() > 1) {
            throw new ParameterException(
                    spec.commandLine(), "--threads takes one number here, not " + threads.size());
        }
        if (!threads.isEmpty()) {
            System.setProperty(WorkerPool.THREADS_PROPERTY, threads.getFirst().toString());
        }
        return opening();
    }

    /**
     * What these options say but for the threads, which a device of the caller's has: one of the
     * processor.
     */
    OpenOptions optionsOfAnyThreads() {
        device.requireProcessor("--threads with several numbers");
        return opening();
    }

    private OpenOptions opening() {
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
                .withDeviceChoice(device.choice())
                .withCompute(compute)
                .withWeights(weights == null ? null : weights.dtype())
                .withCacheType(cache)
                .withContextTokens(context);
    }
}
