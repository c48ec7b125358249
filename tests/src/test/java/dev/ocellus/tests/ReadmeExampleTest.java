package dev.ocellus.tests;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/** The Java example of the README compiles as it stands there, and does what it says. */
class ReadmeExampleTest {
    private static final Pattern BLOCK = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);

    private static final String PROGRAM =
            """
            import dev.ocellus.*;
            import java.nio.file.Path;

            class Example {
                public static void main(String[] args) {
            %s
                }
            }
            """;

    @TempDir private Path folder;

    @Test
    void runs() throws IOException, InterruptedException {
        Matcher block = BLOCK.matcher(Files.readString(Repository.ROOT.resolve("README.md")));
        assertThat(block.find()).as("a java block in the README").isTrue();
        compile(PROGRAM.formatted(block.group(1)));

        Child.Result result =
                Child.java(
                        List.of("-cp", folder + java.io.File.pathSeparator + Child.CLASS_PATH),
                        "Example");

        assertThat(result.err()).doesNotContain("Exception");
        assertThat(result.out()).contains("a large yellow star left of a small pink triangle");
        assertThat(result.out()).contains("tokens/s");
        assertThat(result.code()).isZero();
    }

    private void compile(String program) throws IOException {
        Path source = folder.resolve("Example.java");
        Files.writeString(source, program);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        StringWriter messages = new StringWriter();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            boolean good =
                    compiler.getTask(
                                    messages,
                                    files,
                                    null,
                                    List.of(
                                            "-Xlint:all",
                                            "-Werror",
                                            "-proc:none",
                                            "-cp",
                                            Child.CLASS_PATH,
                                            "-d",
                                            folder.toString()),
                                    null,
                                    files.getJavaFileObjects(source))
                            .call();
            assertThat(good).as(messages.toString()).isTrue();
        }
    }
}
