package dev.ocellus.verify;

import dev.ocellus.loader.config.Json;
import dev.ocellus.loader.image.ImageDecoder;
import dev.ocellus.loader.image.PixelValues;
import dev.ocellus.loader.image.PreprocessorConfig;
import dev.ocellus.loader.image.RgbImage;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Tensor;

import java.lang.foreign.ValueLayout;
import java.util.List;

/** {@code image.preprocess}: image files to pixel values. */
final class ImagePreprocess implements Verifier.Task {

    @Override
    public void run(
            Verifier.Context c, NamedTensors inputs, NamedTensors expected, NamedTensors outputs) {
        Json arguments = c.parityCase().arguments();
        Json options = arguments.getObject("options");
        PixelValues pixels =
                c.device()
                        .preprocessor()
                        .preprocess(
                                images(c.parityCase()),
                                options.getString("pipeline"),
                                options.node(),
                                PreprocessorConfig.load(c.parityCase().modelFolder()),
                                outputs.arena());
        outputs.make("pixel_values", DType.F32, pixels.shape().toArray())
                .segment()
                .copyFrom(pixels.data());
        List<Integer> counts = pixels.tilesPerImage();
        Tensor tiles = outputs.make("num_tiles", DType.I64, counts.size());
        for (int i = 0; i < counts.size(); i++) {
            tiles.segment().setAtIndex(ValueLayout.JAVA_LONG, i, counts.get(i));
        }
    }

    /** The images of a case, as stored. */
    static List<RgbImage> images(ParityCase c) {
        ImageDecoder decoder = new ImageDecoder();
        return c.arguments().getStrings("images").stream()
                .map(f -> decoder.decode(c.file(f)).pixels())
                .toList();
    }
}
