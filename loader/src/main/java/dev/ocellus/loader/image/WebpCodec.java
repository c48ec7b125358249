package dev.ocellus.loader.image;

final class WebpCodec {
    private WebpCodec() {}

    static DecodedImage decode(ImageSource source) throws java.io.IOException {
        throw source.unsupported("this format");
    }
}
