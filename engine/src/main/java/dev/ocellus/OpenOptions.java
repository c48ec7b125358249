package dev.ocellus;

import dev.ocellus.device.Device;
import dev.ocellus.device.DeviceChoice;
import dev.ocellus.kernels.KvPanels;
import dev.ocellus.loader.WeightTypes;
import dev.ocellus.tensor.DType;

import java.util.function.Consumer;

/**
 * How a model is opened. Immutable; start from {@link #DEFAULT}.
 *
 * @param device where it runs, owned by the caller; null for a device of its own
 * @param deviceChoice which device of its own; {@link DeviceChoice#AUTO} is a GPU if there is one,
 *     else the processor
 * @param compute type in which matrix products multiply
 * @param weights type in which the matrices are packed, as {@link WeightTypes#of} says: Q8, Q4, F8
 *     (on GPUs alone) or BF16; null for the stored types
 * @param cacheType type of cached keys and values: F32, BF16, F16 or Q8; null for BF16 when
 *     products are in bfloat16, else F32
 * @param contextTokens longest conversation; 0 for what the model was trained for
 * @param cacheBytes limit of all key/value caches together
 * @param featureBytes limit of cached image features
 * @param planBytes limit of the workspaces of cached plans
 * @param maxTiles most tiles of an image without its thumbnail; 0 for the checkpoint's own limit
 * @param applyOrientation whether photos are turned as their EXIF data says; the reference does not
 * @param systemMessage replaces the system message of the conversation format; null keeps it
 * @param progress hears of the loading of weights; null for silence
 */
public record OpenOptions(
        Device device,
        DeviceChoice deviceChoice,
        Compute compute,
        DType weights,
        DType cacheType,
        long contextTokens,
        long cacheBytes,
        long featureBytes,
        long planBytes,
        int maxTiles,
        boolean applyOrientation,
        String systemMessage,
        Progress progress) {

    /** Type of the factors of matrix products. */
    public enum Compute {
        /** bfloat16 for bfloat16 weights where the device has instructions for it, else float32. */
        AUTO,
        /** float32: the reference's results up to rounding. */
        F32,
        /** bfloat16 for bfloat16 weights. */
        BF16
    }

    public static final OpenOptions DEFAULT =
            new OpenOptions(
                    null,
                    DeviceChoice.AUTO,
                    Compute.AUTO,
                    null,
                    null,
                    0,
                    4L << 30,
                    512L << 20,
                    2L << 30,
                    0,
                    false,
                    null,
                    null);

    public OpenOptions {
        if (weights != null && !weights.isBlock() && weights != DType.BF16) {
            throw new IllegalArgumentException(
                    "weights is " + weights + "; it must be Q8, Q4, F8 or BF16");
        }
        if (cacheType != null && !KvPanels.supports(cacheType)) {
            throw new IllegalArgumentException(
                    "cacheType is " + cacheType + "; it must be F32, BF16, F16 or Q8");
        }
        if (contextTokens < 0
                || cacheBytes < 1
                || featureBytes < 0
                || planBytes < 0
                || maxTiles < 0) {
            throw new IllegalArgumentException("limits must not be negative");
        }
    }

    public OpenOptions withDevice(Device value) {
        return with(f -> f.device = value);
    }

    public OpenOptions withDeviceChoice(DeviceChoice choice) {
        return with(f -> f.deviceChoice = choice);
    }

    public OpenOptions withCompute(Compute type) {
        return with(f -> f.compute = type);
    }

    public OpenOptions withWeights(DType type) {
        return with(f -> f.weights = type);
    }

    /** The types of all matrices that follow from {@link #weights}. */
    public WeightTypes weightTypes() {
        return weights == null ? WeightTypes.STORED : WeightTypes.of(weights);
    }

    public OpenOptions withCacheType(DType type) {
        return with(f -> f.cacheType = type);
    }

    public OpenOptions withContextTokens(long tokens) {
        return with(f -> f.contextTokens = tokens);
    }

    public OpenOptions withCacheBytes(long bytes) {
        return with(f -> f.cacheBytes = bytes);
    }

    public OpenOptions withFeatureBytes(long bytes) {
        return with(f -> f.featureBytes = bytes);
    }

    public OpenOptions withPlanBytes(long bytes) {
        return with(f -> f.planBytes = bytes);
    }

    public OpenOptions withMaxTiles(int tiles) {
        return with(f -> f.maxTiles = tiles);
    }

    public OpenOptions withApplyOrientation(boolean apply) {
        return with(f -> f.applyOrientation = apply);
    }

    public OpenOptions withSystemMessage(String text) {
        return with(f -> f.systemMessage = text);
    }

    public OpenOptions withProgress(Progress listener) {
        return with(f -> f.progress = listener);
    }

    /** A copy in which {@code change} may set components; the record's own rules apply to it. */
    private OpenOptions with(Consumer<Fields> change) {
        Fields f = new Fields();
        f.device = device;
        f.deviceChoice = deviceChoice;
        f.compute = compute;
        f.weights = weights;
        f.cacheType = cacheType;
        f.contextTokens = contextTokens;
        f.cacheBytes = cacheBytes;
        f.featureBytes = featureBytes;
        f.planBytes = planBytes;
        f.maxTiles = maxTiles;
        f.applyOrientation = applyOrientation;
        f.systemMessage = systemMessage;
        f.progress = progress;
        change.accept(f);
        return new OpenOptions(
                f.device,
                f.deviceChoice,
                f.compute,
                f.weights,
                f.cacheType,
                f.contextTokens,
                f.cacheBytes,
                f.featureBytes,
                f.planBytes,
                f.maxTiles,
                f.applyOrientation,
                f.systemMessage,
                f.progress);
    }

    /** The components of a copy that is being made. */
    private static final class Fields {
        private Device device;
        private DeviceChoice deviceChoice;
        private Compute compute;
        private DType weights;
        private DType cacheType;
        private long contextTokens;
        private long cacheBytes;
        private long featureBytes;
        private long planBytes;
        private int maxTiles;
        private boolean applyOrientation;
        private String systemMessage;
        private Progress progress;
    }
}
