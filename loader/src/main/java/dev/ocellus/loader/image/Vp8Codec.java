package dev.ocellus.loader.image;

import java.util.Arrays;

/**
 * Key frames of VP8, the lossy picture format inside WebP (RFC 6386).
 *
 * <p>Own code: the ImageIO plug-ins repeat chroma samples where libwebp, which Pillow uses,
 * interpolates them, and that shifts colours at edges by dozens of levels.
 */
final class Vp8Codec {
    private static final int FRAME_HEADER = 10;
    private static final int SEGMENTS = 4;
    private static final int SUBBLOCK_DC = 0;
    private static final int[] SUBBLOCK_TREE = {
        0, 2, -1, 4, -2, 6, 8, 12, -3, 10, -5, -6, -4, 14, -7, 16, -8, -9
    };

    /** The subblock mode that a whole-block mode counts as for its neighbours. */
    private static final int[] AS_SUBBLOCK_MODE = {SUBBLOCK_DC, 2, 3, 1};

    private final ImageSource source;
    private final int end;
    private final int width;
    private final int height;
    private final int columns;
    private final int rows;
    private final Vp8Bits header;
    private final Vp8Plane y;
    private final Vp8Plane u;
    private final Vp8Plane v;

    private boolean segmented;
    private boolean segmentMap;
    private boolean segmentsAbsolute = true;
    private final int[] segmentQuantizer = new int[SEGMENTS];
    private final int[] segmentFilter = new int[SEGMENTS];
    private final int[] segmentTree = new int[SEGMENTS - 1];

    private boolean simpleFilter;
    private int filterLevel;
    private int sharpness;
    private int intraFilterDelta;
    private int subblockFilterDelta;

    private final Vp8Residuals.Factors[] factors = new Vp8Residuals.Factors[SEGMENTS];
    private Vp8Bits[] partitions;
    private int skipProbability = -1;
    private Vp8Residuals residuals;

    private final byte[] aboveModes;
    private final byte[] leftModes = new byte[4];
    private final byte[] subblockModes = new byte[16];
    private final int[] edge = new int[13];
    private final int[] scratch = new int[16];

    /** The frame in bytes {@code from} to {@code end} of the file. */
    static RgbImage decode(ImageSource source, int from, int end) {
        return new Vp8Codec(source, from, end).frame();
    }

    private Vp8Codec(ImageSource source, int from, int end) {
        this.source = source;
        this.end = end;
        byte[] file = source.bytes();
        if (end - from < FRAME_HEADER) {
            throw source.truncated();
        }
        int tag = file[from] & 0xff | (file[from + 1] & 0xff) << 8 | (file[from + 2] & 0xff) << 16;
        boolean startCode =
                (file[from + 3] & 0xff) == 0x9d && file[from + 4] == 0x01 && file[from + 5] == 0x2a;
        if ((tag & 1) != 0 || !startCode) {
            throw source.broken("its VP8 data do not start with a key frame");
        }
        width = (file[from + 6] & 0xff | file[from + 7] << 8) & 0x3fff;
        height = (file[from + 8] & 0xff | file[from + 9] << 8) & 0x3fff;
        source.checkSize(width, height);
        int firstPartition = from + FRAME_HEADER;
        int firstLength = tag >> 5;
        if (firstLength > end - firstPartition) {
            throw source.truncated();
        }
        columns = (width + 15) / 16;
        rows = (height + 15) / 16;
        header = new Vp8Bits(source, firstPartition, firstPartition + firstLength);
        readHeader(firstPartition + firstLength);
        y = new Vp8Plane(columns * 16, rows * 16);
        u = new Vp8Plane(columns * 8, rows * 8);
        v = new Vp8Plane(columns * 8, rows * 8);
        aboveModes = new byte[columns * 4];
    }

    private void readHeader(int partitionsAt) {
        header.flag(); // Colour space: there is only one.
        header.flag(); // Clamping is always done.
        readSegments();
        simpleFilter = header.flag();
        filterLevel = header.number(6);
        sharpness = header.number(3);
        readFilterDeltas();
        readPartitions(partitionsAt);
        readQuantizers();
        header.flag(); // Whether probabilities are kept for later frames.
        byte[] probabilities = Vp8Tables.defaultCoefficients();
        for (int i = 0; i < probabilities.length; i++) {
            if (header.bool(Vp8Tables.coefficientUpdate(i))) {
                probabilities[i] = (byte) header.number(8);
            }
        }
        residuals = new Vp8Residuals(probabilities, columns);
        if (header.flag()) {
            skipProbability = header.number(8);
        }
    }

