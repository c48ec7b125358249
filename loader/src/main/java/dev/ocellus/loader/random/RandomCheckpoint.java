package dev.ocellus.loader.random;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.CheckpointWriter;
import dev.ocellus.loader.config.Json;
import dev.ocellus.loader.config.JsonFile;
import dev.ocellus.loader.safetensors.TensorSource;
import dev.ocellus.loader.safetensors.TensorSpec;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Writes checkpoint folders that have the names, shapes and files of a published model but no
 * trained weights: to measure and test models that are large or not at hand.
 */
public final class RandomCheckpoint {
    /**
     * @param seed equal seeds give equal files
     * @param sparse leave out the values: the weights are zero and take no disk space
     * @param maxShardBytes weights over this size are split into files
     */
    public record Options(long seed, boolean sparse, long maxShardBytes) {
        public static final Options DEFAULT = new Options(0, false, 5_000_000_000L);

        public Options withSeed(long newSeed) {
            return new Options(newSeed, sparse, maxShardBytes);
        }

        public Options withSparse(boolean newSparse) {
            return new Options(seed, newSparse, maxShardBytes);
        }

        public Options withMaxShardBytes(long newMaxShardBytes) {
            return new Options(seed, sparse, newMaxShardBytes);
        }
    }

    /** Hears how many bytes of the weights have been made; nothing of sparse ones. */
    @FunctionalInterface
    public interface Listener {
        void made(long bytes, long totalBytes);
    }

    private RandomCheckpoint() {}

    /** As {@link #write(Path, ObjectNode, Options, Listener)}, in silence. */
    public static void write(Path folder, ObjectNode config, Options options) {
        write(folder, config, options, (bytes, total) -> {});
    }

    /**
     * Writes weights, {@code config.json} and, as far as the model has text or images, a tokenizer
     * of bytes and the published chat tokens, {@code generation_config.json} and {@code
     * preprocessor_config.json}. Token ids in the configuration become those of that tokenizer; the
     * vocabulary size stays.
     *
     * @param folder made if it isn't there
     * @param config such as {@link ModelPresets#config} gives; its {@code torch_dtype} is that of
     *     the weights
     * @throws dev.ocellus.loader.CheckpointException if the configuration is wrong, or the folder
     *     has weights already or can't be written
     */
    public static void write(Path folder, ObjectNode config, Options options, Listener listener) {
        ObjectNode own = config.deepCopy();
        SidecarFiles.setTokenIds(own);
        Json json = Json.of("config.json", own);
        List<TensorSpec> tensors = TensorCatalog.of(json);
        // The writer knows zeros by that very source and leaves holes for them.
        TensorSource source =
                options.sparse()
                        ? TensorSource.ZEROS
                        : counting(new RandomWeights(options.seed()), tensors, listener);
        CheckpointWriter.write(folder, tensors, options.maxShardBytes(), source);
        SidecarFiles.of(json)
                .forEach((name, content) -> JsonFile.write(folder.resolve(name), content));
        JsonFile.write(folder.resolve("config.json"), own);
    }

    private static TensorSource counting(
            TensorSource source, List<TensorSpec> tensors, Listener listener) {
        long total = tensors.stream().mapToLong(TensorSpec::byteSize).sum();
        AtomicLong made = new AtomicLong();
        return (tensor, byteOffset, destination) -> {
            source.read(tensor, byteOffset, destination);
            listener.made(made.addAndGet(destination.byteSize()), total);
        };
    }
}
