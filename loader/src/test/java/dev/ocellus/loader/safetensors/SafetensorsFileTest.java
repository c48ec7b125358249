package dev.ocellus.loader.safetensors;

import static dev.ocellus.loader.safetensors.RawFiles.counting;
import static dev.ocellus.loader.safetensors.RawFiles.entry;
import static dev.ocellus.loader.safetensors.RawFiles.header;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ocellus.loader.safetensors.SafetensorsException.Rule;
import dev.ocellus.tensor.DType;
import dev.ocellus.tensor.Shape;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

/** Files that the format allows, and what happens to them while they are open. */
class SafetensorsFileTest {
    @TempDir Path folder;
    private Path path;

    @BeforeEach
    void path() {
        path = folder.resolve("model.safetensors");
    }

    @ParameterizedTest
    @EnumSource(
            mode = EnumSource.Mode.EXCLUDE,
            names = {"Q8", "Q4", "F8"})
    void everyDTypeIsRead(DType dtype) {
        int bytes = 3 * dtype.byteSize();
        RawFiles.write(path, header(entry("w", dtype.name(), "[3]", 0, bytes)), counting(bytes));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            StoredTensor tensor = file.tensors().getFirst();
            assertThat(tensor.spec()).isEqualTo(new TensorSpec("w", dtype, Shape.of(3)));
            assertThat(read(tensor)).isEqualTo(counting(bytes));
        }
    }

    @Test
    void scalarsAndEmptyTensorsAndSpacesBehindTheHeaderAreLegal() {
        String header =
                header(
                        "\"__metadata__\":{\"format\":\"pt\"}",
                        entry("end", "F32", "[7,0]", 4, 4),
                        entry("scalar", "F32", "[]", 0, 4),
                        entry("start", "I64", "[0]", 0, 0),
                        entry("huge but empty", "U8", "[4611686018427387904,0]", 4, 4));
        RawFiles.write(path, header + " ".repeat(100), counting(4));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.metadata()).isEqualTo(Map.of("format", "pt"));
            assertThat(file.tensors())
                    .extracting(StoredTensor::name)
                    .containsExactly("start", "scalar", "end", "huge but empty");
            assertThat(read(file.tensors().get(0))).isEmpty();
            assertThat(file.tensors().get(1).shape()).isEqualTo(Shape.of());
            assertThat(read(file.tensors().get(1))).isEqualTo(counting(4));
            assertThat(file.tensors().get(2).elements()).isZero();
        }
    }

    @Test
    void fileWithoutTensorsIsLegal() {
        RawFiles.write(path, "{}", new byte[0]);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.tensors()).isEmpty();
            assertThat(file.metadata()).isEmpty();
        }
    }

    @Test
    void dataThatIsNotAlignedIsReadRight() {
        byte[] data =
                ByteBuffer.allocate(1 + 2 * Double.BYTES)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .put((byte) 1)
                        .putDouble(Math.PI)
                        .putDouble(Math.E)
                        .array();
        String header = header(entry("flag", "BOOL", "[1]", 0, 1), entry("w", "F64", "[2]", 1, 17));
        RawFiles.write(path, header + " ".repeat(header.length() % 2 == 0 ? 0 : 1), data);
        try (SafetensorsFile file = SafetensorsFile.open(path);
                Arena arena = Arena.ofConfined()) {
            MemorySegment w = arena.allocate(16, 64);
            file.tensors().get(1).copyTo(0, w);
            ValueLayout.OfDouble little =
                    ValueLayout.JAVA_DOUBLE.withOrder(ByteOrder.LITTLE_ENDIAN);
            assertThat(w.getAtIndex(little, 0)).isEqualTo(Math.PI);
            assertThat(w.getAtIndex(little, 1)).isEqualTo(Math.E);
        }
    }

    @Test
    void partsAreCopiedAndBoundsChecked() {
        RawFiles.write(
                path,
                header(entry("a", "U8", "[10]", 0, 10), entry("b", "U8", "[10]", 10, 20)),
                counting(20));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            StoredTensor b = file.tensors().get(1);
            byte[] part = new byte[4];
            b.copyTo(6, MemorySegment.ofArray(part));
            assertThat(part).containsExactly(16, 17, 18, 19);
            assertThatThrownBy(() -> b.copyTo(7, MemorySegment.ofArray(part)))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> b.copyTo(-1, MemorySegment.ofArray(part)))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            StoredTensor a = file.tensors().get(0);
            assertThatThrownBy(() -> a.copyTo(8, MemorySegment.ofArray(part)))
                    .as("a neighbour's bytes")
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void tensorsBehindTwoGigabytesAreRead() throws IOException {
        long first = (3L << 30) + 5;
        String header =
                header(
                        entry("big", "U8", "[" + first + "]", 0, first),
                        entry("last", "U8", "[4]", first, first + 4));
        RawFiles.write(path, header, new byte[0]);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(counting(4)), channel.size() + first);
        }
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            assertThat(file.tensors().get(0).byteSize()).isEqualTo(first);
            assertThat(read(file.tensors().get(1))).isEqualTo(counting(4));
            byte[] across = {9, 9, 9, 9};
            file.tensors().get(0).copyTo(first - 4, MemorySegment.ofArray(across));
            assertThat(across).containsOnly(0);
        }
    }

    @Test
    void replacingTheFileByARenameChangesNothing() throws IOException {
        RawFiles.write(path, header(entry("w", "U8", "[4]", 0, 4)), counting(4));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            Path other = RawFiles.write(folder.resolve("other"), "{}", new byte[0]);
            Files.move(other, path, StandardCopyOption.REPLACE_EXISTING);
            assertThat(read(file.tensors().getFirst())).isEqualTo(counting(4));
        }
    }

    @Test
    void cuttingTheFileIsATypedError() throws IOException {
        RawFiles.write(path, header(entry("w", "U8", "[100000]", 0, 100000)), new byte[100000]);
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            try (RandomAccessFile cut = new RandomAccessFile(path.toFile(), "rw")) {
                cut.setLength(cut.length() - 1);
            }
            assertThatThrownBy(() -> read(file.tensors().getFirst()))
                    .isInstanceOfSatisfying(
                            SafetensorsException.class,
                            e -> assertThat(e.rule()).isEqualTo(Rule.FILE_SHRANK))
                    .hasMessageContaining("'w'");
        }
    }

    @Test
    void pagesAreReadAheadAndAfterTheirRelease() {
        int bytes = 300_000;
        RawFiles.write(
                path,
                header(entry("a", "U8", "[7]", 0, 7), entry("b", "U8", "[299993]", 7, bytes)),
                counting(bytes));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            StoredTensor b = file.tensors().get(1);
            b.readAhead(0, b.byteSize());
            b.readAhead(200_000, 0);
            assertThatThrownBy(() -> b.readAhead(1, b.byteSize()))
                    .isInstanceOf(IndexOutOfBoundsException.class);
            byte[] before = read(b);
            assertThat(before).isEqualTo(Arrays.copyOfRange(counting(bytes), 7, bytes));
            b.releasePages(0, b.byteSize());
            assertThat(read(b)).isEqualTo(before);
            file.tensors().get(0).releasePages(0, 1);
            assertThat(read(file.tensors().get(0))).isEqualTo(counting(7));
        }
    }

    @Test
    void closedFileRefusesCopiesAndClosesAgain() {
        RawFiles.write(path, header(entry("w", "U8", "[4]", 0, 4)), counting(4));
        SafetensorsFile file = SafetensorsFile.open(path);
        StoredTensor w = file.tensors().getFirst();
        file.close();
        file.close();
        assertThatThrownBy(() -> read(w)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> w.releasePages(0, 4)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> w.readAhead(0, 4)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void closingUnderACopyIsAnErrorThereNotACrash() throws InterruptedException {
        int bytes = 16 << 20;
        RawFiles.write(
                path, header(entry("w", "U8", "[" + bytes + "]", 0, bytes)), new byte[bytes]);
        for (int round = 0; round < 5; round++) {
            SafetensorsFile file = SafetensorsFile.open(path);
            StoredTensor w = file.tensors().getFirst();
            CountDownLatch started = new CountDownLatch(1);
            AtomicReference<Throwable> failure = new AtomicReference<>();
            Thread reader =
                    new Thread(
                            () -> {
                                while (true) {
                                    read(w);
                                    w.releasePages(0, w.byteSize());
                                    started.countDown();
                                }
                            });
            reader.setUncaughtExceptionHandler((thread, e) -> failure.set(e));
            reader.start();
            started.await();
            file.close();
            reader.join();
            assertThat(failure.get()).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void anInterruptedThreadStillReads() {
        RawFiles.write(path, header(entry("w", "U8", "[4]", 0, 4)), counting(4));
        try (SafetensorsFile file = SafetensorsFile.open(path)) {
            Thread.currentThread().interrupt();
            assertThat(read(file.tensors().getFirst())).isEqualTo(counting(4));
            assertThat(Thread.interrupted()).isTrue();
            assertThat(read(file.tensors().getFirst())).isEqualTo(counting(4));
        }
    }

    private static byte[] read(StoredTensor tensor) {
        byte[] bytes = new byte[Math.toIntExact(tensor.byteSize())];
        tensor.copyTo(0, MemorySegment.ofArray(bytes));
        return bytes;
    }
}
