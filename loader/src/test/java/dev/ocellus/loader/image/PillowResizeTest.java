package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.io.IOException;
import java.util.zip.CRC32;

class PillowResizeTest {
    static Iterable<String> vectors() throws IOException {
        return References.lines("resize.csv");
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void equalsPillow(String line) {
        String[] f = line.split(",");
        int width = Integer.parseInt(f[0]);
        int height = Integer.parseInt(f[1]);
        byte[] pixels = References.noise(width * height * 3, width * 1000 + height);
        RgbImage resized =
                PillowResize.resize(
                        new RgbImage(width, height, pixels),
                        Integer.parseInt(f[2]),
                        Integer.parseInt(f[3]),
                        ResampleFilter.valueOf(f[4]));
        CRC32 crc = new CRC32();
        crc.update(resized.data());
        assertThat(crc.getValue()).isEqualTo(Long.parseLong(f[5]));
    }

    @Test
    void sameSizeIsTheSameImage() {
        RgbImage image = new RgbImage(2, 1, new byte[6]);
        assertThat(PillowResize.resize(image, 2, 1, ResampleFilter.BICUBIC)).isSameAs(image);
    }

    @Test
    void impossibleSizesAreRefused() {
        RgbImage image = new RgbImage(2, 1, new byte[6]);
        assertThatThrownBy(() -> PillowResize.resize(image, 0, 1, ResampleFilter.BOX))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("0x1");
        assertThatThrownBy(() -> PillowResize.resize(image, 100_000, 100_000, ResampleFilter.BOX))
                .isInstanceOf(IllegalArgumentException.class);
    }
}
