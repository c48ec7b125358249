package dev.ocellus.graph.draw;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The layered arrangement of a diagram (Sugiyama, Tagawa and Toda 1981): each box has a rank below
 * those of the boxes it reads; an edge over several ranks has a point in each of them, shared with
 * the other long edges of its source; points of a rank are ordered so that few edges cross.
 */
final class Ranks {
    private static final int SWEEPS = 12;

    /** A box, or the place where a long edge passes a rank. */
    static final class Point {
        final Diagram.Box box;
        final int rank;
        final List<Point> above = new ArrayList<>();
        final List<Point> below = new ArrayList<>();
        int order;

        /**
         * @param box null where an edge passes
         */
        Point(Diagram.Box box, int rank) {
            this.box = box;
            this.rank = rank;
        }

        boolean isBox() {
            return box != null;
        }
    }

    private final Diagram diagram;
    private final int[] rankOf;
    private final int[] lastRankOfLane;
    private final List<Point> points = new ArrayList<>();
    private final List<List<Point>> rows = new ArrayList<>();

    Ranks(Diagram diagram) {
        this.diagram = diagram;
        rankOf = new int[diagram.boxes().size()];
        lastRankOfLane = new int[diagram.lanes().size()];
        rank();
        connect();
        order();
    }

    /** Points of each rank, from left to right. */
    List<List<Point>> rows() {
        return rows;
    }

    /** Points of the boxes in their order, then those of long edges. */
    List<Point> points() {
        return points;
    }

    /** The last rank of a lane; its first one follows the last of the lane before. */
    int lastRank(int lane) {
        return lastRankOfLane[lane];
    }

    private void rank() {
        int start = 0;
        for (int lane = 0; lane < diagram.lanes().size(); lane++) {
            int last = start;
            for (Diagram.Box b : diagram.boxes()) {
                if (b.lane() == lane) {
                    rankOf[b.id()] = Math.max(start, rankOf[b.id()]);
                    last = Math.max(last, rankOf[b.id()]);
                    for (Diagram.Edge e : diagram.edges()) {
                        if (e.from() == b.id()) {
                            rankOf[e.to()] = Math.max(rankOf[e.to()], rankOf[e.from()] + 1);
                        }
                    }
                }
            }
            lastRankOfLane[lane] = last;
            start = last + 1;
        }
        // What reads nothing stands just above its first reader.
        int[] highestReader = new int[rankOf.length];
        boolean[] reads = new boolean[rankOf.length];
        Arrays.fill(highestReader, Integer.MAX_VALUE);
        for (Diagram.Edge e : diagram.edges()) {
            highestReader[e.from()] = Math.min(highestReader[e.from()], rankOf[e.to()]);
            reads[e.to()] = true;
        }
        for (Diagram.Box b : diagram.boxes()) {
            int reader = highestReader[b.id()];
            if (!reads[b.id()] && reader != Integer.MAX_VALUE) {
                rankOf[b.id()] = Math.min(reader - 1, lastRankOfLane[b.lane()]);
            }
        }
    }

    private void connect() {
        for (Diagram.Box b : diagram.boxes()) {
            points.add(new Point(b, rankOf[b.id()]));
        }
        Map<Integer, List<Point>> passes = new HashMap<>();
        for (Diagram.Edge e : diagram.edges()) {
            List<Point> chain =
                    passes.computeIfAbsent(e.from(), b -> new ArrayList<>(List.of(points.get(b))));
            while (chain.getLast().rank < rankOf[e.to()] - 1) {
                Point next = new Point(null, chain.getLast().rank + 1);
                points.add(next);
                link(chain.getLast(), next);
                chain.add(next);
            }
            link(chain.get(rankOf[e.to()] - 1 - rankOf[e.from()]), points.get(e.to()));
        }
        int ranks = lastRankOfLane.length == 0 ? 0 : lastRankOfLane[lastRankOfLane.length - 1] + 1;
        for (int r = 0; r < ranks; r++) {
            rows.add(new ArrayList<>());
        }
        for (Point p : points) {
            rows.get(p.rank).add(p);
        }
    }

    private static void link(Point from, Point to) {
        from.below.add(to);
        to.above.add(from);
    }

    /** Barycentres, down and up; the best order seen is kept. */
    private void order() {
        rows.forEach(Ranks::number);
        List<List<Point>> best = copy();
        long fewest = crossings();
        for (int i = 0; i < SWEEPS && fewest > 0; i++) {
            boolean down = i % 2 == 0;
            for (List<Point> row : down ? rows : rows.reversed()) {
                Map<Point, Double> centre = new HashMap<>();
                row.forEach(p -> centre.put(p, barycentre(p, down ? p.above : p.below)));
                row.sort(Comparator.comparingDouble(centre::get));
                number(row);
            }
            long now = crossings();
            if (now < fewest) {
                fewest = now;
                best = copy();
            }
        }
        for (int r = 0; r < rows.size(); r++) {
            rows.set(r, best.get(r));
            number(rows.get(r));
        }
    }

    private List<List<Point>> copy() {
        List<List<Point>> copy = new ArrayList<>();
        rows.forEach(row -> copy.add(new ArrayList<>(row)));
        return copy;
    }

    private static void number(List<Point> row) {
        for (int i = 0; i < row.size(); i++) {
            row.get(i).order = i;
        }
    }

    private static double barycentre(Point p, List<Point> neighbours) {
        return neighbours.stream().mapToInt(n -> n.order).average().orElse(p.order);
    }

    /** Pairs of edges between neighbouring ranks that cross. */
    long crossings() {
        long crossings = 0;
        for (List<Point> row : rows) {
            List<int[]> edges = new ArrayList<>();
            for (Point p : row) {
                for (Point q : p.below) {
                    edges.add(new int[] {p.order, q.order});
                }
            }
            for (int i = 0; i < edges.size(); i++) {
                for (int k = 0; k < i; k++) {
                    int[] a = edges.get(i);
                    int[] b = edges.get(k);
                    crossings += (long) (a[0] - b[0]) * (a[1] - b[1]) < 0 ? 1 : 0;
                }
            }
        }
        return crossings;
    }
}
