package dev.ocellus.loader.image;

final class BmpCodec {
    private BmpCodec() {}

    static DecodedImage decode(ImageSource source) throws java.io.IOException {
        throw source.unsupported("this format");
    }
}
