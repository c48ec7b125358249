package dev.ocellus.loader.image;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** The files that {@code tools/reference/images} made. */
final class References {
    private References() {}

    static byte[] bytes(String name) throws IOException {
        try (InputStream in = References.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new FileNotFoundException(name);
            }
            return in.readAllBytes();
        }
    }

    static List<String> lines(String name) throws IOException {
        return new String(bytes(name), StandardCharsets.UTF_8).lines().toList();
    }

    /** The generator that made the inputs of {@code resize.csv}. */
    static byte[] noise(int count, int seed) {
        byte[] out = new byte[count];
        int state = seed;
        for (int i = 0; i < count; i++) {
            state = state * 1664525 + 1013904223;
            out[i] = (byte) (state >>> 24);
        }
        return out;
    }
}
