package dev.ocellus.graph.draw;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.graph.Cost;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/** Layouts of random diagrams. */
class LayoutTest {
    private static final int CURVE_STEPS = 40;

    private static Diagram random(long seed) {
        Random random = new Random(seed);
        int laneCount = 1 + random.nextInt(4);
        List<Diagram.Lane> lanes = new ArrayList<>();
        List<Diagram.Box> boxes = new ArrayList<>();
        Set<Diagram.Edge> edges = new LinkedHashSet<>();
        for (int lane = 0; lane < laneCount; lane++) {
            lanes.add(new Diagram.Lane("lane " + lane, 1 + random.nextInt(3), Cost.NONE));
            int n = 1 + random.nextInt(8);
            for (int i = 0; i < n; i++) {
                Kind kind = Kind.values()[random.nextInt(Kind.values().length)];
                String line = "w".repeat(random.nextInt(60));
                int id = boxes.size();
                boxes.add(
                        new Diagram.Box(id, lane, kind, "box " + id, List.of(line), "", Cost.NONE));
                for (int e = random.nextInt(4); e > 0 && id > 0; e--) {
                    edges.add(new Diagram.Edge(random.nextInt(id), id));
                }
            }
        }
        return new Diagram("random", lanes, boxes, edges, List.of(), Cost.NONE);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
    void nothingOverlaps(long seed) {
        Diagram diagram = random(seed);
        Layout layout = new Layout(diagram, 100, 300);
        List<Layout.Rect> boxes = layout.boxes();
        for (int i = 0; i < boxes.size(); i++) {
            for (int k = 0; k < i; k++) {
                assertThat(boxes.get(i).meets(boxes.get(k))).as("boxes %d and %d", i, k).isFalse();
            }
            Layout.Rect lane = layout.lanes().get(diagram.boxes().get(i).lane());
            Layout.Rect box = boxes.get(i);
            assertThat(box.x()).isGreaterThan(lane.x() + Layout.GUTTER - 20);
            assertThat(box.right()).isLessThan(lane.right());
            assertThat(box.y()).isGreaterThan(lane.y());
            assertThat(box.bottom()).isLessThan(lane.bottom());
        }
        for (int i = 1; i < layout.lanes().size(); i++) {
            assertThat(layout.lanes().get(i).y()).isGreaterThan(layout.lanes().get(i - 1).bottom());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
    void edgesKeepOutOfBoxesAndAllArrive(long seed) {
        Diagram diagram = random(seed);
        Layout layout = new Layout(diagram, 100, 300);
        for (Layout.Segment s : layout.segments()) {
            for (int i = 0; i <= CURVE_STEPS; i++) {
                double t = (double) i / CURVE_STEPS;
                check(layout, s.x1(), s.top() + t * (s.y1() - s.top()));
                double middle = (s.y1() + s.y2()) / 2;
                check(
                        layout,
                        curve(s.x1(), s.x1(), s.x2(), s.x2(), t),
                        curve(s.y1(), middle, middle, s.y2(), t));
            }
        }
        // Long edges of one source share their points but end one by one, inside the width of a
        // box.
        for (Layout.Segment s : layout.segments()) {
            if (s.arrow()) {
                assertThat(layout.boxes())
                        .anyMatch(b -> b.y() == s.y2() && s.x2() > b.x() && s.x2() < b.right());
            }
        }
        long arrows = layout.segments().stream().filter(Layout.Segment::arrow).count();
        assertThat(arrows).isEqualTo(diagram.edges().size());
    }

    private static double curve(double a, double b, double c, double d, double t) {
        double u = 1 - t;
        return u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
    }

    private static void check(Layout layout, double x, double y) {
        for (Layout.Rect box : layout.boxes()) {
            boolean inside =
                    x > box.x() + 1e-6
                            && x < box.right() - 1e-6
                            && y > box.y() + 1e-6
                            && y < box.bottom() - 1e-6;
            assertThat(inside).as("an edge at %f, %f in %s", x, y, box).isFalse();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void edgesGoDown(long seed) {
        for (Layout.Segment s : new Layout(random(seed), 0, 300).segments()) {
            assertThat(s.top()).isLessThanOrEqualTo(s.y1());
            assertThat(s.y1()).isLessThan(s.y2());
        }
    }
}