    private void readSegments() {
        Arrays.fill(segmentTree, 255);
        segmented = header.flag();
        if (!segmented) {
            return;
        }
        segmentMap = header.flag();
        if (header.flag()) {
            segmentsAbsolute = header.flag();
            for (int s = 0; s < SEGMENTS; s++) {
                segmentQuantizer[s] = header.optionalSigned(7);
            }
            for (int s = 0; s < SEGMENTS; s++) {
                segmentFilter[s] = header.optionalSigned(6);
            }
        }
        for (int i = 0; segmentMap && i < segmentTree.length; i++) {
            segmentTree[i] = header.flag() ? header.number(8) : 255;
        }
    }

    private void readFilterDeltas() {
        boolean used = header.flag();
        if (!used || !header.flag()) {
            return;
        }
        // Four deltas by reference frame, then four by mode; a key frame needs the first of each.
        for (int i = 0; i < 8; i++) {
            int delta = header.optionalSigned(6);
            if (i == 0) {
                intraFilterDelta = delta;
            } else if (i == 4) {
                subblockFilterDelta = delta;
            }
        }
    }

    private void readPartitions(int at) {
        partitions = new Vp8Bits[1 << header.number(2)];
        int start = at + 3 * (partitions.length - 1);
        if (start > end) {
            throw source.truncated();
        }
        byte[] file = source.bytes();
        for (int i = 0; i < partitions.length; i++) {
            int stop = end;
            if (i < partitions.length - 1) {
                int size = at + 3 * i;
                int length =
                        file[size] & 0xff
                                | (file[size + 1] & 0xff) << 8
                                | (file[size + 2] & 0xff) << 16;
                stop = Math.min(end, start + length);
            }
            partitions[i] = new Vp8Bits(source, start, stop);
            start = stop;
        }
    }

    private void readQuantizers() {
        int base = header.number(7);
        int yDc = header.optionalSigned(4);
        int y2Dc = header.optionalSigned(4);
        int y2Ac = header.optionalSigned(4);
        int uvDc = header.optionalSigned(4);
        int uvAc = header.optionalSigned(4);
        for (int s = 0; s < SEGMENTS; s++) {
            int q = base;
            if (segmented) {
                q = segmentQuantizer[s] + (segmentsAbsolute ? 0 : base);
            }
            factors[s] =
                    new Vp8Residuals.Factors(
                            Vp8Tables.dcFactor(Math.clamp(q + yDc, 0, 127)),
                            Vp8Tables.acFactor(Math.clamp(q, 0, 127)),
                            Vp8Tables.dcFactor(Math.clamp(q + y2Dc, 0, 127)) * 2,
                            Math.max(
                                    8,
                                    Vp8Tables.acFactor(Math.clamp(q + y2Ac, 0, 127)) * 155 / 100),
                            Vp8Tables.dcFactor(Math.clamp(q + uvDc, 0, 117)),
                            Vp8Tables.acFactor(Math.clamp(q + uvAc, 0, 127)));
        }
    }

    private RgbImage frame() {
        byte[] levels = new byte[columns * rows];
        boolean[] inner = new boolean[columns * rows];
        for (int row = 0; row < rows; row++) {
            Vp8Bits bits = partitions[row % partitions.length];
            residuals.startRow();
            Arrays.fill(leftModes, (byte) SUBBLOCK_DC);
            for (int column = 0; column < columns; column++) {
                macroblock(bits, column, row, levels, inner);
            }
        }
        // Prediction reads unfiltered samples, so filtering comes after the whole frame.
        if (filterLevel > 0) {
            Vp8LoopFilter filter = new Vp8LoopFilter(simpleFilter, sharpness);
            for (int i = 0; i < levels.length; i++) {
                filter.macroblock(y, u, v, i % columns, i / columns, levels[i], inner[i]);
            }
        }
        return Vp8Colors.toRgb(y, u, v, width, height);
    }

