package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.awt.image.BufferedImage;

class DecodedImageTest {
    // Two rows of three gray pixels: 1 2 3 / 4 5 6.
    private static final RgbImage STORED = gray(3, 2, 1, 2, 3, 4, 5, 6);

    @ParameterizedTest
    @CsvSource({
        "1, 3, 1 2 3 4 5 6",
        "2, 3, 3 2 1 6 5 4",
        "3, 3, 6 5 4 3 2 1",
        "4, 3, 4 5 6 1 2 3",
        "5, 2, 1 4 2 5 3 6",
        "6, 2, 4 1 5 2 6 3",
        "7, 2, 6 3 5 2 4 1",
        "8, 2, 3 6 2 5 1 4"
    })
    void uprightFollowsTheOrientation(int orientation, int width, String expected) {
        RgbImage turned = new DecodedImage(STORED, orientation, ImageFormat.JPEG).upright();
        assertThat(turned.width()).isEqualTo(width);
        StringBuilder pixels = new StringBuilder();
        for (int i = 0; i < turned.data().length; i += 3) {
            pixels.append(i == 0 ? "" : " ").append(turned.data()[i]);
        }
        assertThat(pixels).hasToString(expected);
    }

    @Test
    void impossibleValuesAreRefused() {
        assertThatThrownBy(() -> new DecodedImage(STORED, 9, ImageFormat.JPEG))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RgbImage(3, 2, new byte[17]))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3x2");
        assertThatThrownBy(() -> new RgbImage(0, 2, new byte[0]))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void bufferedImagesOfAnyTypeAreCopied() {
        BufferedImage image = new BufferedImage(1, 2, BufferedImage.TYPE_3BYTE_BGR);
        image.setRGB(0, 1, 0x0a0b0c);
        assertThat(RgbImage.of(image).data()).containsExactly(0, 0, 0, 10, 11, 12);
    }

    private static RgbImage gray(int width, int height, int... values) {
        byte[] data = new byte[values.length * 3];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) values[i / 3];
        }
        return new RgbImage(width, height, data);
    }
}
