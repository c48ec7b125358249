package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

import java.io.IOException;
import java.util.List;
import java.util.zip.CRC32;

/** Decoded files have exactly the pixels that Pillow makes of them. */
class ImageDecoderTest {
    private final ImageDecoder decoder = new ImageDecoder();

    @TestFactory
    List<DynamicTest> files() throws IOException {
        return References.lines("pixels.csv").stream()
                .map(line -> line.split(","))
                .map(f -> DynamicTest.dynamicTest(f[0], () -> decodes(f)))
                .toList();
    }

    private void decodes(String[] fields) throws IOException {
        DecodedImage image = decoder.decode(References.bytes(fields[0]), fields[0]);
        assertThat(image.pixels().width()).isEqualTo(Integer.parseInt(fields[1]));
        assertThat(image.pixels().height()).isEqualTo(Integer.parseInt(fields[2]));
        assertThat(image.orientation()).isEqualTo(Integer.parseInt(fields[3]));
        CRC32 crc = new CRC32();
        crc.update(image.pixels().data());
        assertThat(crc.getValue()).isEqualTo(Long.parseLong(fields[4]));
    }
}
