package dev.ocellus.loader.image;

import java.util.Iterator;

import javax.imageio.ImageIO;
import javax.imageio.ImageReader;

/** The image readers that come with the JDK, whatever plug-ins the class path adds. */
final class JdkReaders {
    private JdkReaders() {}

    static ImageReader create(String format) {
        Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format);
        while (readers.hasNext()) {
            ImageReader reader = readers.next();
            if (reader.getClass().getModule() == ImageIO.class.getModule()) {
                return reader;
            }
        }
        throw new IllegalStateException("this JDK has no reader for " + format);
    }
}
