package dev.ocellus.graph.draw;

import dev.ocellus.graph.ConvWindow;
import dev.ocellus.graph.Node;
import dev.ocellus.graph.Op;
import dev.ocellus.graph.Weight;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Stream;

/** What steps are called in drawings and tables. */
public final class StepLabel {
    private StepLabel() {}

    /** As in "3 × linear" or "linear + gelu". */
    public static String operations(List<Node> step) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < step.size(); ) {
            String name = operation(step.get(i).op());
            int end = i + 1;
            while (end < step.size() && operation(step.get(end).op()).equals(name)) {
                end++;
            }
            names.add(end - i == 1 ? name : end - i + " × " + name);
            i = end;
        }
        return String.join(" + ", names);
    }

    /** The distinct shapes that the step makes, as in "[1, 1025, 1024] × 3". */
    public static String shapes(List<Node> step) {
        Set<Object> handedOn = new LinkedHashSet<>();
        step.forEach(n -> handedOn.addAll(n.inputs()));
        List<String> made =
                step.stream()
                        .filter(n -> !handedOn.contains(n.value()))
                        .map(n -> n.value().shape().toString())
                        .toList();
        List<String> distinct = made.stream().distinct().toList();
        return distinct.size() == 1 && made.size() > 1
                ? distinct.getFirst() + " × " + made.size()
                : String.join(", ", distinct);
    }

    private static String operation(Op op) {
        return switch (op) {
            case Op.Input i -> i.label();
            case Op.Activate a -> a.activation().name().toLowerCase(Locale.ROOT).replace('_', ' ');
            case Op.GatedActivate a ->
                    "gated " + a.activation().name().toLowerCase(Locale.ROOT).replace('_', ' ');
            case Op.RmsNorm r -> "RMS norm";
            case Op.KvAppend k -> "KV append";
            default -> op.name().replaceAll("(?=[A-Z])", " ").toLowerCase(Locale.ROOT);
        };
    }

    /** Numbers beside weights that say how the operation works; empty where there are none. */
    static String attributes(Op op) {
        return switch (op) {
            case Op.Attention a -> heads(a.heads(), a.kvHeads(), a.headDim());
            case Op.PagedAttention a ->
                    heads(a.heads(), a.cache().kvHeads(), a.cache().headDim())
                            + (a.window() == 0 ? "" : ", window of " + a.window());
            case Op.KvAppend k ->
                    heads(k.cache().kvHeads(), k.cache().kvHeads(), k.cache().headDim());
            case Op.Rope r -> heads(r.heads(), r.heads(), r.headDim());
            case Op.RmsNorm r when r.groups() > 1 -> r.groups() + " groups";
            case Op.GroupNorm g -> g.groups() + " groups";
            case Op.Conv2d c -> window(c.window());
            case Op.Patchify p -> "patches of " + p.patch() + " × " + p.patch();
            case Op.AssembleTokens a -> "grid of " + a.height() + " × " + a.width();
            case Op.PixelUnshuffle p -> "blocks of " + p.block() + " × " + p.block();
            default -> "";
        };
    }

    private static String window(ConvWindow w) {
        return w.kernelHeight()
                + " × "
                + w.kernelWidth()
                + (w.stride() == 1 ? "" : ", stride " + w.stride())
                + (w.dilation() == 1 ? "" : ", dilation " + w.dilation());
    }

    private static String heads(long heads, long kvHeads, long headDim) {
        String over = heads == kvHeads ? "" : " over " + kvHeads;
        return heads + " heads" + over + ", width " + headDim;
    }

    /**
     * The step's main weights, as in "attn.qkv.weight [3072, 1024] bf16"; empty where it has none.
     */
    public static String weights(List<Node> step) {
        List<Weight> main =
                step.stream().map(n -> weights(n.op()).findFirst().orElse(null)).toList();
        List<Weight> matrices = main.stream().filter(w -> w != null && w.cols() > 1).toList();
        List<Weight> shown =
                matrices.isEmpty() ? main.stream().filter(w -> w != null).toList() : matrices;
        if (shown.isEmpty()) {
            return "";
        }
        String scope = step.getLast().scope();
        List<String> names =
                shown.stream().map(w -> shortName(w.name(), scope)).distinct().toList();
        long rows = shown.stream().mapToLong(Weight::rows).sum();
        Weight first = shown.getFirst();
        String shape =
                first.cols() == 1 ? "[" + rows + "]" : "[" + rows + ", " + first.cols() + "]";
        return join(names) + " " + shape + " " + first.kernelType().lowerName();
    }

    /** All weights of an operation, the main one first. */
    static Stream<Weight> weights(Op op) {
        Stream<Weight> all =
                switch (op) {
                    case Op.Embedding e -> Stream.of(e.table());
                    case Op.Linear l -> Stream.of(l.weight(), l.bias());
                    case Op.RmsNorm r -> Stream.of(r.weight());
                    case Op.LayerNorm r -> Stream.of(r.weight(), r.bias());
                    case Op.Conv2d c -> Stream.of(c.weight(), c.bias());
                    case Op.GroupNorm g -> Stream.of(g.weight(), g.bias());
                    case Op.Scale s -> Stream.of(s.weight());
                    case Op.AssembleTokens a -> Stream.of(a.position(), a.cls());
                    default -> Stream.empty();
                };
        return all.filter(w -> w != null);
    }

    /** The part of a tensor's name that follows the scope, or its last two parts. */
    private static String shortName(String name, String scope) {
        String number = scope.substring(scope.lastIndexOf('.') + 1);
        int at = number.isEmpty() ? -1 : name.indexOf("." + number + ".");
        if (at >= 0) {
            return name.substring(at + number.length() + 2);
        }
        int last = name.lastIndexOf('.');
        return last < 0 ? name : name.substring(name.lastIndexOf('.', last - 1) + 1);
    }

    /** "q.weight", "k.weight" as "q, k .weight" would read badly: what names share is said once. */
    private static String join(List<String> names) {
        String suffix = ".weight";
        if (names.size() == 1) {
            return names.getFirst();
        }
        List<String> stems =
                names.stream()
                        .map(n -> n.endsWith(suffix) ? n.substring(0, n.length() - 7) : n)
                        .toList();
        int dot = stems.getFirst().lastIndexOf('.');
        String prefix = stems.getFirst().substring(0, dot + 1);
        boolean shared = stems.stream().allMatch(s -> s.startsWith(prefix));
        return shared
                ? prefix + String.join(", ", stems.stream().map(s -> s.substring(dot + 1)).toList())
                : String.join(", ", stems);
    }
}
