package dev.ocellus.tools;

import dev.ocellus.loader.image.DecodedImage;
import dev.ocellus.loader.image.ImageDecoder;
import dev.ocellus.loader.image.RgbImage;

import java.nio.file.Files;
import java.nio.file.Path;

/** Reads images that a user named. */
final class ImageFiles {
    private ImageFiles() {}

    /**
     * @param upright whether the picture is turned as its EXIF data says
     */
    static RgbImage read(Path file, boolean upright) {
        if (!Files.isRegularFile(file)) {
            throw new UserException(
                    Files.exists(file)
                            ? file + ": is not a file; an image file is expected"
                            : file + ": there is no such image file");
        }
        DecodedImage image = new ImageDecoder().decode(file);
        return upright ? image.upright() : image.pixels();
    }
}
