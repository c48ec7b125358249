package dev.ocellus.loader.image;

/**
 * Decoded VP8 planes to RGB with the arithmetic of libwebp, which Pillow uses: chroma is
 * interpolated between the four nearest samples with weights 9, 3, 3, 1, colours are BT.601 in
 * 14-bit fixed point.
 */
final class Vp8Colors {
    private Vp8Colors() {}

    static RgbImage toRgb(Vp8Plane y, Vp8Plane u, Vp8Plane v, int width, int height) {
        byte[] rgb = new byte[width * height * RgbImage.CHANNELS];
        int chromaHeight = (height + 1) / 2;
        int o = 0;
        for (int row = 0; row < height; row++) {
            int near = row / 2;
            int far = Math.clamp(near + (row % 2 == 0 ? -1 : 1), 0, chromaHeight - 1);
            int luma = y.index(0, row);
            for (int x = 0; x < width; x++, o += RgbImage.CHANNELS) {
                int cb = chroma(u, x, width, near, far);
                int cr = chroma(v, x, width, near, far);
                put(rgb, o, y.at(luma + x), cb, cr);
            }
        }
        return new RgbImage(width, height, rgb);
    }

    private static int chroma(Vp8Plane plane, int x, int width, int nearRow, int farRow) {
        int nearColumn = x / 2;
        int farColumn = nearColumn + (x % 2 == 0 ? -1 : 1);
        int a = plane.at(plane.index(nearColumn, nearRow));
        int c = plane.at(plane.index(nearColumn, farRow));
        if (farColumn < 0 || farColumn > (width - 1) / 2) {
            return (3 * a + c + 2) >> 2;
        }
        int b = plane.at(plane.index(farColumn, nearRow));
        int d = plane.at(plane.index(farColumn, farRow));
        // The two roundings are the reference's.
        int diagonal = (a + b + c + d + 8 + 2 * (b + c)) >> 3;
        return (diagonal + a) >> 1;
    }

    private static void put(byte[] rgb, int o, int y, int u, int v) {
        int luma = y * 19077 >> 8;
        rgb[o] = clip(luma + (v * 26149 >> 8) - 14234);
        rgb[o + 1] = clip(luma - (u * 6419 >> 8) - (v * 13320 >> 8) + 8708);
        rgb[o + 2] = clip(luma + (u * 33050 >> 8) - 17685);
    }

    private static byte clip(int value) {
        return (byte) Math.clamp(value >> 6, 0, 255);
    }
}
