package dev.ocellus.graph.draw;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Horizontal places of ranked points: each is drawn towards the points it is joined to, and no two
 * of a rank come nearer than a gap. Boxes that follow each other stand in one column where they
 * can, and long edges make way for them.
 */
final class Columns {
    private static final int SWEEPS = 200;

    /** How hard an edge pulls its ends into one column, by what they are. */
    private static final double BOX_TO_BOX = 4;

    private static final double PASS_TO_PASS = 1;
    private static final double LOOSE = 0.3;

    private final Ranks ranks;
    private final ToDoubleFunction<Ranks.Point> width;
    private final double gap;
    private final Map<Ranks.Point, Double> centre = new HashMap<>();

    private Columns(Ranks ranks, ToDoubleFunction<Ranks.Point> width, double gap) {
        this.ranks = ranks;
        this.width = width;
        this.gap = gap;
    }

    /** The centre of each point; the origin is anywhere. */
    static Map<Ranks.Point, Double> centres(
            Ranks ranks, ToDoubleFunction<Ranks.Point> width, double gap) {
        Columns c = new Columns(ranks, width, gap);
        c.place();
        return c.centre;
    }

    /**
     * Lowers the sum of pull times squared distance over all edges, a row at a time. The sum is
     * convex, so that rows settle whatever they start from.
     */
    private void place() {
        for (Ranks.Point p : ranks.points()) {
            centre.put(p, 0.0);
        }
        for (int i = 0; i < SWEEPS; i++) {
            for (List<Ranks.Point> row : i % 2 == 0 ? ranks.rows() : ranks.rows().reversed()) {
                spread(row);
            }
        }
        for (Ranks.Point p : ranks.points()) {
            if (!p.isBox() && p.above.getFirst().isBox()) {
                straighten(p);
            }
        }
    }

    private static double pull(Ranks.Point p, Ranks.Point n) {
        if (p.isBox() && n.isBox()) {
            return p.box.kind() == Kind.PORT || n.box.kind() == Kind.PORT ? LOOSE : BOX_TO_BOX;
        }
        return p.isBox() || n.isBox() ? LOOSE : PASS_TO_PASS;
    }

    /**
     * The best places of a row while the other rows stay: nearest to the means of the neighbours
     * that keep order and distances. Pools adjacent violators of the order, after distances are
     * taken out.
     */
    private void spread(List<Ranks.Point> row) {
        int n = row.size();
        double[] offset = new double[n];
        double[] mean = new double[n];
        double[] weight = new double[n];
        int[] end = new int[n];
        int pools = 0;
        for (int i = 0; i < n; i++) {
            Ranks.Point p = row.get(i);
            offset[i] = i == 0 ? 0 : offset[i - 1] + distance(row.get(i - 1), p);
            double sum = 0;
            double pull = 0;
            for (Ranks.Point q : neighbours(p)) {
                sum += pull(p, q) * centre.get(q);
                pull += pull(p, q);
            }
            mean[pools] = (pull == 0 ? centre.get(p) : sum / pull) - offset[i];
            weight[pools] = pull == 0 ? LOOSE : pull;
            end[pools++] = i + 1;
            while (pools > 1 && mean[pools - 2] > mean[pools - 1]) {
                pools--;
                double both = weight[pools - 1] + weight[pools];
                mean[pools - 1] =
                        (mean[pools - 1] * weight[pools - 1] + mean[pools] * weight[pools]) / both;
                weight[pools - 1] = both;
                end[pools - 1] = end[pools];
            }
        }
        for (int p = 0, i = 0; p < pools; p++) {
            for (; i < end[p]; i++) {
                centre.put(row.get(i), mean[p] + offset[i]);
            }
        }
    }

    private static List<Ranks.Point> neighbours(Ranks.Point p) {
        List<Ranks.Point> all = new ArrayList<>(p.above);
        all.addAll(p.below);
        return all;
    }

    private double distance(Ranks.Point left, Ranks.Point right) {
        return (width.applyAsDouble(left) + width.applyAsDouble(right)) / 2 + gap;
    }

    /** Puts a long edge into as few columns as there is room for. */
    private void straighten(Ranks.Point first) {
        List<Ranks.Point> run = new ArrayList<>();
        double from = Double.NEGATIVE_INFINITY;
        double to = Double.POSITIVE_INFINITY;
        for (Ranks.Point p = first; p != null; p = next(p)) {
            double left = leftBound(p);
            double right = rightBound(p);
            if (!run.isEmpty() && Math.max(from, left) > Math.min(to, right)) {
                align(run, from, to);
                run.clear();
                from = left;
                to = right;
            }
            run.add(p);
            from = Math.max(from, left);
            to = Math.min(to, right);
        }
        align(run, from, to);
    }

    private void align(List<Ranks.Point> run, double from, double to) {
        double mean = run.stream().mapToDouble(centre::get).average().orElseThrow();
        double x = Math.min(Math.max(mean, from), to);
        run.forEach(p -> centre.put(p, x));
    }

    private double leftBound(Ranks.Point p) {
        if (p.order == 0) {
            return Double.NEGATIVE_INFINITY;
        }
        Ranks.Point left = ranks.rows().get(p.rank).get(p.order - 1);
        return centre.get(left) + distance(left, p);
    }

    private double rightBound(Ranks.Point p) {
        List<Ranks.Point> row = ranks.rows().get(p.rank);
        if (p.order + 1 == row.size()) {
            return Double.POSITIVE_INFINITY;
        }
        Ranks.Point right = row.get(p.order + 1);
        return centre.get(right) - distance(p, right);
    }

    private static Ranks.Point next(Ranks.Point pass) {
        return pass.below.stream().filter(p -> !p.isBox()).findFirst().orElse(null);
    }
}
