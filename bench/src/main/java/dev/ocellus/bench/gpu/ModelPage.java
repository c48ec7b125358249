package dev.ocellus.bench.gpu;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.ocellus.graph.draw.Units;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The predictions for people and programs.
 *
 * @param launches of each case
 * @param predictions for each GPU and case
 * @param measurements beside which they are set
 */
record ModelPage(
        Map<GpuCase, Prediction.Launches> launches,
        List<Prediction> predictions,
        Measurements measurements) {
    private static final String INTRODUCTION =
            """
            # What the GPU's performance model predicts

            **Predictions, not measurements**: written by `bench/gpu-model` from the launches of a run's plans (kernels,
            grids, shared memory), their bytes and FLOPs, the registers in `kernels/cuda/REGISTERS.md` and published
            figures of the GPUs. %s

            A launch takes the longest of its bytes, its arithmetic and %.0f round trips to memory, and %.1f µs from the
            end of the kernel before (Spector et al., 2025). Memory gives at most %.0f %% of its published rate, and no more
            than the bytes that the resident blocks have under way over the latency of memory under load, taken as %.0f
            times the idle one (Luo et al., 2024). Large products of the library are taken to reach %.0f %% of the
            published dense rate less what the last wave of tiles leaves idle; own kernels %.0f %% of what their
            instructions allow, on Hopper %.0f %% of its rate. A run costs the host %.0f µs beside. What stays in the L2
            cache counts as memory; copies of logits, sampling and the clocks of a GPU that draws its full power do not
            count.
            """;

    private static final String UNPROVEN =
            "No GPU has been measured beside it yet, so its error is not known.";
    private static final String PROVEN = "Its error where a GPU was measured is in the last table.";

    String markdown() {
        StringBuilder out = new StringBuilder();
        out.append(
                String.format(
                        Locale.ROOT,
                        INTRODUCTION,
                        measurements.rows().isEmpty() ? UNPROVEN : PROVEN,
                        LaunchTime.ROUND_TRIPS,
                        LaunchTime.GAP * 1e6,
                        100 * LaunchTime.MEMORY_SHARE,
                        LaunchTime.LOADED,
                        100 * LaunchTime.LIBRARY_SHARE,
                        100 * LaunchTime.OWN_SHARE,
                        100 * LaunchTime.HOPPER_WARP_SHARE,
                        Prediction.HOST * 1e6));
        work(out);
        speeds(out);
        kernels(out);
        errors(out);
        return out.toString();
    }

    private void work(StringBuilder out) {
        out.append("\n## Work\n\nOf one run: a decoded token, a chunk of a prompt, all tiles.\n\n");
        header(out, "work", "runs", "launches of a run", "of a layer", "weights", "other bytes");
        for (Prediction.Launches l : launches.values()) {
            row(
                    out,
                    l.work().text(),
                    String.valueOf(l.runs()),
                    String.valueOf(l.launchesOfRun()),
                    number((double) l.launchesOfRun() / l.layers()),
                    Units.si((double) l.cost().weightBytes() / l.runs(), "B"),
                    Units.si((double) l.cost().activationBytes() / l.runs(), "B"));
        }
    }

    private void speeds(StringBuilder out) {
        out.append("\n## Speeds\n\n");
        out.append(
                "In brackets the share of the published rate of memory for decoding, of dense\n");
        out.append("bfloat16 products for the rest. A dash: weights and cache do not fit.\n\n");
        String[] names = gpus().stream().map(GpuSpec::name).toArray(String[]::new);
        header(out, concat(new String[] {"work", "unit"}, names));
        for (GpuCase c : launches.keySet()) {
            String[] cells =
                    gpus().stream().map(g -> speed(prediction(g, c))).toArray(String[]::new);
            row(out, concat(new String[] {c.text(), c.kind().unit}, cells));
        }
    }

    private List<GpuSpec> gpus() {
        return predictions.stream().map(Prediction::gpu).distinct().toList();
    }

    private static String speed(Prediction p) {
        if (!p.fits()) {
            return "–";
        }
        double share =
                p.work().kind() == GpuCase.Kind.DECODE ? p.memoryShare() : p.arithmeticShare();
        return "%s (%.0f %%)".formatted(number(p.unitsPerSecond()), 100 * share);
    }

    private Prediction prediction(GpuSpec gpu, GpuCase work) {
        return predictions.stream()
                .filter(p -> p.gpu().equals(gpu) && p.work().equals(work))
                .findFirst()
                .orElseThrow();
    }

    private void kernels(StringBuilder out) {
        GpuSpec gpu = gpus().getFirst();
        out.append("\n## Kernels on ").append(gpu.name()).append("\n\n");
        out.append("Launches of the whole work, with the gaps before them; blocks that a ");
        out.append("multiprocessor holds.\n");
        for (GpuCase c : launches.keySet()) {
            Prediction p = prediction(gpu, c);
            out.append("\n").append(c.text()).append(", ");
            out.append(number(p.seconds() * 1e3)).append(" ms:\n\n");
            header(
                    out,
                    "kernel",
                    "launches",
                    "µs each",
                    "share",
                    "bytes",
                    "FLOPs",
                    "bound by",
                    "blocks");
            for (Prediction.Row r : p.rows()) {
                row(
                        out,
                        r.kernel(),
                        String.valueOf(r.launches()),
                        number(1e6 * r.seconds() / r.launches()),
                        Units.percent(r.seconds(), p.seconds()),
                        Units.si(r.bytes(), "B"),
                        Units.si(r.flops(), "FLOP"),
                        r.bound().name().toLowerCase(Locale.ROOT),
                        r.blocksHeld() == 0 ? "" : String.valueOf(r.blocksHeld()));
            }
        }
    }

    private void errors(StringBuilder out) {
        for (GpuSpec gpu : gpus()) {
            measurements.of(gpu).ifPresent(name -> errors(out, gpu, name));
        }
    }

    private void errors(StringBuilder out, GpuSpec gpu, String name) {
        out.append("\n## Predicted and measured on ").append(name).append("\n\n");
        header(out, "work", "unit", "predicted", "measured", "predicted / measured");
        for (GpuCase c : launches.keySet()) {
            double predicted = prediction(gpu, c).unitsPerSecond();
            measurements
                    .unitsPerSecond(name, c)
                    .ifPresent(
                            m ->
                                    row(
                                            out,
                                            c.text(),
                                            c.kind().unit,
                                            number(predicted),
                                            number(m),
                                            number(predicted / m)));
        }
    }

    ObjectNode json() {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.put("kind", "predictions, not measurements");
        ArrayNode all = root.putArray("predictions");
        for (Prediction p : predictions) {
            ObjectNode node = all.addObject();
            node.put("gpu", p.gpu().name()).put("work", p.work().id());
            node.put("unit", p.work().kind().unit).put("units_per_second", p.unitsPerSecond());
            node.put("seconds", p.seconds()).put("fits", p.fits());
            node.put("bytes", p.cost().bytes()).put("flops", p.cost().flops());
            ArrayNode kernels = node.putArray("kernels");
            for (Prediction.Row r : p.rows()) {
                kernels.addObject()
                        .put("kernel", r.kernel())
                        .put("launches", r.launches())
                        .put("seconds", r.seconds())
                        .put("bytes", r.bytes())
                        .put("flops", r.flops())
                        .put("bound", r.bound().name().toLowerCase(Locale.ROOT))
                        .put("blocks_held", r.blocksHeld());
            }
        }
        return root;
    }

    private static void header(StringBuilder out, String... cells) {
        row(out, cells);
        row(
                out,
                Arrays.stream(cells)
                        .map(c -> c.equals("work") || c.equals("kernel") ? "---" : "---:")
                        .toArray(String[]::new));
    }

    private static void row(StringBuilder out, String... cells) {
        out.append(Arrays.stream(cells).collect(Collectors.joining(" | ", "| ", " |\n")));
    }

    private static String[] concat(String[] a, String[] b) {
        String[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    private static String number(double v) {
        return String.format(Locale.ROOT, v < 10 ? "%.2f" : v < 100 ? "%.1f" : "%,.0f", v);
    }
}
