package dev.ocellus.bench.gpu;

import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.loader.random.ModelPresets;
import dev.ocellus.loader.random.RandomCheckpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Checkpoints with random weights in the shapes of the cases, made when they are asked for.
 *
 * @param folder where they are put
 * @param small whether to make small models in their places, to try a command
 */
record Shapes(Path folder, boolean small) {
    private static final int SMALL_LAYERS = 2;
    private static final int SMALL_HEADS = 4;
    private static final int SMALL_HIDDEN = 128;

    /** Whole, with values. */
    Path withValues(String preset) {
        return made(preset, "", RandomCheckpoint.Options.DEFAULT);
    }

    /** Names and shapes only; takes no space. */
    Path empty(String preset) {
        return made(preset, "-empty", RandomCheckpoint.Options.DEFAULT.withSparse(true));
    }

    private Path made(String preset, String suffix, RandomCheckpoint.Options options) {
        Path model = model(preset + suffix);
        // The configuration is written last.
        if (!Files.exists(model.resolve("config.json"))) {
            delete(model);
            RandomCheckpoint.write(model, config(preset), options);
        }
        return model;
    }

    /** Under a name that is nobody else's, since it will be removed. */
    private Path model(String name) {
        return folder.resolve((small ? "bench-gpu-small-" : "bench-gpu-") + name);
    }

    private ObjectNode config(String preset) {
        ObjectNode config = ModelPresets.config(preset);
        if (small) {
            config.put("num_hidden_layers", SMALL_LAYERS);
            config.put("hidden_size", SMALL_HIDDEN);
            config.put("intermediate_size", 2 * SMALL_HIDDEN);
            config.put("num_attention_heads", SMALL_HEADS);
            config.remove("head_dim");
            if (config.has("num_key_value_heads")) {
                config.put("num_key_value_heads", SMALL_HEADS);
                config.put("vocab_size", 8 * SMALL_HIDDEN);
            } else {
                config.put("image_size", 4 * config.get("patch_size").intValue());
            }
        }
        return config;
    }

    /** Removes the model of a shape, if it is there. */
    void remove(String preset) {
        delete(model(preset));
    }

    private static void delete(Path model) {
        if (!Files.isDirectory(model)) {
            return;
        }
        try (Stream<Path> files = Files.walk(model)) {
            List<Path> all = files.sorted(Comparator.reverseOrder()).toList();
            for (Path file : all) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(model + " cannot be removed", e);
        }
    }
}
