package dev.ocellus.loader.safetensors;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Random valid files come back as they were written; damaged ones give typed errors only. */
class HeaderPropertiesTest {
    private static Path folder;

    @BeforeContainer
    static void makeFolder() throws IOException {
        folder = Files.createTempDirectory("headers");
    }

    @AfterContainer
    static void deleteFolder() throws IOException {
        Files.deleteIfExists(folder.resolve("model.safetensors"));
        Files.delete(folder);
    }

    @Property(tries = 200)
    void validFilesRoundTrip(
            @ForAll("tensorLists") List<TensorSpec> tensors,
            @ForAll("metadata") Map<String, String> metadata,
            @ForAll long seed) {
        Path path = folder.resolve("model.safetensors");
        List<byte[]> contents = contents(tensors, seed);
        SafetensorsWriter.write(path, metadata, tensors, source(tensors, contents));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.metadata()).isEqualTo(metadata);
            assertThat(file.tensors())
                    .extracting(StoredTensor::spec)
                    .containsExactlyInAnyOrderElementsOf(tensors);
            for (StoredTensor tensor : file.tensors()) {
                byte[] read = new byte[(int) tensor.byteSize()];
                tensor.copyTo(0, MemorySegment.ofArray(read));
                assertThat(read).isEqualTo(contents.get(tensors.indexOf(tensor.spec())));
            }
        }
    }

    @Property(tries = 3000, shrinking = ShrinkingMode.OFF)
    void flippedBitsGiveTypedErrorsOnly(@ForAll Random random) throws IOException {
        Path path = folder.resolve("model.safetensors");
        byte[] bytes = sampleFile();
        int headerEnd = 8 + (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
        int flips = 1 + random.nextInt(4);
        for (int i = 0; i < flips; i++) {
            bytes[random.nextInt(headerEnd)] ^= (byte) (1 << random.nextInt(8));
        }
        if (random.nextInt(4) == 0) {
            bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
        }
        Files.write(path, bytes);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            // A flip inside a name or between dtypes of one size leaves a valid file.
            for (StoredTensor tensor : file.tensors()) {
                tensor.copyTo(0, MemorySegment.ofArray(new byte[(int) tensor.byteSize()]));
            }
        } catch (SafetensorsException e) {
            assertThat(e.getMessage()).startsWith(path.toString()).doesNotContain("\n");
        }
    }

    private static byte[] sampleFile() {
        String header =
                RawFiles.header(
                        "\"__metadata__\":{\"format\":\"pt\"}",
                        RawFiles.entry("layers.0.weight", "BF16", "[4,6]", 0, 48),
                        RawFiles.entry("layers.0.bias", "F32", "[4]", 48, 64),
                        RawFiles.entry("ids", "I64", "[2]", 64, 80));
        return RawFiles.bytes(header, RawFiles.counting(80));
    }

    @Provide
    Arbitrary<List<TensorSpec>> tensorLists() {
        Arbitrary<Shape> shapes =
                Arbitraries.longs().between(0, 5).array(long[].class).ofMaxSize(4).map(Shape::of);
        Arbitrary<TensorSpec> tensors =
                Combinators.combine(
                                Arbitraries.strings().ofMaxLength(20),
                                Arbitraries.of(DType.class).filter(t -> !t.isBlock()),
                                shapes)
                        .as(TensorSpec::new);
        return tensors.filter(t -> !t.name().equals("__metadata__"))
                .filter(t -> wellFormed(t.name()))
                .list()
                .uniqueElements(TensorSpec::name)
                .ofMaxSize(12);
    }

    @Provide
    Arbitrary<Map<String, String>> metadata() {
        Arbitrary<String> text =
                Arbitraries.strings().ofMaxLength(10).filter(HeaderPropertiesTest::wellFormed);
        return Arbitraries.maps(text, text).ofMaxSize(4);
    }

    /** Half of a surrogate pair has no UTF-8. */
    private static boolean wellFormed(String text) {
        return text.codePoints().noneMatch(c -> c >= 0xd800 && c <= 0xdfff);
    }

    private static List<byte[]> contents(List<TensorSpec> tensors, long seed) {
        Random random = new Random(seed);
        List<byte[]> contents = new ArrayList<>();
        for (TensorSpec tensor : tensors) {
            byte[] bytes = new byte[(int) tensor.byteSize()];
            random.nextBytes(bytes);
            contents.add(bytes);
        }
        return contents;
    }

    private static TensorSource source(List<TensorSpec> tensors, List<byte[]> contents) {
        return (tensor, offset, destination) ->
                MemorySegment.copy(
                        MemorySegment.ofArray(contents.get(tensors.indexOf(tensor))),
                        offset,
                        destination,
                        0,
                        destination.byteSize());
    }
}
