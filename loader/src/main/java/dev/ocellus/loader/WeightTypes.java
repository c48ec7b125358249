package dev.ocellus.loader;

import dev.ocellus.kernels.Panels;
import dev.ocellus.loader.safetensors.StoredTensor;
import dev.ocellus.tensor.DType;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * In which types the matrices of a checkpoint are packed. Rules go by the tensor's name; the first
 * that fits counts. Only stored matrices of numbers can be chosen: norms, biases, position tables
 * and convolution filters stay what they are.
 */
public record WeightTypes(List<Rule> rules) {

    /**
     * @param glob names that are meant, with {@code *} and {@code ?}
     * @param type F32, F16, BF16, Q8, Q4 or F8; null for the stored type
     */
    public record Rule(String glob, DType type) {
        public Rule {
            if (type != null && !Panels.supports(type)) {
                throw new IllegalArgumentException(
                        "matrices can't be packed as " + type + ", only as " + NAMES);
            }
        }

        private boolean fits(String name) {
            return matches(glob, name);
        }
    }

    private static final String NAMES = "F32, F16, BF16, Q8, Q4 or F8";

    /** Everything as it is stored. */
    public static final WeightTypes STORED = new WeightTypes(List.of());

    /** The sensitive side of vision-language models, by the names of all layouts. */
    private static final List<String> VISION =
            List.of(
                    "*vision_model.*",
                    "*vision_tower.*",
                    "encoder.*",
                    "embeddings.*",
                    "mlp1.*",
                    "*multi_modal_projector.*");

    private static final List<String> VOCABULARY =
            List.of(
                    "*embed_tokens.weight",
                    "*tok_embeddings.weight",
                    "*lm_head.weight",
                    "*output.weight");

    public WeightTypes {
        rules = List.copyOf(rules);
    }

    /**
     * The usual choices for a type. Q8, Q4 and F8 are for the matrices of language models; vision
     * towers and projectors stay as they are stored. With Q4, embeddings and output heads are Q8.
     * Other types are for all matrices.
     */
    public static WeightTypes of(DType type) {
        List<Rule> rules = new ArrayList<>();
        if (type.isBlock()) {
            VISION.forEach(glob -> rules.add(new Rule(glob, null)));
            DType vocabulary = type == DType.Q4 ? DType.Q8 : type;
            VOCABULARY.forEach(glob -> rules.add(new Rule(glob, vocabulary)));
        }
        rules.add(new Rule("*", type));
        return new WeightTypes(rules);
    }

    /** These choices, after one that goes before them. */
    public WeightTypes with(Rule first) {
        List<Rule> all = new ArrayList<>(List.of(first));
        all.addAll(rules);
        return new WeightTypes(all);
    }

    /** The type in which a tensor is to be packed; empty where it is not for these rules. */
    public Optional<DType> typeOf(StoredTensor t) {
        boolean matrix = t.shape().rank() == 2 && t.elements() > 0 && t.dtype().isFloat();
        // A table of positions is added, not multiplied.
        if (!matrix || t.isPanels() || t.name().contains("position_embedding")) {
            return Optional.empty();
        }
        for (Rule r : rules) {
            if (r.fits(t.name())) {
                return Optional.of(r.type() == null ? t.kernelType() : r.type());
            }
        }
        return Optional.empty();
    }

    /** Whether a name is one that the glob means. */
    static boolean matches(String glob, String name) {
        int star = -1;
        int resume = 0;
        int g = 0;
        int n = 0;
        while (n < name.length()) {
            if (g < glob.length() && glob.charAt(g) == '*') {
                star = g++;
                resume = n;
            } else if (g < glob.length()
                    && (glob.charAt(g) == '?' || glob.charAt(g) == name.charAt(n))) {
                g++;
                n++;
            } else if (star >= 0) {
                g = star + 1;
                n = ++resume;
            } else {
                return false;
            }
        }
        while (g < glob.length() && glob.charAt(g) == '*') {
            g++;
        }
        return g == glob.length();
    }
}
