package dev.ocellus.loader.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;

import java.io.IOException;
import java.io.InputStream;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A tokenizer of the native tokenizers library, made from the text of a {@code tokenizer.json}. Its
 * memory is freed when the object is no longer reachable. Calls from several threads are safe.
 *
 * <p>The library comes out of the jar on the class path; nothing is downloaded. DJL's own start-up
 * code is not used: it looks for CUDA variants on the network.
 */
final class NativeTokenizer {
    private static final Cleaner CLEANER = Cleaner.create();

    private final long handle;

    /** The loaded library, or the reason why there is none. */
    private static final class Library {
        static final TokenizersLibrary NATIVE = TokenizersLibrary.LIB;
        static final String FAILURE = load();

        private static String load() {
            String os = System.getProperty("os.name").toLowerCase(Locale.ROOT);
            String system = os.startsWith("win") ? "win" : os.startsWith("mac") ? "osx" : "linux";
            String machine =
                    System.getProperty("os.arch")
                            .replace("amd64", "x86_64")
                            .replace("arm64", "aarch64");
            List<String> names = new ArrayList<>();
            if (system.equals("win")) {
                names.addAll(
                        List.of("libwinpthread-1.dll", "libgcc_s_seh-1.dll", "libstdc++-6.dll"));
            }
            names.add(System.mapLibraryName("tokenizers"));
            try {
                Path directory = Files.createTempDirectory("ocellus-tokenizers");
                directory.toFile().deleteOnExit();
                for (String name : names) {
                    unpackAndLoad(
                            "/native/lib/" + system + "-" + machine + "/cpu/" + name,
                            directory.resolve(name));
                }
                return null;
            } catch (IOException | UnsatisfiedLinkError e) {
                return "the tokenizers library for "
                        + system
                        + "-"
                        + machine
                        + " can't be loaded from "
                        + System.getProperty("java.io.tmpdir")
                        + ": "
                        + e.getMessage();
            }
        }

        private static void unpackAndLoad(String resource, Path file) throws IOException {
            try (InputStream in = TokenizersLibrary.class.getResourceAsStream(resource)) {
                if (in == null) {
                    throw new IOException("the jar has no " + resource);
                }
                Files.copy(in, file);
            }
            file.toFile().deleteOnExit();
            System.load(file.toString());
        }
    }

    /**
     * @param json text of a {@code tokenizer.json}
     * @throws IllegalArgumentException with the reason if the library can't use it or there is no
     *     library
     */
    NativeTokenizer(String json) {
        if (Library.FAILURE != null) {
            throw new IllegalArgumentException(Library.FAILURE);
        }
        long created;
        try {
            created = Library.NATIVE.createTokenizerFromString(json);
        } catch (RuntimeException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
        handle = created;
        CLEANER.register(this, () -> Library.NATIVE.deleteTokenizer(created));
    }

    /** Ids of a text, which must be well-formed UTF-16. */
    int[] encode(String text, boolean addSpecialTokens) {
        long encoding = Library.NATIVE.encode(handle, text, addSpecialTokens);
        try {
            long[] ids = Library.NATIVE.getTokenIds(encoding);
            int[] result = new int[ids.length];
            for (int i = 0; i < ids.length; i++) {
                result[i] = Math.toIntExact(ids[i]);
            }
            return result;
        } finally {
            Library.NATIVE.deleteEncoding(encoding);
            Reference.reachabilityFence(this);
        }
    }

    /** Text of ids that all exist, special ones included. */
    String decode(List<Integer> ids) {
        try {
            return Library.NATIVE.decode(
                    handle, ids.stream().mapToLong(Integer::longValue).toArray(), false);
        } finally {
            Reference.reachabilityFence(this);
        }
    }
}
