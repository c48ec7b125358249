package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.kernels.KernelProvider;
import dev.ocellus.kernels.KernelProviders;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/** Resized pixels are Pillow's, on every provider and however the rows are shared out. */
class ResizeTest {
    static Stream<KernelProvider> providers() {
        return KernelProviders.available().stream();
    }

    @ParameterizedTest
    @MethodSource("providers")
    void equalsPillow(KernelProvider provider) throws IOException {
        for (String line : References.lines("resize.csv")) {
            String[] f = line.split(",");
            int width = Integer.parseInt(f[0]);
            int height = Integer.parseInt(f[1]);
            byte[] pixels = References.noise(width * height * 3, width * 1000 + height);
            Canvas canvas =
                    Canvas.of(
                            new RgbImage(width, height, pixels),
                            Integer.parseInt(f[2]),
                            Integer.parseInt(f[3]),
                            ResampleFilter.valueOf(f[4]));
            long expected = Long.parseLong(f[5]);
            assertThat(crc(canvas, provider, Integer.MAX_VALUE)).as(line).isEqualTo(expected);
            assertThat(crc(canvas, provider, 1)).as("%s by band", line).isEqualTo(expected);
            assertThat(crc(canvas, provider, 3)).as("%s by 3 bands", line).isEqualTo(expected);
        }
    }

    @Test
    void anAxisOfTheSameSizeIsCopied() {
        byte[] pixels = References.noise(19 * 33 * 3, 1);
        Canvas canvas = Canvas.of(new RgbImage(19, 33, pixels));
        assertThat(pixels(canvas, KernelProviders.get(), Integer.MAX_VALUE)).isEqualTo(pixels);
    }

    private static long crc(Canvas canvas, KernelProvider provider, int bands) {
        CRC32 crc = new CRC32();
        crc.update(pixels(canvas, provider, bands));
        return crc.getValue();
    }

    /** The resized pixels, made from the last bands to the first, some at a time. */
    private static byte[] pixels(Canvas canvas, KernelProvider provider, int bands) {
        int width = canvas.width();
        int plane = width * canvas.height();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment table = arena.allocate(ValueLayout.JAVA_FLOAT, 3 * 256);
            for (int i = 0; i < 3 * 256; i++) {
                table.setAtIndex(ValueLayout.JAVA_FLOAT, i, i % 256);
            }
            MemorySegment data = arena.allocate(ValueLayout.JAVA_FLOAT, 3L * plane);
            CanvasTiles tiles =
                    new CanvasTiles(
                            canvas,
                            List.of(new CanvasTiles.Tile(View.whole(canvas), data.address())),
                            new CanvasTiles.Planes(table.address(), width, plane),
                            arena);
            TileLaunch launch =
                    new TileLaunch(
                            List.of(new ImageTiles(canvas.source(), List.of(tiles))), provider);
            for (long end = launch.units(); end > 0; end -= bands) {
                launch.run(Math.max(0, end - bands), end);
            }
            byte[] pixels = new byte[3 * plane];
            for (int i = 0; i < pixels.length; i++) {
                long at = i % 3 * (long) plane + i / 3;
                pixels[i] = (byte) (int) data.getAtIndex(ValueLayout.JAVA_FLOAT, at);
            }
            return pixels;
        }
    }
}
