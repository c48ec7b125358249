package dev.ocellus.measure.report;

import java.util.ArrayList;
import java.util.List;

/** Finds room for labels beside points, so that they hide neither each other nor the points. */
final class LabelPlaces {
    private static final double[] DISTANCES = {4, 16, 30, 46, 64, 84, 106, 130};
    private static final int DIRECTIONS = 16;

    /** An upright rectangle. */
    record Box(double left, double top, double right, double bottom) {
        boolean overlaps(Box o) {
            return left < o.right && o.left < right && top < o.bottom && o.top < bottom;
        }

        boolean isInside(Box o) {
            return left >= o.left && right <= o.right && top >= o.top && bottom <= o.bottom;
        }
    }

    private final Box frame;
    private final List<Box> taken = new ArrayList<>();

    /**
     * @param frame in which all labels must lie
     */
    LabelPlaces(Box frame) {
        this.frame = frame;
    }

    /** Keeps labels off a place. */
    void block(Box box) {
        taken.add(box);
    }

    /**
     * The free place nearest to a point, which is then taken; null if there is none.
     *
     * @param radius of the point's mark
     */
    Box place(double x, double y, double radius, double width, double height) {
        for (double distance : DISTANCES) {
            for (int d = 0; d < DIRECTIONS; d++) {
                double angle = 2 * Math.PI * d / DIRECTIONS;
                double reach = radius + distance;
                double nearX = x + reach * Math.cos(angle);
                double nearY = y + reach * Math.sin(angle);
                // The side of the label that faces the point touches the circle of that distance.
                double left = nearX - width * (1 - Math.cos(angle)) / 2;
                double top = nearY - height * (1 - Math.sin(angle)) / 2;
                Box box = new Box(left, top, left + width, top + height);
                if (box.isInside(frame) && taken.stream().noneMatch(box::overlaps)) {
                    taken.add(box);
                    return box;
                }
            }
        }
        return null;
    }
}
