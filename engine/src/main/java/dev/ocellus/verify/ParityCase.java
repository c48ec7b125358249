package dev.ocellus.verify;

import dev.ocellus.loader.config.ConfigException;
import dev.ocellus.loader.config.Json;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * A folder with a checkpoint, inputs and what a reference made of them; {@code case.json} says how
 * they belong together.
 *
 * @param model checkpoint folder, or null when the task needs none
 */
public record ParityCase(
        Path folder,
        String name,
        String task,
        Path model,
        Json arguments,
        Tolerance tolerance,
        Set<String> exact) {

    /** Limits of the differences. {@code maxAbs} is NaN where there is none. */
    public record Tolerance(double relativeL2, double maxAbs, Optional<Json> tensors) {

        static final double DEFAULT_RELATIVE_L2 = 1e-4;

        /** The limits of one tensor. */
        public Tolerance of(String tensor) {
            return tensors.flatMap(t -> t.findObject(tensor))
                    .map(
                            t ->
                                    new Tolerance(
                                            t.getDouble("relative_l2", relativeL2),
                                            t.getDouble("max_abs", Double.NaN),
                                            Optional.empty()))
                    .orElse(this);
        }

        /** Whether a tolerance is stated for this tensor alone. */
        boolean names(String tensor) {
            return tensors.map(t -> t.has(tensor)).orElse(false);
        }
    }

    /**
     * Reads {@code case.json}.
     *
     * @throws ConfigException if the folder holds no case or a broken one
     */
    public static ParityCase read(Path folder) {
        Path file = folder.resolve("case.json");
        if (!Files.isRegularFile(file)) {
            throw new ConfigException(folder + ": not a parity case: there is no case.json");
        }
        Json c = Json.read(file);
        Path model = folder.resolve(c.getString("model", "model")).normalize();
        Optional<Json> t = c.findObject("tolerance");
        return new ParityCase(
                folder,
                c.getString("name"),
                c.getString("task"),
                Files.isDirectory(model) ? model : null,
                c.findObject("arguments")
                        .orElseGet(
                                () ->
                                        Json.of(
                                                file.toString(),
                                                new com.fasterxml.jackson.databind.node.ObjectNode(
                                                        com.fasterxml.jackson.databind.node
                                                                .JsonNodeFactory.instance))),
                new Tolerance(
                        t.map(j -> j.getDouble("relative_l2", Tolerance.DEFAULT_RELATIVE_L2))
                                .orElse(Tolerance.DEFAULT_RELATIVE_L2),
                        t.map(j -> j.getDouble("max_abs", Double.NaN)).orElse(Double.NaN),
                        t.flatMap(j -> j.findObject("tensors"))),
                new HashSet<>(t.map(j -> j.getStrings("exact")).orElseGet(java.util.List::of)));
    }

    /** The checkpoint folder. */
    public Path modelFolder() {
        if (model == null) {
            throw new ConfigException(
                    folder.resolve("case.json") + ": the model folder does not exist");
        }
        return model;
    }

    public Path file(String fileName) {
        return folder.resolve(fileName);
    }
}
