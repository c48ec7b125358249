package dev.ocellus.loader.image;

/**
 * One file on its way through a codec.
 *
 * @param name what messages call it
 * @param maxPixels most pixels its header may announce
 */
record ImageSource(String name, byte[] bytes, long maxPixels) {
    /** Codecs call this with the size in the header, before they allocate anything of that size. */
    void checkSize(long width, long height) {
        if (width < 1 || height < 1) {
            throw broken("its header says " + width + "x" + height + " pixels");
        }
        if (width > maxPixels / height) {
            throw new ImageException(
                    ("%s: %dx%d pixels are more than the limit of %d;"
                                    + " scale it down or raise the limit")
                            .formatted(name, width, height, maxPixels));
        }
    }

    ImageException broken(String what) {
        return new ImageException(name + " is broken: " + what);
    }

    ImageException truncated() {
        return new ImageException(name + " is truncated: the picture data ends too early");
    }

    ImageException unsupported(String what) {
        return new ImageException(
                name + ": " + what + " is not supported; save it as plain PNG or JPEG");
    }
}
