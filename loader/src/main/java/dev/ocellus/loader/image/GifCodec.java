package dev.ocellus.loader.image;

final class GifCodec {
    private GifCodec() {}

    static DecodedImage decode(ImageSource source) throws java.io.IOException {
        throw source.unsupported("this format");
    }
}
