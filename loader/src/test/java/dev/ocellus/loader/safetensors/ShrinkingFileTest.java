package dev.ocellus.loader.safetensors;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.loader.safetensors.SafetensorsException.Rule;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A file that is cut while it is read gives a typed error; the process lives on. */
class ShrinkingFileTest {
    private static final int BYTES = 64 << 20;

    @TempDir Path folder;

    @ParameterizedTest
    @ValueSource(ints = {40, 5000, BYTES})
    void truncationDuringCopiesIsATypedError(int copyBytes) throws Exception {
        Path file = folder.resolve("model.safetensors");
        RawFiles.write(
                file,
                RawFiles.header(RawFiles.entry("w", "U8", "[" + BYTES + "]", 0, BYTES)),
                new byte[BYTES]);
        Path output = folder.resolve("output.txt");
        Process child =
                new ProcessBuilder(
                                List.of(
                                        ProcessHandle.current().info().command().orElseThrow(),
                                        "--enable-native-access=ALL-UNNAMED",
                                        "-Xmx256m",
                                        "-XX:ErrorFile=" + folder.resolve("crash.log"),
                                        "-cp",
                                        System.getProperty("java.class.path"),
                                        Child.class.getName(),
                                        file.toString(),
                                        Integer.toString(copyBytes)))
                        .redirectErrorStream(true)
                        .redirectOutput(output.toFile())
                        .start();
        int exit = child.waitFor();
        String printed = Files.readString(output, StandardCharsets.UTF_8);
        assertThat(exit).as(printed).isZero();
        assertThat(printed)
                .contains("FILE_SHRANK")
                .contains("the file was cut or changed while tensor 'w' was read")
                .contains("still alive");
    }

    /** Copies in a loop until another thread has cut the file to a page. */
    static final class Child {
        public static void main(String[] arguments) throws Exception {
            Path path = Path.of(arguments[0]);
            int copyBytes = Integer.parseInt(arguments[1]);
            try (SafetensorsFile file = SafetensorsFile.open(path);
                    Arena arena = Arena.ofConfined()) {
                StoredTensor tensor = file.tensors().getFirst();
                MemorySegment destination = arena.allocate(copyBytes);
                tensor.copyTo(0, destination);
                Thread cutter = new Thread(() -> cut(path));
                cutter.start();
                copyUntilError(tensor, destination);
                cutter.join();
            }
            System.out.println("still alive");
        }

        private static void copyUntilError(StoredTensor tensor, MemorySegment destination) {
            try {
                while (true) {
                    for (long at = 0;
                            at + destination.byteSize() <= tensor.byteSize();
                            at += 1 + destination.byteSize()) {
                        tensor.copyTo(at, destination);
                    }
                    tensor.releasePages(0, tensor.byteSize());
                }
            } catch (SafetensorsException e) {
                System.out.println(e.rule() + " " + e.getMessage());
                if (e.rule() != Rule.FILE_SHRANK) {
                    throw e;
                }
            }
        }

        private static void cut(Path path) {
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                Thread.sleep(300);
                file.setLength(4096);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
