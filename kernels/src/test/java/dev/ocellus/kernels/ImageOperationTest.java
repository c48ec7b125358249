package dev.ocellus.kernels;

import dev.ocellus.kernels.KernelCall.AssembleTokens;
import dev.ocellus.kernels.KernelCall.Patchify;
import dev.ocellus.kernels.KernelCall.PixelUnshuffle;
import dev.ocellus.kernels.OperationCheck.Setting;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.List;
import java.util.random.RandomGenerator;

class ImageOperationTest {
    private static final String SETTINGS = "dev.ocellus.kernels.OperationCheck#settings";

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void patchify(Setting setting) {
        // Images, channels, height, width, patch; pixels left over at the edges count too.
        long[][] sizes = {
            {1, 1, 1, 1, 1},
            {2, 3, 4, 6, 2},
            {3, 3, 10, 7, 3},
            {1, 2, 15, 33, 5},
            {2, 3, 28, 42, 14}
        };
        for (long[] s : sizes) {
            OperationCheck.check(
                    setting, 10, (ops, rnd) -> patchify(s[0], s[1], s[2], s[3], s[4], ops, rnd));
        }
    }

    static Trial patchify(
            long images,
            long channels,
            long height,
            long width,
            long patch,
            Operands operands,
            RandomGenerator random) {
        // One matrix row is one line of one channel.
        Matrix pixels = operands.dense(images * channels * height, width, random);
        long gridHeight = height / patch;
        long gridWidth = width / patch;
        long cells = gridHeight * gridWidth;
        long cols = channels * patch * patch;
        long ldo = cols + 3;
        Trial.Cell expected =
                (r, c) -> {
                    long image = r / cells;
                    long gridY = r % cells / gridWidth;
                    long gridX = r % gridWidth;
                    long channel = c / (patch * patch);
                    long y = gridY * patch + c / patch % patch;
                    long x = gridX * patch + c % patch;
                    return pixels.get((image * channels + channel) * height + y, x);
                };
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new Patchify(
                                pixels.address(first * channels * height),
                                out,
                                ldo,
                                count,
                                rowCount,
                                channels,
                                height,
                                width,
                                patch);
        String name =
                "Patchify images %d channels %d height %d width %d patch %d"
                        .formatted(images, channels, height, width, patch);
        return new Trial(name, images, cells, cols, ldo, call, expected, Trial.EXACT, List.of());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void assembleTokens(Setting setting) {
        // Images, tokens, columns.
        long[][] sizes = {{1, 1, 1}, {2, 3, 5}, {3, 7, 16}, {2, 16, 33}};
        for (long[] s : sizes) {
            OperationCheck.check(
                    setting, 11, (ops, rnd) -> assembleTokens(s[0], s[1], s[2], ops, rnd));
        }
    }

    static Trial assembleTokens(
            long images, long tokens, long cols, Operands operands, RandomGenerator random) {
        Matrix patches = operands.random(images * tokens, cols, random);
        Matrix cls = operands.dense(1, cols, random);
        Matrix position = operands.dense(1 + tokens, cols, random);
        long ldo = cols + 1;
        Trial.Cell expected =
                (r, c) -> {
                    long image = r / (1 + tokens);
                    long token = r % (1 + tokens);
                    float value =
                            token == 0 ? cls.get(0, c) : patches.get(image * tokens + token - 1, c);
                    return value + position.get(token, c);
                };
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new AssembleTokens(
                                patches.address(first * tokens),
                                patches.ld(),
                                cls.address(),
                                position.address(),
                                out,
                                ldo,
                                count,
                                rowCount,
                                tokens,
                                cols);
        String name = "AssembleTokens images %d tokens %d cols %d".formatted(images, tokens, cols);
        return new Trial(
                name, images, 1 + tokens, cols, ldo, call, expected, Trial.EXACT, List.of());
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource(SETTINGS)
    void pixelUnshuffle(Setting setting) {
        // Images, skip, height, width, columns, block.
        long[][] sizes = {
            {1, 0, 1, 1, 1, 1}, {2, 1, 4, 6, 3, 2}, {3, 2, 6, 9, 5, 3}, {2, 1, 8, 4, 17, 2}
        };
        for (long[] s : sizes) {
            for (long transposed = 0; transposed < 2; transposed++) {
                long t = transposed;
                OperationCheck.check(
                        setting,
                        12,
                        (ops, rnd) ->
                                pixelUnshuffle(s[0], s[1], s[2], s[3], s[4], s[5], t, ops, rnd));
            }
        }
    }

    static Trial pixelUnshuffle(
            long images,
            long skip,
            long height,
            long width,
            long cols,
            long block,
            long transposed,
            Operands operands,
            RandomGenerator random) {
        long tokens = skip + height * width;
        Matrix x = operands.random(images * tokens, cols, random);
        long gridHeight = height / block;
        long gridWidth = width / block;
        long cells = gridHeight * gridWidth;
        long outCols = block * block * cols;
        long ldo = outCols + 2;
        Trial.Cell expected =
                (r, c) -> {
                    long place = r % cells;
                    long gridY = transposed == 1 ? place % gridHeight : place / gridWidth;
                    long gridX = transposed == 1 ? place / gridHeight : place % gridWidth;
                    long dy = c / cols / block;
                    long dx = c / cols % block;
                    long pixel = (gridY * block + dy) * width + gridX * block + dx;
                    return x.get(r / cells * tokens + skip + pixel, c % cols);
                };
        Trial.Call call =
                (first, count, rowCount, out) ->
                        new PixelUnshuffle(
                                x.address(first * tokens),
                                x.ld(),
                                out,
                                ldo,
                                count,
                                rowCount,
                                skip,
                                height,
                                width,
                                cols,
                                block,
                                transposed);
        String name =
                "PixelUnshuffle images %d skip %d height %d width %d cols %d block %d transposed %d"
                        .formatted(images, skip, height, width, cols, block, transposed);
        return new Trial(name, images, cells, outCols, ldo, call, expected, Trial.EXACT, List.of());
    }
}