    private void macroblock(Vp8Bits bits, int column, int row, byte[] levels, boolean[] inner) {
        int segment = 0;
        if (segmentMap) {
            segment =
                    header.bool(segmentTree[0])
                            ? 2 + header.bit(segmentTree[2])
                            : header.bit(segmentTree[1]);
        }
        boolean skipped = skipProbability >= 0 && header.bool(skipProbability);
        boolean whole = header.bool(145);
        int mode = whole ? readWholeMode(column) : readSubblockModes(column);
        int chromaMode = readChromaMode();
        boolean changed = false;
        if (skipped) {
            residuals.skip(column, whole);
        } else {
            changed = residuals.read(bits, column, whole, factors[segment]);
        }
        if (whole) {
            Vp8Prediction.block(y, column * 16, row * 16, 16, mode);
        }
        luma(column, row, whole, changed);
        chroma(u, column, row, chromaMode, 16, changed);
        chroma(v, column, row, chromaMode, 20, changed);
        int index = row * columns + column;
        levels[index] = (byte) filterLevel(segment, whole);
        inner[index] = !whole || changed;
    }

    private int filterLevel(int segment, boolean whole) {
        int level = filterLevel;
        if (segmented) {
            level = segmentFilter[segment] + (segmentsAbsolute ? 0 : filterLevel);
        }
        level += intraFilterDelta + (whole ? 0 : subblockFilterDelta);
        return Math.clamp(level, 0, 63);
    }

    private int readWholeMode(int column) {
        int mode;
        if (header.bool(156)) {
            mode = header.bool(128) ? Vp8Prediction.TRUE_MOTION : Vp8Prediction.HORIZONTAL;
        } else {
            mode = header.bool(163) ? Vp8Prediction.VERTICAL : Vp8Prediction.DC;
        }
        byte context = (byte) AS_SUBBLOCK_MODE[mode];
        Arrays.fill(aboveModes, column * 4, column * 4 + 4, context);
        Arrays.fill(leftModes, context);
        return mode;
    }

    private int readSubblockModes(int column) {
        for (int i = 0; i < 16; i++) {
            int above = column * 4 + i % 4;
            int left = i / 4;
            int node = 0;
            do {
                int probability =
                        Vp8Tables.subblockMode(aboveModes[above], leftModes[left], node / 2);
                node = SUBBLOCK_TREE[node + header.bit(probability)];
            } while (node > 0);
            byte mode = (byte) -node;
            subblockModes[i] = mode;
            aboveModes[above] = mode;
            leftModes[left] = mode;
        }
        return SUBBLOCK_DC;
    }

    private int readChromaMode() {
        if (!header.bool(142)) {
            return Vp8Prediction.DC;
        }
        if (!header.bool(114)) {
            return Vp8Prediction.VERTICAL;
        }
        return header.bool(183) ? Vp8Prediction.TRUE_MOTION : Vp8Prediction.HORIZONTAL;
    }

    private void luma(int column, int row, boolean whole, boolean changed) {
        if (whole && !changed) {
            return;
        }
        int rightOfAbove = whole ? 0 : samplesAboveRight(column, row);
        for (int i = 0; i < 16; i++) {
            int origin = y.index(column * 16 + i % 4 * 4, row * 16 + i / 4 * 4);
            if (!whole) {
                int aboveRight = i % 4 == 3 ? rightOfAbove : origin - y.stride + 4;
                Vp8Prediction.subblock(y, origin, subblockModes[i], edge, aboveRight);
            }
            if (changed) {
                Vp8Prediction.addInverseDct(residuals.coefficients, i * 16, y, origin, scratch);
            }
        }
    }

    /**
     * Index of the four samples that subblocks at the right edge of a macroblock take as above
     * right. Beyond the last column they repeat the last sample above, which is put into the
     * border.
     */
    private int samplesAboveRight(int column, int row) {
        int index = y.index(column * 16 + 16, row * 16 - 1);
        if (column == columns - 1 && row > 0) {
            Arrays.fill(y.samples, index, index + 4, y.samples[index - 1]);
        }
        return index;
    }

    private void chroma(Vp8Plane plane, int column, int row, int mode, int first, boolean changed) {
        Vp8Prediction.block(plane, column * 8, row * 8, 8, mode);
        for (int i = 0; changed && i < 4; i++) {
            int origin = plane.index(column * 8 + i % 2 * 4, row * 8 + i / 2 * 4);
            Vp8Prediction.addInverseDct(
                    residuals.coefficients, (first + i) * 16, plane, origin, scratch);
        }
    }
}
