package dev.ocellus.verify;

import com.fasterxml.jackson.databind.JsonNode;

import dev.ocellus.Answer;
import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.Question;
import dev.ocellus.Session;
import dev.ocellus.chat.Turn;
import dev.ocellus.generate.GenerationOptions;
import dev.ocellus.kernels.ComputeType;
import dev.ocellus.loader.config.Json;
import dev.ocellus.loader.image.RgbImage;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * {@code vlm.generate} end to end: image files, earlier turns and a question, through the API that
 * users have.
 */
final class ChatGenerate {
    private ChatGenerate() {}

    static void run(Verifier.Context c, NamedTensors outputs) {
        Json arguments = c.parityCase().arguments();
        OpenOptions options =
                OpenOptions.DEFAULT
                        .withDevice(c.device())
                        .withWeights(c.weights())
                        .withCompute(
                                c.compute() == ComputeType.BF16
                                        ? OpenOptions.Compute.BF16
                                        : OpenOptions.Compute.F32);
        GenerationOptions generation =
                GenerationOptions.DEFAULT.withMaxNewTokens(arguments.getPositive("max_new_tokens"));
        Iterator<RgbImage> images = ImagePreprocess.images(c.parityCase()).iterator();
        try (Ocellus model = Ocellus.open(c.parityCase().modelFolder(), options);
                Session session = model.session()) {
            for (JsonNode turn : arguments.node().path("history")) {
                session.recall(
                        question(turn.path(0).asText(), images, false), turn.path(1).asText());
            }
            Answer answer =
                    session.chat(question(arguments.getString("prompt"), images, true))
                            .options(generation)
                            .answer();
            outputs.makeIds("generated_ids", answer.tokenIds().stream().mapToInt(i -> i).toArray());
        }
    }

    /** A turn takes an image for each of its marks; the last one takes all that are left. */
    private static Question question(String text, Iterator<RgbImage> images, boolean last) {
        long marks = last ? Long.MAX_VALUE : text.split(Turn.IMAGE_MARK, -1).length - 1L;
        List<RgbImage> own = new ArrayList<>();
        while (own.size() < marks && images.hasNext()) {
            own.add(images.next());
        }
        return new Question(text, own);
    }
}
