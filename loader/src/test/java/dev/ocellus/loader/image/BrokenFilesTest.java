package dev.ocellus.loader.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;

/** Whatever the bytes are, decoding ends in a picture or an {@link ImageException}. */
class BrokenFilesTest {
    private final ImageDecoder decoder = new ImageDecoder();

    @Test
    void emptyFile() {
        assertThatThrownBy(() -> decoder.decode(new byte[0], "photo.jpg"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("photo.jpg is empty");
    }

    @Test
    void textFile() {
        byte[] text = "not a picture".getBytes(StandardCharsets.UTF_8);
        assertThatThrownBy(() -> decoder.decode(text, "notes.txt"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("notes.txt is not a PNG, JPEG, GIF, BMP or WebP file");
    }

    @Test
    void missingFileAndFolder(@TempDir Path folder) {
        assertThatThrownBy(() -> decoder.decode(folder.resolve("none.png")))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("none.png");
        assertThatThrownBy(() -> decoder.decode(folder)).isInstanceOf(ImageException.class);
    }

    @Test
    void failingStream() {
        InputStream failing =
                new InputStream() {
                    @Override
                    public int read() throws IOException {
                        throw new IOException("connection reset");
                    }
                };
        assertThatThrownBy(() -> decoder.decode(failing, "upload"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("connection reset");
    }

    @Test
    void pathStreamAndBytesGiveTheSamePixels(@TempDir Path folder) throws IOException {
        byte[] file = References.bytes("png-rgb-8-interlaced.png");
        Path path = Files.write(folder.resolve("a.jpg"), file);
        byte[] pixels = decoder.decode(file, "bytes").pixels().data();
        assertThat(decoder.decode(path).pixels().data()).isEqualTo(pixels);
        assertThat(decoder.decode(new ByteArrayInputStream(file), "stream").pixels().data())
                .isEqualTo(pixels);
    }

    @Test
    void bufferedImagesKeepTheirColours() {
        BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_INT_ARGB);
        image.setRGB(0, 0, 0x40010203);
        image.setRGB(1, 0, 0xffff8000);
        assertThat(decoder.decode(image).data())
                .containsExactly(1, 2, 3, (byte) 0xff, (byte) 0x80, 0);
        assertThatThrownBy(() -> new ImageDecoder(1).decode(image))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("limit of 1");
    }

    @ParameterizedTest
    @CsvSource({
        "png-rgb-16.png, 16, 4",
        "bmp-24.bmp, 18, -4",
        "gif-256.gif, 6, -2",
        "webp-animated.webp, 24, -3"
    })
    void hugePicturesAreRefusedByTheirHeader(String name, int at, int bytes) throws IOException {
        byte[] file = References.bytes(name);
        for (int i = 0; i < Math.abs(bytes); i++) {
            boolean highest = bytes > 0 ? i == 0 : i == -bytes - 1;
            file[at + i] = file[at + Math.abs(bytes) + i] = (byte) (highest ? 0x7f : 0xff);
        }
        fixHeaderChecksum(file);
        assertThatThrownBy(() -> decoder.decode(file, name))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("more than the limit of 178956970");
    }

    @Test
    void hugeJpegIsRefusedByItsHeader() throws IOException {
        byte[] file = References.bytes("jpeg-420.jpg");
        int frame = 0;
        while ((file[frame] & 0xff) != 0xff || (file[frame + 1] & 0xff) != 0xc0) {
            frame++;
        }
        Arrays.fill(file, frame + 5, frame + 9, (byte) 0x7f);
        assertThatThrownBy(() -> decoder.decode(file, "bomb.jpg"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("32639x32639");
    }

    @Test
    void limitCanBeLoweredOnly() throws IOException {
        byte[] file = References.bytes("png-rgb-8-interlaced.png");
        assertThatThrownBy(() -> new ImageDecoder(37 * 23 - 1).decode(file, "a.png"))
                .isInstanceOf(ImageException.class)
                .hasMessageContaining("37x23");
        assertThatCode(() -> new ImageDecoder(37 * 23).decode(file, "a.png"))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> new ImageDecoder(ImageDecoder.DEFAULT_MAX_PIXELS + 1))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new ImageDecoder(0)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void pngChunksAreVerified() throws IOException {
        byte[] file = References.bytes("png-rgb-8-interlaced.png");
        file[60] ^= 1;
        assertThatThrownBy(() -> decoder.decode(file, "a.png"))
                .isInstanceOf(ImageException.class)
                .hasMessage("a.png is broken: chunk IDAT does not match its checksum");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "png-rgb-16.png",
                "jpeg-420.jpg",
                "jpeg-420-progressive.jpg",
                "gif-256.gif",
                "bmp-24.bmp",
                "bmp-rle8.bmp",
                "webp-lossless.webp",
                "webp-lossy.webp"
            })
    void truncatedFilesAreRefused(String name) throws IOException {
        byte[] file = References.bytes(name);
        for (int length = 1; length < file.length * 9 / 10; length += 1 + length / 20) {
            byte[] part = Arrays.copyOf(file, length);
            assertThatThrownBy(() -> decoder.decode(part, name))
                    .as("%s cut to %d bytes", name, part.length)
                    .isInstanceOf(ImageException.class)
                    .hasMessageContaining(name);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "png-palette-4-trns-interlaced.png",
                "png-rgba-16-interlaced.png",
                "png-exif-late.png",
                "jpeg-420.jpg",
                "jpeg-420-progressive.jpg",
                "jpeg-exif-6.jpg",
                "jpeg-ycck.jpg",
                "jpeg-profile.jpg",
                "gif-interlaced.gif",
                "gif-offset-transparent.gif",
                "bmp-rle4.bmp",
                "bmp-rle8-delta.bmp",
                "bmp-16-565.bmp",
                "bmp-palette-4.bmp",
                "webp-lossless-alpha.webp",
                "webp-lossy-alpha.webp",
                "webp-lossy-exif.webp"
            })
    void changedBytesNeverEscapeAsOtherErrors(String name) throws IOException {
        byte[] file = References.bytes(name);
        ImageDecoder small = new ImageDecoder(1 << 20);
        Random random = new Random(name.hashCode());
        for (int round = 0; round < 400; round++) {
            byte[] changed = file.clone();
            // Headers decide most, so half of the changes go there.
            int range = round % 2 == 0 ? Math.min(64, file.length) : file.length;
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                changed[random.nextInt(range)] = (byte) random.nextInt(256);
            }
            fixHeaderChecksum(changed);
            try {
                RgbImage image = small.decode(changed, name).upright();
                assertThat(image.data()).hasSize(image.width() * image.height() * 3);
            } catch (ImageException e) {
                assertThat(e).hasMessageContaining(name);
            }
        }
    }

    private static void fixHeaderChecksum(byte[] file) {
        if (file[1] == 'P' && file[2] == 'N') {
            CRC32 crc = new CRC32();
            crc.update(file, 12, 17);
            for (int i = 0; i < 4; i++) {
                file[29 + i] = (byte) (crc.getValue() >> (24 - 8 * i));
            }
        }
    }
}
