package dev.ocellus.loader;

import dev.ocellus.loader.safetensors.StoredTensor;

import java.util.Comparator;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * The tensors of a checkpoint under a name prefix. Model code walks it along its module tree:
 * {@code weights.in("layers.3").in("mlp").get("up_proj.weight", intermediateSize, hiddenSize)}.
 * Immutable; the tensors belong to the {@link Checkpoint}.
 */
public final class Weights {
    private static final int NEAR_NAMES = 3;

    private final String source;
    private final String prefix;
    private final NavigableMap<String, StoredTensor> tensors;

    private Weights(String source, String prefix, NavigableMap<String, StoredTensor> tensors) {
        this.source = source;
        this.prefix = prefix;
        this.tensors = tensors;
    }

    /**
     * @param source file or folder that errors name
     */
    static Weights of(String source, Iterable<StoredTensor> tensors) {
        NavigableMap<String, StoredTensor> byName = new TreeMap<>();
        for (StoredTensor tensor : tensors) {
            byName.put(tensor.name(), tensor);
        }
        return new Weights(source, "", byName);
    }

    /** The tensors whose names begin with {@code scope} and a dot, relative to this prefix. */
    public Weights in(String scope) {
        return new Weights(source, prefix + scope + ".", tensors);
    }

    /** Whether there is no tensor under this prefix. */
    public boolean isEmpty() {
        String first = tensors.ceilingKey(prefix);
        return first == null || !first.startsWith(prefix);
    }

    public boolean has(String name) {
        return tensors.containsKey(prefix + name);
    }

    /** Names under this prefix, without it, sorted. */
    public List<String> names() {
        return tensors.tailMap(prefix, true).keySet().stream()
                .takeWhile(name -> name.startsWith(prefix))
                .map(name -> name.substring(prefix.length()))
                .toList();
    }

    /**
     * @throws CheckpointException if there is no such tensor; the message lists near names
     */
    public StoredTensor get(String name) {
        return firstOf(name);
    }

    /**
     * @param expectedShape outermost dimension first; {@code new long[0]} for a scalar
     * @throws CheckpointException if there is no such tensor or its shape is another one
     */
    public StoredTensor get(String name, long... expectedShape) {
        return get(name).expectShape(expectedShape);
    }

    /**
     * The first of these tensors that is there, for weights that were published under several
     * names.
     *
     * @throws CheckpointException if there is none of them
     */
    public StoredTensor firstOf(String... candidates) {
        for (String name : candidates) {
            StoredTensor tensor = tensors.get(prefix + name);
            if (tensor != null) {
                return tensor;
            }
        }
        throw missing(candidates);
    }

    private CheckpointException missing(String[] candidates) {
        String wanted = prefix + String.join("' or '" + prefix, candidates);
        String near =
                nearNames(prefix + candidates[0]).stream().collect(Collectors.joining("', '"));
        return new CheckpointException(
                "%s: there is no tensor '%s'%s"
                        .formatted(
                                source,
                                wanted,
                                near.isEmpty() ? "" : "; near names are '" + near + "'"));
    }

    private List<String> nearNames(String wanted) {
        record Near(String name, int distance) {}
        return tensors.keySet().stream()
                .map(name -> new Near(name, editDistance(wanted, name)))
                .filter(near -> near.distance <= wanted.length() / 2)
                .sorted(Comparator.comparingInt(Near::distance).thenComparing(Near::name))
                .limit(NEAR_NAMES)
                .map(Near::name)
                .toList();
    }

    /** Levenshtein. */
    private static int editDistance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int substitute = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substitute, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }

    @Override
    public String toString() {
        return prefix.isEmpty() ? source : source + ": " + prefix + "*";
    }
}
