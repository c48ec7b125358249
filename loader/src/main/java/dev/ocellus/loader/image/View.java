package dev.ocellus.loader.image;

/**
 * A rectangle of a canvas that becomes one tile. It may reach beyond the canvas: there it is black.
 *
 * @param x column of the left edge, may be negative
 * @param y row of the upper edge, may be negative
 */
record View(Canvas canvas, int x, int y, int width, int height) {
    static View whole(Canvas canvas) {
        return new View(canvas, 0, 0, canvas.width(), canvas.height());
    }

    /** The first column of the canvas that the view shows. */
    int left() {
        return Math.clamp(x, 0, canvas.width());
    }

    /** The column of the canvas at which the view ends. */
    int right() {
        return Math.clamp((long) x + width, left(), canvas.width());
    }

    /** The first row of the canvas that the view shows. */
    int top() {
        return Math.clamp(y, 0, canvas.height());
    }

    /** The row of the canvas at which the view ends. */
    int bottom() {
        return Math.clamp((long) y + height, top(), canvas.height());
    }

    /** Whether all of it lies on the canvas. */
    boolean inside() {
        return right() - left() == width && bottom() - top() == height;
    }
}
