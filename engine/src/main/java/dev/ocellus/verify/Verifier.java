package dev.ocellus.verify;

import dev.ocellus.OpenOptions;
import dev.ocellus.device.Device;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.loader.Checkpoint;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Tensor;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Runs parity cases and compares. Thread-safe. */
public final class Verifier {
    /** Limit of the relative difference in bfloat16, where a case states a smaller one. */
    private static final double BF16_LIMIT = 2e-2;

    /**
     * As {@link #BF16_LIMIT}, for weights in Q8. The cases are tiny models with random weights, in
     * which errors hardly average out: the public ones differ by up to 2.6e-2, one by 6.5e-2. The
     * limit finds a wrong layout; how good a trained model still is, it doesn't say.
     */
    private static final double Q8_LIMIT = 1e-1;

    /** Likewise for weights in Q4: up to 2.5e-1, one 5.2e-1. */
    private static final double Q4_LIMIT = 6e-1;

    /** Likewise for weights in F8: up to 8.1e-2, one 2.7e-1. */
    private static final double F8_LIMIT = 4e-1;

    /** Outputs that follow from discrete choices. */
    private static final List<String> CHOICES = List.of("generated_ids", "text");

    private static final Map<String, Task> TASKS =
            Map.of(
                    "image.preprocess", new ImagePreprocess(),
                    "tokenizer.encode", new TokenizerEncode(),
                    "vision.forward", new VisionForward(),
                    "llm.forward", new LanguageForward(),
                    "llm.generate", new LanguageGenerate(),
                    "vlm.forward", new VisionLanguage.Forward(),
                    "vlm.generate", new VisionLanguage.Generate());

    private final Device device;
    private final ComputeType compute;
    private final DType weights;

    /** One kind of work: makes the outputs that a case expects. */
    interface Task {
        /**
         * @param expected says by its names which outputs are wanted, and by nothing else what they
         *     are
         */
        void run(Context context, NamedTensors inputs, NamedTensors expected, NamedTensors outputs);
    }

    /**
     * What tasks work with.
     *
     * @param weights type of the weights; null for the stored ones
     */
    record Context(ParityCase parityCase, Device device, ComputeType compute, DType weights) {
        /** The case's checkpoint; the caller closes it. */
        Checkpoint checkpoint() {
            return Checkpoint.open(
                    parityCase.modelFolder(),
                    OpenOptions.DEFAULT.withWeights(weights).weightTypes());
        }
    }

    /** With weights as they are stored. */
    public Verifier(Device device, ComputeType compute) {
        this(device, compute, null);
    }

    /**
     * @param compute type of matrix products
     * @param weights type in which matrices are packed, as in {@link OpenOptions#weights}; null for
     *     the stored types
     */
    public Verifier(Device device, ComputeType compute, DType weights) {
        this.device = device;
        this.compute = compute;
        this.weights = weights;
    }

    /** Runs the case in a folder. A case that can't run has one failed verdict that says why. */
    public CaseResult run(Path folder) {
        String name = folder.toAbsolutePath().normalize().getFileName().toString();
        try (Arena arena = Arena.ofShared()) {
            ParityCase c = ParityCase.read(folder);
            Task task = TASKS.get(c.task());
            if (task == null) {
                return new CaseResult(
                        name, List.of(Verdict.failed("", "unknown task " + c.task())));
            }
            NamedTensors inputs = NamedTensors.read(c.file("inputs.safetensors"), arena);
            NamedTensors expected = NamedTensors.read(c.file("expected.safetensors"), arena);
            NamedTensors outputs = new NamedTensors(arena);
            task.run(new Context(c, device, compute, weights), inputs, expected, outputs);
            return new CaseResult(name, compare(c, expected, outputs));
        } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
            String why = e.getMessage() == null ? e.toString() : e.getMessage();
            return new CaseResult(
                    name, List.of(Verdict.failed("", why.lines().findFirst().orElse(why))));
        }
    }

    private List<Verdict> compare(ParityCase c, NamedTensors expected, NamedTensors outputs) {
        if (expected.names().isEmpty()) {
            return List.of(Verdict.failed("", "expected.safetensors is missing or empty"));
        }
        List<Verdict> verdicts = new ArrayList<>();
        for (String tensor : expected.names()) {
            if (!outputs.has(tensor)) {
                verdicts.add(Verdict.failed(tensor, "was not computed"));
                continue;
            }
            Tensor want = expected.get(tensor);
            boolean exact =
                    c.exact().contains(tensor)
                            || !want.dtype().isFloat() && !c.tolerance().names(tensor);
            boolean judged = isExact() || !CHOICES.contains(tensor);
            verdicts.add(
                    Verdict.of(tensor, outputs.get(tensor), want, exact, limit(c, tensor), judged));
        }
        return verdicts;
    }

    private ParityCase.Tolerance limit(ParityCase c, String tensor) {
        ParityCase.Tolerance t = c.tolerance().of(tensor);
        return isExact()
                ? t
                : new ParityCase.Tolerance(
                        Math.max(t.relativeL2(), reducedLimit()), Double.NaN, t.tensors());
    }

    /** Whether nothing is rounded but by float32. */
    private boolean isExact() {
        return compute == ComputeType.F32 && weights == null;
    }

    private double reducedLimit() {
        return switch (weights) {
            case Q8 -> Q8_LIMIT;
            case Q4 -> Q4_LIMIT;
            case F8 -> F8_LIMIT;
            case null, default -> BF16_LIMIT;
        };
    }
}
