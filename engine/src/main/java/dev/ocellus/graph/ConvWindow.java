package dev.ocellus.graph;

/**
 * How a convolution's filter moves over an image: its size, the pixels from one place to the next,
 * the pixels from one of its taps to the next, and the zeros around the image.
 */
public record ConvWindow(
        long kernelHeight,
        long kernelWidth,
        long stride,
        long dilation,
        long padTop,
        long padLeft,
        long padBottom,
        long padRight) {

    /**
     * @throws GraphException if a size or step is not positive, or padding negative
     */
    public ConvWindow {
        if (kernelHeight < 1
                || kernelWidth < 1
                || stride < 1
                || dilation < 1
                || padTop < 0
                || padLeft < 0
                || padBottom < 0
                || padRight < 0) {
            throw new GraphException(
                    "a convolution needs positive sizes and steps and no negative padding");
        }
    }

    /** A square filter with the same padding on all sides. */
    public static ConvWindow square(long kernel, long stride, long padding) {
        return new ConvWindow(kernel, kernel, stride, 1, padding, padding, padding, padding);
    }

    /** Taps of the filter. */
    public long taps() {
        return kernelHeight * kernelWidth;
    }

    /** Rows of the result for an image of so many rows; below 1 if the filter does not fit. */
    public long outHeight(long height) {
        return outputs(height + padTop + padBottom, kernelHeight);
    }

    /**
     * Columns of the result for an image of so many columns; below 1 if the filter does not fit.
     */
    public long outWidth(long width) {
        return outputs(width + padLeft + padRight, kernelWidth);
    }

    private long outputs(long length, long kernel) {
        return Math.floorDiv(length - dilation * (kernel - 1) - 1, stride) + 1;
    }
}
