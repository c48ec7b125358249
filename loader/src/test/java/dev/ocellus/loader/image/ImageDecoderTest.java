package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.util.List;

/** Decoded files against the pixels that Pillow makes of them. */
class ImageDecoderTest {
    private final ImageDecoder decoder = new ImageDecoder();

    @TestFactory
    List<DynamicTest> files() throws IOException {
        return References.lines("sizes.csv").stream()
                .map(line -> line.split(","))
                .map(f -> DynamicTest.dynamicTest(f[0], () -> decodes(f)))
                .toList();
    }

    private void decodes(String[] fields) throws IOException {
        DecodedImage image = decoder.decode(References.bytes(fields[0]), fields[0]);
        assertThat(image.pixels().width()).isEqualTo(Integer.parseInt(fields[1]));
        assertThat(image.pixels().height()).isEqualTo(Integer.parseInt(fields[2]));
        assertThat(image.orientation()).isEqualTo(Integer.parseInt(fields[3]));
        String stem = fields[0].substring(0, fields[0].lastIndexOf('.'));
        byte[] expected = References.bytes(stem + ".rgb");
        assertThat(References.largestDifference(image.pixels().data(), expected)).isZero();
    }
}
