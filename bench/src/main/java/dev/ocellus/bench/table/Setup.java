package dev.ocellus.bench.table;

import dev.ocellus.bench.gguf.LlamaTwin;
import dev.ocellus.bench.peers.LlamaCpp;
import dev.ocellus.bench.peers.PeerException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * Where everything is.
 *
 * @param home the project's folder
 * @param models folder of the checkpoints llama-1b, llama-135m, vit-300m and clip-l-336
 * @param work folder for twins and drivers, which are kept for the next run
 * @param results folder of the table's files
 * @param llamaCpp a build of llama.cpp, or null
 * @param javaLlamaCpp class path of java-llama.cpp, or null
 * @param python with PyTorch, NumPy and Pillow, or null
 * @param rounds that count
 * @param resume whether rows that are in the files already are left out
 * @param sections that are measured
 */
record Setup(
        Path home,
        Path models,
        Path work,
        Path results,
        Path llamaCpp,
        String javaLlamaCpp,
        String python,
        int rounds,
        boolean resume,
        Set<Section> sections) {

    /**
     * @throws PeerException if it is not there
     */
    Path model(String name) {
        Path folder = models.resolve(name);
        if (!Files.exists(folder.resolve("config.json"))) {
            throw new PeerException(
                    "no model %s; make it with tools/ocellus make-random %s -o %s"
                            .formatted(name, name, folder));
        }
        return folder;
    }

    /** The model as a GGUF file, written if it is not there yet. */
    Path twin(String name, WeightKind kind) {
        Path file = work.resolve(name + "-" + kind.text() + ".gguf");
        if (Files.exists(file)) {
            return file;
        }
        try {
            LlamaTwin.write(model(name), kind.twin, file);
            return file;
        } catch (IOException e) {
            throw new PeerException(file + " cannot be written: " + e.getMessage(), e);
        }
    }

    /** The compiled driver; empty without a build of llama.cpp. */
    Optional<LlamaCpp> driver() {
        return llamaCpp == null
                ? Optional.empty()
                : Optional.of(LlamaCpp.of(llamaCpp, peers().resolve("llama_driver.c"), work));
    }

    /** Folder of the peers' programs. */
    Path peers() {
        return home.resolve("bench/peers");
    }
}
