package dev.ocellus.generate;

import dev.ocellus.device.Device;
import dev.ocellus.device.Executable;
import dev.ocellus.device.PlanCache;
import dev.ocellus.graph.CacheShape;
import dev.ocellus.model.CausalLm;
import dev.ocellus.model.StepCapacity;
import dev.ocellus.plan.Plan;
import dev.ocellus.plan.PlanOptions;

/** The few kinds of steps of a language model: which plan serves how many rows. Thread-safe. */
final class StepKinds {
    /** Sizes of decoding batches: powers of two. */
    private static final int BATCH_SIZES = 16;

    private final CausalLm model;
    private final Device device;
    private final PlanOptions options;
    private final PlanCache plans;
    private final CacheShape cacheShape;
    private final long maxPages;
    private final int[] chunks;
    private final StepKind visualToken;
    private final StepKind[] chunkKinds;
    private final StepKind[] batchKinds = new StepKind[BATCH_SIZES];

    /**
     * @param maxPages cache pages of the longest sequence
     * @param chunks rows of the steps that prompts go through, ascending from 1
     */
    StepKinds(
            CausalLm model,
            Device device,
            PlanOptions options,
            PlanCache plans,
            CacheShape cacheShape,
            long maxPages,
            int... chunks) {
        this.model = model;
        this.device = device;
        this.options = options;
        this.plans = plans;
        this.cacheShape = cacheShape;
        this.maxPages = maxPages;
        this.chunks = chunks;
        visualToken = kind(1, 1, true);
        chunkKinds = new StepKind[chunks.length];
        for (int i = 0; i < chunks.length; i++) {
            // Plans for prompts always have room for visual tokens, so that text and image chunks
            // share one.
            chunkKinds[i] = kind(chunks[i], 1, i > 0);
        }
        for (int i = 0; i < BATCH_SIZES; i++) {
            batchKinds[i] = kind(1 << i, 1 << i, false);
        }
    }

    /** Each sequence has one result. */
    private StepKind kind(long rows, long sequences, boolean embeddings) {
        StepCapacity capacity =
                new StepCapacity(
                        rows,
                        sequences,
                        maxPages,
                        sequences,
                        embeddings,
                        false,
                        device.choosesTokens());
        return new StepKind(capacity, plans, () -> plan(capacity));
    }

    /** Steps that append up to {@code rows} tokens of one prompt. */
    StepKind chunk(int rows, boolean visual) {
        int chunk = 0;
        while (chunks[chunk] < rows) {
            chunk++;
        }
        return chunk == 0 && visual ? visualToken : chunkKinds[chunk];
    }

    /** Steps that append a token to each of up to {@code sequences} sequences. */
    StepKind batch(int sequences) {
        if (sequences == 1) {
            return chunk(1, false);
        }
        int size = Integer.SIZE - Integer.numberOfLeadingZeros(sequences - 1);
        if (size >= BATCH_SIZES) {
            throw new IllegalArgumentException(
                    sequences
                            + " sequences at once; at most "
                            + (1 << BATCH_SIZES - 1)
                            + " can be");
        }
        return batchKinds[size];
    }

    /** The runnable plan of steps with this capacity; good until evicted. */
    Executable executable(StepCapacity capacity) {
        return plans.executable(capacity, () -> plan(capacity));
    }

    /** The plan of a step with this capacity; made anew at each call. */
    Plan plan(StepCapacity capacity) {
        return device.plan(model.stepGraph(capacity, cacheShape), options);
    }
}
