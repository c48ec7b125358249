package dev.ocellus;

import dev.ocellus.device.Device;
import dev.ocellus.tensor.DType;

/**
 * How a model is opened. Immutable; start from {@link #DEFAULT}.
 *
 * @param device where it runs, owned by the caller; null for the processor with a device of its own
 * @param compute type in which matrix products multiply
 * @param cacheType type of cached keys and values: F32, BF16 or F16; null for BF16 when products
 *     are in bfloat16, else F32
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
        Compute compute,
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
        /**
         * bfloat16 for bfloat16 weights where the processor has instructions for it, else float32.
         */
        AUTO,
        /** float32: the reference's results up to rounding. */
        F32,
        /** bfloat16 for bfloat16 weights. */
        BF16
    }

    public static final OpenOptions DEFAULT =
            new OpenOptions(
                    null,
                    Compute.AUTO,
                    null,
                    0,
                    4L << 30,
                    512L << 20,
                    1L << 30,
                    0,
                    false,
                    null,
                    null);

    public OpenOptions {
        if (cacheType != null
                && cacheType != DType.F32
                && cacheType != DType.BF16
                && cacheType != DType.F16) {
            throw new IllegalArgumentException(
                    "cacheType is " + cacheType + "; it must be F32, BF16 or F16");
        }
        if (contextTokens < 0
                || cacheBytes < 1
                || featureBytes < 0
                || planBytes < 0
                || maxTiles < 0) {
            throw new IllegalArgumentException("limits must not be negative");
        }
    }

    public OpenOptions withDevice(Device d) {
        return new OpenOptions(
                d,
                compute,
                cacheType,
                contextTokens,
                cacheBytes,
                featureBytes,
                planBytes,
                maxTiles,
                applyOrientation,
                systemMessage,
                progress);
    }

    public OpenOptions withCompute(Compute c) {
        return new OpenOptions(
                device,
                c,
                cacheType,
                contextTokens,
                cacheBytes,
                featureBytes,
                planBytes,
                maxTiles,
                applyOrientation,
                systemMessage,
                progress);
    }

    public OpenOptions withCacheType(DType t) {
        return new OpenOptions(
                device,
                compute,
                t,
                contextTokens,
                cacheBytes,
                featureBytes,
                planBytes,
                maxTiles,
                applyOrientation,
                systemMessage,
                progress);
    }

    public OpenOptions withContextTokens(long n) {
        return new OpenOptions(
                device,
                compute,
                cacheType,
                n,
                cacheBytes,
                featureBytes,
                planBytes,
                maxTiles,
                applyOrientation,
                systemMessage,
                progress);
    }

    public OpenOptions withCacheBytes(long n) {
        return new OpenOptions(
                device,
                compute,
                cacheType,
                contextTokens,
                n,
                featureBytes,
                planBytes,
                maxTiles,
                applyOrientation,
                systemMessage,
                progress);
    }

    public OpenOptions withFeatureBytes(long n) {
        return new OpenOptions(
                device,
                compute,
                cacheType,
                contextTokens,
                cacheBytes,
                n,
                planBytes,
                maxTiles,
                applyOrientation,
                systemMessage,
                progress);
    }

    public OpenOptions withPlanBytes(long n) {
        return new OpenOptions(
                device,
                compute,
                cacheType,
                contextTokens,
                cacheBytes,
                featureBytes,
                n,
                maxTiles,
                applyOrientation,
                systemMessage,
                progress);
    }

    public OpenOptions withMaxTiles(int n) {
        return new OpenOptions(
                device,
                compute,
                cacheType,
                contextTokens,
                cacheBytes,
                featureBytes,
                planBytes,
                n,
                applyOrientation,
                systemMessage,
                progress);
    }

    public OpenOptions withApplyOrientation(boolean apply) {
        return new OpenOptions(
                device,
                compute,
                cacheType,
                contextTokens,
                cacheBytes,
                featureBytes,
                planBytes,
                maxTiles,
                apply,
                systemMessage,
                progress);
    }

    public OpenOptions withSystemMessage(String text) {
        return new OpenOptions(
                device,
                compute,
                cacheType,
                contextTokens,
                cacheBytes,
                featureBytes,
                planBytes,
                maxTiles,
                applyOrientation,
                text,
                progress);
    }

    public OpenOptions withProgress(Progress p) {
        return new OpenOptions(
                device,
                compute,
                cacheType,
                contextTokens,
                cacheBytes,
                featureBytes,
                planBytes,
                maxTiles,
                applyOrientation,
                systemMessage,
                p);
    }
}
