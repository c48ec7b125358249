package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ocellus.Ocellus;
import dev.ocellus.OpenOptions;
import dev.ocellus.Question;
import dev.ocellus.generate.GenerationOptions;
import dev.ocellus.loader.image.RgbImage;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Resident memory of a process that answers for a long time; read from the system, so in a process
 * of its own.
 */
@EnabledOnOs(OS.LINUX)
class MemoryTest {
    private static final int WARM = 300;
    private static final int ANSWERS = 1000;

    /**
     * What allocators and the virtual machine may still take after the warm-up; a page lost with
     * each answer would be far more.
     */
    private static final long SLACK_KIB = 24 << 10;

    @Test
    void nothingGrowsOverAThousandAnswers() throws Exception {
        List<Long> resident = new ArrayList<>();
        for (String line : child(Answers.class)) {
            if (line.startsWith("RssAnon ")) {
                resident.add(Long.parseLong(line.substring(8)));
            }
        }
        assertThat(resident).as("sizes after the warm-up and at the end").hasSize(2);
        assertThat(resident.get(1) - resident.get(0)).as("growth in KiB").isLessThan(SLACK_KIB);
    }

    private static List<String> child(Class<?> main) throws IOException, InterruptedException {
        Process p =
                new ProcessBuilder(
                                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                                "--enable-native-access=ALL-UNNAMED",
                                "-XX:+UseSerialGC",
                                "-Xmx64m",
                                "-cp",
                                System.getProperty("java.class.path"),
                                main.getName(),
                                Demo.MODEL.toString())
                        .redirectErrorStream(true)
                        .start();
        List<String> lines = new String(p.getInputStream().readAllBytes()).lines().toList();
        assertThat(p.waitFor()).as(String.join("\n", lines)).isZero();
        return lines;
    }

    /**
     * Asks about new images of changing sizes with answers of changing lengths, and prints the
     * resident memory twice.
     */
    public static final class Answers {
        public static void main(String[] args) throws IOException {
            SplittableRandom random = new SplittableRandom(3);
            OpenOptions options = OpenOptions.DEFAULT.withFeatureBytes(1 << 20);
            try (Ocellus model = Ocellus.open(Path.of(args[0]), options)) {
                for (int i = 1; i <= ANSWERS; i++) {
                    String text = "What do you see? ".repeat(1 + random.nextInt(20));
                    GenerationOptions generation =
                            GenerationOptions.DEFAULT.withMaxNewTokens(1 + random.nextInt(40));
                    model.chat(new Question(text, List.of(noise(random))))
                            .options(generation)
                            .text();
                    if (i == WARM || i == ANSWERS) {
                        System.gc();
                        System.out.println("RssAnon " + rssAnon());
                    }
                }
                if (model.model().pages().used() != 0) {
                    throw new IllegalStateException(
                            model.model().pages().used() + " cache pages are still in use");
                }
            }
        }

        private static RgbImage noise(SplittableRandom random) {
            int width = 1 + random.nextInt(300);
            int height = 1 + random.nextInt(300);
            byte[] pixels = new byte[width * height * 3];
            random.nextBytes(pixels);
            return new RgbImage(width, height, pixels);
        }

        private static long rssAnon() throws IOException {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("RssAnon:")) {
                    return Long.parseLong(line.replaceAll("\\D", ""));
                }
            }
            throw new IOException("/proc/self/status has no RssAnon");
        }
    }
}
