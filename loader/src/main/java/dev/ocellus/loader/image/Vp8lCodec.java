package dev.ocellus.loader.image;

import java.util.ArrayList;
import java.util.List;

/** VP8L, the lossless picture format inside WebP (RFC 9649, section 3). */
final class Vp8lCodec {
    private static final int SIGNATURE = 0x2f;

    /** A transform to undo, with the width that the picture has after undoing it. */
    private sealed interface Transform {
        record Predictor(int width, int bits, int[] modes) implements Transform {}

        record Color(int width, int bits, int[] multipliers) implements Transform {}

        record SubtractGreen() implements Transform {}

        record Palette(int width, int bits, int[] colors) implements Transform {}
    }

    private final ImageSource source;
    private final Vp8lBits bits;
    private final int width;
    private final int height;
    private final List<Transform> transforms = new ArrayList<>();

    /** The picture in bytes {@code from} to {@code end} of the file, without its alpha. */
    static RgbImage decode(ImageSource source, int from, int end) {
        return new Vp8lCodec(source, from, end).picture();
    }

    /** Blocks of {@code 1 << bits} that {@code size} pixels take. */
    static int blocks(int size, int bits) {
        return (size + (1 << bits) - 1) >> bits;
    }

    private Vp8lCodec(ImageSource source, int from, int end) {
        this.source = source;
        bits = new Vp8lBits(source, from, end);
        if (bits.number(8) != SIGNATURE) {
            throw source.broken("its VP8L data do not start with their signature");
        }
        width = bits.number(14) + 1;
        height = bits.number(14) + 1;
        bits.flag(); // Whether alpha is meant to be used.
        if (bits.number(3) != 0) {
            throw source.unsupported("this version of lossless WebP");
        }
        source.checkSize(width, height);
    }

    private RgbImage picture() {
        int packedWidth = width;
        while (bits.flag()) {
            packedWidth = readTransform(packedWidth);
        }
        int[] pixels = Vp8lPixels.read(source, bits, packedWidth, height, true);
        for (Transform transform : transforms.reversed()) {
            pixels = undo(transform, pixels);
        }
        byte[] rgb = new byte[width * height * RgbImage.CHANNELS];
        int o = 0;
        for (int argb : pixels) {
            rgb[o++] = (byte) (argb >> 16);
            rgb[o++] = (byte) (argb >> 8);
            rgb[o++] = (byte) argb;
        }
        return new RgbImage(width, height, rgb);
    }

    /** Returns the width that the picture has before the transform is undone. */
    private int readTransform(int currentWidth) {
        int kind = bits.number(2);
        if (transforms.stream().anyMatch(t -> kind(t) == kind)) {
            throw source.broken("it uses a transform twice");
        }
        switch (kind) {
            case 0 -> {
                int block = bits.number(3) + 2;
                transforms.add(
                        new Transform.Predictor(
                                currentWidth, block, readBlocks(currentWidth, block)));
            }
            case 1 -> {
                int block = bits.number(3) + 2;
                transforms.add(
                        new Transform.Color(currentWidth, block, readBlocks(currentWidth, block)));
            }
            case 2 -> transforms.add(new Transform.SubtractGreen());
            default -> {
                int size = bits.number(8) + 1;
                int[] colors = Vp8lPixels.read(source, bits, size, 1, false);
                for (int i = 1; i < size; i++) {
                    colors[i] = Vp8lTransforms.add(colors[i], colors[i - 1]);
                }
                int packing = size <= 2 ? 3 : size <= 4 ? 2 : size <= 16 ? 1 : 0;
                transforms.add(new Transform.Palette(currentWidth, packing, colors));
                return blocks(currentWidth, packing);
            }
        }
        return currentWidth;
    }

    private int[] readBlocks(int currentWidth, int block) {
        return Vp8lPixels.read(
                source, bits, blocks(currentWidth, block), blocks(height, block), false);
    }

    private static int kind(Transform transform) {
        return switch (transform) {
            case Transform.Predictor _ -> 0;
            case Transform.Color _ -> 1;
            case Transform.SubtractGreen _ -> 2;
            case Transform.Palette _ -> 3;
        };
    }

    private int[] undo(Transform transform, int[] pixels) {
        switch (transform) {
            case Transform.Predictor t ->
                    Vp8lTransforms.predict(pixels, t.width(), t.bits(), t.modes());
            case Transform.Color t ->
                    Vp8lTransforms.restoreColors(pixels, t.width(), t.bits(), t.multipliers());
            case Transform.SubtractGreen _ -> Vp8lTransforms.addGreen(pixels);
            case Transform.Palette t -> {
                return Vp8lTransforms.expandPalette(
                        pixels, t.width(), height, t.bits(), t.colors());
            }
        }
        return pixels;
    }
}
