package dev.ocellus.loader.image;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The parity cases beside the repository; tests that need them are skipped where they are not. */
final class Cases {
    static final ObjectMapper JSON = new ObjectMapper();

    private static final Path FOLDER =
            Path.of(System.getProperty("ocellus.parity.cases", "../../shared/parity/cases"));

    private Cases() {}

    /** Names of the InternVL family's image preprocessing cases. */
    static List<String> preprocessing() throws IOException {
        if (!Files.isDirectory(FOLDER)) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(FOLDER)) {
            return folders.filter(f -> f.getFileName().toString().startsWith("ivl-"))
                    .filter(f -> isPreprocessing(f.resolve("case.json")))
                    .map(f -> f.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    private static boolean isPreprocessing(Path file) {
        try {
            return Files.exists(file)
                    && JSON.readTree(file.toFile())
                            .path("task")
                            .asText()
                            .equals("image.preprocess");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path folder(String name) {
        return FOLDER.resolve(name);
    }

    /** The tensors of a small safetensors file. */
    record Tensors(JsonNode header, ByteBuffer data) {
        static Tensors read(Path file) throws IOException {
            ByteBuffer all =
                    ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
            int length = Math.toIntExact(all.getLong());
            byte[] header = new byte[length];
            all.get(header);
            return new Tensors(JSON.readTree(header), all.slice().order(ByteOrder.LITTLE_ENDIAN));
        }

        long[] shape(String name) {
            return JSON.convertValue(header.path(name).path("shape"), long[].class);
        }

        float[] floats(String name) {
            FloatBuffer values = bytes(name).asFloatBuffer();
            float[] out = new float[values.remaining()];
            values.get(out);
            return out;
        }

        long[] longs(String name) {
            LongBuffer values = bytes(name).asLongBuffer();
            long[] out = new long[values.remaining()];
            values.get(out);
            return out;
        }

        private ByteBuffer bytes(String name) {
            JsonNode offsets = header.path(name).path("data_offsets");
            int from = offsets.get(0).asInt();
            return data.slice(from, offsets.get(1).asInt() - from).order(ByteOrder.LITTLE_ENDIAN);
        }
    }
}
