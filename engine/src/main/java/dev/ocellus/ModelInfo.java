package dev.ocellus;

import dev.ocellus.kernels.ComputeType;
import dev.ocellus.tensor.DType;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a checkpoint is and what it needs, told from its config and its tensors' names and shapes:
 * no weights are read and none of the memory is taken, so that a model of any size can be asked
 * about on any machine.
 *
 * @param location folder of the checkpoint
 * @param architecture class name in the config
 * @param parts of the model, in the order in which data flows
 * @param parametersByDType stored elements by stored type
 * @param fileBytes bytes of all tensors in the files
 * @param capabilities what an opened model can be asked to do; empty for a vision tower alone
 * @param contextTokens longest conversation; 0 for a vision tower alone
 * @param device what it would run on, for people
 * @param compute type of matrix products with bfloat16 weights
 */
public record ModelInfo(
        Path location,
        String architecture,
        List<Part> parts,
        Map<DType, Long> parametersByDType,
        long fileBytes,
        Set<Capability> capabilities,
        long contextTokens,
        String device,
        ComputeType compute,
        Memory memory) {

    /**
     * A part of a model.
     *
     * @param name vision, projector or language
     * @param shape of the part, for people
     * @param parameters stored elements
     */
    public record Part(String name, String shape, long parameters) {}

    /**
     * Bytes that the model takes when it is open.
     *
     * @param weights packed weights
     * @param decodeWorkspace activations of a decoded token
     * @param promptWorkspace activations of a piece of a prompt
     * @param visionWorkspace activations of the tiles that are encoded together
     * @param tileFeatures cached features of one tile
     * @param cachePerToken keys and values of one token
     * @param cacheForContext keys and values of a conversation as long as the context
     * @param cacheType type of keys and values; null where there is no cache
     */
    public record Memory(
            long weights,
            long decodeWorkspace,
            long promptWorkspace,
            long visionWorkspace,
            long tileFeatures,
            long cachePerToken,
            long cacheForContext,
            DType cacheType) {

        /** Weights, all workspaces and one conversation as long as the context. */
        public long total() {
            return weights + decodeWorkspace + promptWorkspace + visionWorkspace + cacheForContext;
        }
    }

    /** Stored elements of the whole checkpoint. */
    public long parameters() {
        return parametersByDType.values().stream().mapToLong(Long::longValue).sum();
    }

    /** Asks about a checkpoint as it would be opened with default options. */
    public static ModelInfo of(Path folder) {
        return of(folder, OpenOptions.DEFAULT);
    }

    /**
     * Asks about a checkpoint.
     *
     * @param folder of an InternVL chat model, a language model or a vision tower
     * @throws dev.ocellus.loader.CheckpointException if the folder holds no model that is known
     *     here, or a broken one
     */
    public static ModelInfo of(Path folder, OpenOptions options) {
        try (ModelPlans plans = ModelPlans.open(folder, options)) {
            return new ModelSurvey(plans).info();
        }
    }
}
